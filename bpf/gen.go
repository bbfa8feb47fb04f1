package bpf

// The objects have no code of one architecture; little endian is all that the
// raw system calls of syscall.go support. Debian keeps asm/types.h in a
// folder of the architecture.
//go:generate go tool bpf2go -target bpfel -type action -type hook -type socket_kind -type container -type ruleset -type event prearm prearm.bpf.c -- -O2 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
//go:generate go tool bpf2go -target bpfel -type guarded -type task -type event -type guard_hook -type event_flag guard guard.bpf.c -- -O2 -mcpu=v3 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
