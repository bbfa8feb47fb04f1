/*
 * The file is opened by a handle, without a name (CAP_DAC_READ_SEARCH).
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	if (name_to_handle_at(AT_FDCWD, "/v/secret", &h.handle, &mount, 0) < 0)
		return errno;
	return reads(open_by_handle_at(open("/v", O_RDONLY | O_DIRECTORY), &h.handle, O_RDONLY));
}
