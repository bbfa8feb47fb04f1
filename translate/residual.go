package translate

// Residual is a known difference between what a rule means and what its
// mechanism enforces. The list is closed: a plan can only name these.
type Residual struct {
	ID       string // as Coverage and explain print it
	Sentence string // for people: what still passes, or is refused beyond the rule
}

// Residuals are all that a plan can name, in the order that the docs print.
var Residuals = []Residual{
	{"apparmor-interpreter", "a script's own file is judged, the interpreter that runs it is not"},
	{"apparmor-exec-argv0", "the first program of a start, and of an exec into a running container, is judged in user space, by what its name stands for at that moment; the profile is entered with that program"},
	{"apparmor-exec-name", "a program is judged by the name of its file: one that is run through a link of the blocked name, as a multi-call binary's programs are, is stopped only as the first program of a start or an exec"},
	{"apparmor-parent-metadata", "creating a directory above a blocked object, removing it, and changing its mode or owner is refused too"},
	{"apparmor-tamper-write", "a program that may not be executed cannot be written to, and its mode and owner cannot be changed either"},
	{"apparmor-move-out", "a program can be moved out of a blocked directory or pattern, as it can be copied"},
	{"apparmor-outside-files", "a file from outside the container's mounts cannot be used, though it was opened there: one that is received or inherited, and a memfd that is to be executed"},
	{"apparmor-unix-connect", "connecting to a unix socket by its path is not judged"},
	{"apparmor-proc-self", "in a file allow-list, a process may read what the base set has below /proc of the container's other processes, too"},
	{"apparmor-audit-pattern", "where a pattern is an exception from what is alerted on, what it permits is alerted on too"},
	{"apparmor-audit-base", "under posture audit, some of what is next to the base set is not alerted on: what is not a library in the folders of libraries, and all of a process's folder under /proc"},
	{"apparmor-capability-audit", "repeated uses of an audited capability may be alerted on once, and its use in a user namespace of the container's own making is alerted on too"},
	{"network-received", "a socket that was made outside the container and is handed to it is not judged"},
	{"network-packet-audit", "a socket that is not over IP (packet, SMC, vsock, ...) is refused or permitted as the rules say, but not alerted on"},
	{"seccomp-socketcall", "32-bit programs cannot create sockets at all"},
	{"seccomp-multiplexer", "32-bit programs may lose all calls on sockets, or of System V IPC, where one of them is blocked"},
}
