package front

import (
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// special says whether the start needs what only containerd's library does:
// core scheduling, and a cgroup for the shim. Options that cannot be read are
// Create's to refuse.
func special(options []byte) bool {
	if os.Getenv("SCHED_CORE") != "" {
		return true
	}
	// google.protobuf.Any, and runc's Options in it.
	if !strings.HasSuffix(string(field(options, 1)), "containerd.runc.v1.Options") {
		return false
	}
	return len(field(field(options, 2), 3)) > 0 // shim_cgroup
}

// field gives the last bytes field of that number in a message, nil if there
// is none.
func field(message []byte, number protowire.Number) (value []byte) {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil
		}
		message = message[size:]
		if n == number && kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(message)
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return nil
		}
		message = message[size:]
	}
	return value
}
