package model

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestProtocols(t *testing.T) {
	const (
		in4, in6 = unix.AF_INET, unix.AF_INET6
		mptcp    = 262
		smc      = 256
	)
	for _, c := range []struct {
		name   string
		socket Socket
		want   []string
	}{
		{"TCP", Socket{in4, unix.SOCK_STREAM, 0}, []string{"tcp", "all"}},
		{"TCP over IPv6, non-blocking", Socket{in6, unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC, unix.IPPROTO_TCP}, []string{"tcp", "all"}},
		{"MPTCP", Socket{in4, unix.SOCK_STREAM, mptcp}, []string{"tcp", "all"}},
		{"SMC over inet", Socket{in4, unix.SOCK_STREAM, smc}, []string{"tcp", "all"}},
		{"SMC", Socket{unix.AF_SMC, unix.SOCK_STREAM, 0}, []string{"tcp", "all"}},
		{"SMC over IPv6, whose number is ICMP's", Socket{unix.AF_SMC, unix.SOCK_STREAM, 1}, []string{"tcp", "all"}},
		{"UDP", Socket{in4, unix.SOCK_DGRAM, 0}, []string{"udp", "all"}},
		{"UDP-Lite", Socket{in6, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE}, []string{"udp", "all"}},
		{"ping", Socket{in4, unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, []string{"icmp", "all"}},
		{"ping over IPv6", Socket{in6, unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6}, []string{"icmpv6", "all"}},
		{"raw ICMP", Socket{in4, unix.SOCK_RAW, unix.IPPROTO_ICMP}, []string{"raw", "icmp", "all"}},
		{"raw ICMPv6", Socket{in6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6}, []string{"raw", "icmpv6", "all"}},
		{"raw", Socket{in4, unix.SOCK_RAW, unix.IPPROTO_RAW}, []string{"raw", "all"}},
		{"raw TCP", Socket{in6, unix.SOCK_RAW, unix.IPPROTO_TCP}, []string{"raw", "all"}},
		{"raw SCTP", Socket{in4, unix.SOCK_RAW, unix.IPPROTO_SCTP}, []string{"raw", "sctp", "all"}},
		{"raw DCCP", Socket{in4, unix.SOCK_RAW, unix.IPPROTO_DCCP}, []string{"raw", "dccp", "all"}},
		{"SCTP", Socket{in4, unix.SOCK_STREAM, unix.IPPROTO_SCTP}, []string{"sctp", "all"}},
		{"SCTP, one to many", Socket{in4, unix.SOCK_SEQPACKET, unix.IPPROTO_SCTP}, []string{"sctp", "all"}},
		{"SCTP by default", Socket{in4, unix.SOCK_SEQPACKET, 0}, []string{"sctp", "all"}},
		{"DCCP", Socket{in4, unix.SOCK_DCCP, unix.IPPROTO_DCCP}, []string{"dccp", "all"}},
		{"DCCP by default", Socket{in4, unix.SOCK_DCCP, 0}, []string{"dccp", "all"}},
		{"other inet", Socket{in4, unix.SOCK_RDM, 0}, []string{"all"}},
		{"packet", Socket{unix.AF_PACKET, unix.SOCK_RAW, 0x300}, []string{"raw", "all"}},
		{"packet, cooked", Socket{unix.AF_PACKET, unix.SOCK_DGRAM, 0}, []string{"raw", "all"}},
		{"packet, the old way", Socket{in4, unix.SOCK_PACKET, 0x300}, []string{"raw", "all"}},
		{"vsock", Socket{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, []string{"all"}},
		{"unix", Socket{unix.AF_UNIX, unix.SOCK_STREAM, 0}, nil},
		{"netlink", Socket{unix.AF_NETLINK, unix.SOCK_RAW, 0}, nil},
		{"crypto", Socket{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, nil},
	} {
		if got := Protocols(c.socket); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestIsLoader(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": true,
		"/lib/ld-2.31.so":           true,
		"/lib64/ld64.so.2":          true,
		"/lib/ld.so.1":              true,
		"/lib/ld-musl-x86_64.so.1":  true,
		"/usr/lib/libc.so":          true,
		"/usr/lib/libc.so.6":        false,
		"/usr/bin/ld":               false,
		"/usr/bin/ld.gold":          false,
		"/usr/bin/ld.so":            true,
		"/usr/lib/ld-tool":          false,
		"":                          false,
		"/usr/lib/libld-linux.so.2": false,
	} {
		if got := IsLoader(path); got != want {
			t.Errorf("IsLoader(%q) = %v, want %v", path, got, want)
		}
	}
}
