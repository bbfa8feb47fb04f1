package base

// Features is what profiles are compiled for, in the form of
// apparmor_parser's --policy-features: the classes that profiles mediate.
// What is not here (signals, ptrace, user namespaces, io_uring, ...)
// a profile does not judge, on any kernel and with any parser, so that it
// means the same on all of them.
const Features = `caps {mask {chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
}
}
domain {version {1.2
}
stack {yes
}
post_nnp_subset {yes
}
fix_binfmt_elf_mmap {yes
}
}
file {mask {create read write exec append mmap_exec link lock
}
}
mount {mask {mount umount pivot_root
}
}
network_v8 {af_mask {unspec unix inet ax25 ipx appletalk netrom bridge atmpvc x25 inet6 rose netbeui security key netlink packet ash econet atmsvc rds sna irda pppox wanpipe llc ib mpls can tipc bluetooth iucv rxrpc isdn phonet ieee802154 caif alg nfc vsock kcm qipcrtr smc xdp mctp
}
}
policy {versions {v8 {yes
}
v7 {yes
}
v6 {yes
}
v5 {yes
}
}
set_load {yes
}
}
`
