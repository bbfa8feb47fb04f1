package translate

// Residual is a known difference between what a rule means and what its
// mechanism enforces. The list is closed: a plan can only name these.
type Residual struct {
	ID       string // as Coverage and explain print it
	Sentence string // for people: what still passes, or is refused beyond the rule
	// Test is the test that shows it: package, function and subtest. It does
	// the act that passes though the rule denies it, or is refused though the
	// rule permits it, next to one on which rule and mechanism agree.
	Test string
}

// Residuals are all that a plan can name, in the order that the docs print.
var Residuals = []Residual{
	{"apparmor-interpreter", "a script's own file is judged, the interpreter that runs it is not",
		"integration.TestResiduals/blocks/apparmor-interpreter"},
	{"apparmor-exec-argv0", "the first program of a start, and of an exec into a running container, is judged in user space, by what its name stands for at that moment; the profile is entered with that program",
		"integration.TestResiduals/entrypoint/apparmor-exec-argv0"},
	{"apparmor-exec-name", "a program is judged by the name of its file: one that is run through a link of the blocked name, as a multi-call binary's programs are, is stopped only as the first program of a start or an exec",
		"integration.TestResiduals/blocks/apparmor-exec-name"},
	{"apparmor-parent-metadata", "creating a directory above a blocked object, removing it, and changing its mode or owner is refused too",
		"integration.TestResiduals/blocks/apparmor-parent-metadata"},
	{"apparmor-tamper-write", "a program that may not be executed cannot be written to, and its mode and owner cannot be changed either",
		"integration.TestResiduals/blocks/apparmor-tamper-write"},
	{"apparmor-move-out", "a program can be moved out of a blocked directory or pattern, as it can be copied",
		"integration.TestResiduals/blocks/apparmor-move-out"},
	{"apparmor-mprotect", "a program that may not be executed but be read can be made code by mprotect after it was mapped for reading, if it lies on an overlay",
		"integration.TestAttacks"},
	{"apparmor-outside-files", "a file that a process under another profile opened outside the container's mounts cannot be used where it is received or inherited, and a memfd cannot be executed",
		"integration.TestResiduals/lists/apparmor-outside-files"},
	{"apparmor-unix-connect", "connecting to a unix socket by its path is not judged",
		"integration.TestResiduals/lists/apparmor-unix-connect"},
	{"apparmor-proc-self", "in a file allow-list, a process may read what the base set has below /proc of the container's other processes, too",
		"integration.TestResiduals/lists/apparmor-proc-self"},
	{"apparmor-audit-pattern", "where a pattern is an exception from what is alerted on, what it permits is alerted on too",
		"integration.TestResiduals/alerts/apparmor-audit-pattern"},
	{"apparmor-audit-base", "under posture audit, some of what is next to the base set is not alerted on: what is not a library in the folders of libraries, and all of a process's folder under /proc",
		"integration.TestResiduals/alerts/apparmor-audit-base"},
	{"apparmor-audit-link", "making a hard link, of a file or in its place, is not alerted on",
		"integration.TestConformance"},
	{"apparmor-link-owner", "where a file allow-list denies, none but its owner can make a hard link of a file",
		"integration.TestConformance"},
	{"apparmor-capability-audit", "repeated uses of an audited capability may be alerted on once, and its use in a user namespace of the container's own making is alerted on too",
		"integration.TestResiduals/alerts/apparmor-capability-audit"},
	{"apparmor-owner-replace", "who may write to the directory of an object with ownerOnly can put a file of their own in its place by renaming",
		"profiles.TestKernelAppArmor/apparmor-owner-replace"},
	{"apparmor-source-script", "the source of what a script does is the script itself and not its interpreter, unless it is the first program of a start or an exec",
		"profiles.TestKernelAppArmor/apparmor-source-script"},
	{"apparmor-source-descriptor", "an open file that is left or handed to the process of another source is judged again, by that source's rules",
		"profiles.TestKernelAppArmor/apparmor-source-descriptor"},
	{"apparmor-source-trace", "a process can trace those of other sources, if it could without the policy, and have them do what they may",
		"integration.TestAttacks"},
	{"apparmor-source-link", "an executable that is a source of rules cannot be given another name by a hard link",
		"profiles.TestKernelAppArmor/apparmor-source-link"},
	{"apparmor-source-read", "where rules restrict reading, a source that may do what others may not can also read its own executable, and can only execute what may be read by the rules for that",
		"profiles.TestKernelAppArmor/apparmor-source-read"},
	{"apparmor-source-network", "a source's sockets are told apart by family and type only: ICMP over datagram sockets is taken for UDP, SCTP over stream sockets for TCP, and any raw socket for raw",
		"profiles.TestKernelAppArmor/apparmor-source-network"},
	{"apparmor-source-capability", "a capability that is denied to a source is also denied to it in a user namespace of the container's own making, and without CAP_SYS_PTRACE it cannot trace a process of another source, though that were its own user's",
		"profiles.TestKernelAppArmor/apparmor-source-capability"},
	{"apparmor-source-privileges", "a process that sets no_new_privs itself can no longer execute a source that may do what others may not and, if it is a source itself, nothing that is none",
		"profiles.TestKernelAppArmor/apparmor-source-privileges"},
	{"apparmor-source-stacked", "with no_new_privs, what a source executes remains bound by the rules for the source, and is alerted on by them",
		"profiles.TestKernelAppArmor/apparmor-source-stacked"},
	{"network-received", "a socket that was made outside the container and is handed to it is not judged",
		"bpf.TestResidualReceivedSocket"},
	{"network-packet-audit", "a socket that is not over IP (packet, SMC, vsock, ...) is refused or permitted as the rules say, but not alerted on",
		"integration.TestResiduals/sockets/network-packet-audit"},
	{"hook-families", "under a hook alone, without the shim, sockets that are not over IP (packet, SMC, vsock, ...) are not judged",
		"integration.TestPodmanResidual"},
	{"seccomp-socketcall", "32-bit programs cannot create sockets through socketcall, as old C libraries do",
		"integration.TestResiduals/sockets/seccomp-socketcall"},
	{"seccomp-multiplexer", "32-bit programs may lose all calls on sockets that go through socketcall, or all of System V IPC through ipc, where one of them is blocked",
		"integration.TestResiduals/sockets/seccomp-multiplexer"},
}
