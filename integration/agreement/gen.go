package agreement

//go:generate go tool bpf2go -target bpfel -type batch -type question -type subject matcher matcher.bpf.c -- -O2 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
