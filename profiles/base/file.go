// Package base holds what prearm puts under every container's rules: the part
// of an AppArmor profile that does not depend on them, and what an allow-list
// of files leaves readable so that programs can start at all.
package base

import "github.com/prearm/prearm/translate/model"

// Files is the base set of file allow-lists. It is what the dynamic loader and
// the C library open on their own, terminals, the devices that are no data,
// and a process's view of itself. It grants no exec, and writes to those
// devices only. As in rules, directories have no slash at their end.
func Files() []model.BaseEntry {
	return []model.BaseEntry{
		// Shared libraries, the loader's cache and its configuration.
		{Pattern: "/{,usr/}{,local/}lib{,32,64,x32}/{,**/}*.so{,.*}"},
		{Pattern: "/etc/ld.so.{cache,preload,conf}"},
		{Pattern: "/etc/ld.so.conf.d{,/**}"},
		// musl's loader path.
		{Pattern: "/etc/ld-musl-*.path"},
		// Locales, character sets, terminals' descriptions, time zones.
		{Pattern: "/usr/{,local/}share/locale{,/**}"},
		{Pattern: "/usr/lib{,64}/locale{,/**}"},
		{Pattern: "/usr/lib{,32,64,x32}/{,*/}gconv{,/**}"},
		{Pattern: "/usr/share/zoneinfo{,/**}"},
		{Pattern: "/etc/{localtime,locale.alias,timezone}"},
		{Pattern: "/{etc,lib,usr/share,usr/lib}/terminfo{,/**}"},
		// Devices that are no data.
		{Pattern: "/dev/{null,zero,full,random,urandom,tty,console,ptmx}", Write: true},
		{Pattern: "/dev/pts/*", Write: true},
		{Pattern: "/dev/{pts,fd,stdin,stdout,stderr}"},
		// The process itself. AppArmor sees the number, not "self".
		{Pattern: "/proc/{[0-9]*,self,thread-self}/{,task/[0-9]*/}{cmdline,comm,stat,statm,status,maps,auxv,limits,cgroup,mountinfo,mounts,fd,fdinfo}", Own: true},
		{Pattern: "/proc/{filesystems,meminfo,cpuinfo,stat,loadavg,uptime,version}"},
		{Pattern: "/proc/sys/{kernel/{cap_last_cap,ngroups_max,osrelease,pid_max},vm/overcommit_memory}"},
		{Pattern: "/sys/devices/system/cpu{,/online,/possible,/present}"},
		{Pattern: "/sys/kernel/mm/transparent_hugepage/{enabled,hpage_pmd_size}"},
	}
}
