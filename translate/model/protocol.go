package model

import "golang.org/x/sys/unix"

// socketTypeMask leaves out SOCK_NONBLOCK and SOCK_CLOEXEC.
const socketTypeMask = 0xf

// Protocols are the names that rules can mean s by, the narrow ones before
// "all"; none for a socket that no rule can name. A raw socket for ICMP is
// both "raw" and "icmp". The kernel fills in the default protocol of a socket
// type, so 0 stands for SCTP on SOCK_SEQPACKET and for DCCP on SOCK_DCCP.
func Protocols(s Socket) []string {
	switch s.Family {
	case unix.AF_INET, unix.AF_INET6:
		return append(inetProtocols(s.Type&socketTypeMask, s.Protocol), "all")
	case unix.AF_PACKET:
		return []string{"raw", "all"}
	case unix.AF_SMC: // its protocol numbers are its own: 1 is SMC over IPv6
		return []string{"tcp", "all"}
	case unix.AF_VSOCK:
		return []string{"all"}
	default:
		return nil
	}
}

func inetProtocols(typ, protocol int) []string {
	var names []string
	switch {
	case typ == unix.SOCK_RAW, typ == unix.SOCK_PACKET: // the latter becomes AF_PACKET
		names = append(names, "raw")
	case protocol == unix.IPPROTO_SCTP, protocol == unix.IPPROTO_ICMP, protocol == unix.IPPROTO_ICMPV6:
		// named below, whatever the type
	case typ == unix.SOCK_STREAM:
		names = append(names, "tcp")
	case typ == unix.SOCK_DGRAM:
		names = append(names, "udp")
	case typ == unix.SOCK_SEQPACKET && protocol == 0:
		names = append(names, "sctp")
	case typ == unix.SOCK_DCCP && protocol == 0:
		names = append(names, "dccp")
	}
	switch protocol {
	case unix.IPPROTO_ICMP:
		names = append(names, "icmp")
	case unix.IPPROTO_ICMPV6:
		names = append(names, "icmpv6")
	case unix.IPPROTO_SCTP:
		names = append(names, "sctp")
	case unix.IPPROTO_DCCP:
		if typ == unix.SOCK_RAW || typ == unix.SOCK_DCCP {
			names = append(names, "dccp")
		}
	}
	return names
}

// unmeant says that network rules, an allow-list included, never speak of s.
func unmeant(s Socket) bool {
	return s.Family == unix.AF_UNIX || s.Family == unix.AF_NETLINK
}
