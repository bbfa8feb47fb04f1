package model

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
)

// A table's line is one sentence of what a policy means.
type sentence struct {
	says    string
	rules   []Rule
	posture policy.Action // for every class; Block if empty
	access  Access
	want    Verdict
}

func check(t *testing.T, sentences []sentence) {
	t.Helper()
	for _, s := range sentences {
		t.Run(s.says, func(t *testing.T) {
			posture := s.posture
			if posture == "" {
				posture = policy.Block
			}
			set := New(number(s.rules), policy.Posture{File: posture, Network: posture, Capabilities: posture}, testBase...)
			if got := set.Decide(s.access); got != s.want {
				t.Errorf("rules %+v\naccess %+v\n got %+v\nwant %+v", s.rules, s.access, got, s.want)
			}
		})
	}
}

var testBase = []BaseEntry{
	{Pattern: "/usr/lib/**.so*"},
	{Pattern: "/dev/null", Write: true},
}

func number(rules []Rule) []Rule {
	for i := range rules {
		rules[i].Number = i
		if rules[i].Tier == "" {
			rules[i].Tier = policy.Namespaced
		}
	}
	return rules
}

// Rules, by class and action, object, and what is unusual about them.
type with func(*Rule)

func entry(class policy.Class, action policy.Action, o policy.Object, but ...with) Rule {
	r := Rule{Class: class, Action: action, Object: o}
	for _, change := range but {
		change(&r)
	}
	return r
}

func process(action policy.Action, o policy.Object, but ...with) Rule {
	return entry(policy.Process, action, o, but...)
}

func file(action policy.Action, o policy.Object, but ...with) Rule {
	return entry(policy.File, action, o, but...)
}

func network(action policy.Action, protocol string, but ...with) Rule {
	return entry(policy.Network, action, policy.Object{Kind: policy.Protocol, Name: protocol}, but...)
}

func capability(action policy.Action, name string, but ...with) Rule {
	return entry(policy.Capabilities, action, policy.Object{Kind: policy.Capability, Name: name}, but...)
}

func syscall(action policy.Action, o policy.Object, but ...with) Rule {
	o.Kind = policy.Syscall
	return entry(policy.Syscalls, action, o, but...)
}

func literal(name string) policy.Object { return policy.Object{Kind: policy.Path, Name: name} }
func dir(name string) policy.Object     { return policy.Object{Kind: policy.Directory, Name: name} }
func tree(name string) policy.Object {
	return policy.Object{Kind: policy.Directory, Name: name, Recursive: true}
}
func pattern(glob string) policy.Object { return policy.Object{Kind: policy.Pattern, Name: glob} }
func named(name string) policy.Object   { return policy.Object{Kind: policy.ExecName, Name: name} }

func from(sources ...string) with { return func(r *Rule) { r.Sources = sources } }
func ownerOnly(r *Rule)           { r.OwnerOnly = true }
func readOnly(r *Rule)            { r.ReadOnly = true }
func enforced(r *Rule)            { r.Enforce = true }
func cluster(r *Rule)             { r.Tier = policy.Cluster }

// Accesses.
func exec(path, source string) Access {
	return Access{Class: policy.Process, Operation: Exec, Path: path, Source: source}
}

func read(path, source string) Access {
	return Access{Class: policy.File, Operation: Read, Path: path, Source: source}
}

func write(path, source string) Access {
	return Access{Class: policy.File, Operation: Write, Path: path, Source: source}
}

func by(a Access, uid, owner uint32) Access {
	a.UID, a.Owner = uid, owner
	return a
}

func on(a Access, op Operation) Access {
	a.Operation = op
	return a
}

func called(a Access, name string) Access {
	a.ExecName = name
	return a
}

func loader(a Access) Access {
	a.Loader = true
	return a
}

func socket(family, typ, protocol int, source string) Access {
	return Access{Class: policy.Network, Operation: Create, Source: source,
		Socket: Socket{Family: family, Type: typ, Protocol: protocol}}
}

func use(class policy.Class, name, source string) Access {
	return Access{Class: class, Operation: Use, Name: name, Source: source}
}

// Verdicts.
func byRule(action policy.Action, number int) Verdict {
	return Verdict{Action: action, Rule: number, Tier: policy.Namespaced, Reason: ByRule}
}

func byFlag(action policy.Action, number int) Verdict {
	return Verdict{Action: action, Rule: number, Tier: policy.Namespaced, Reason: ByFlag}
}

func byPosture(action policy.Action) Verdict {
	return Verdict{Action: action, Rule: -1, Tier: policy.Namespaced, Reason: ByPosture}
}

func because(action policy.Action, number int, reason Reason) Verdict {
	return Verdict{Action: action, Rule: number, Tier: policy.Namespaced, Reason: reason}
}

func inCluster(v Verdict) Verdict {
	v.Tier = policy.Cluster
	return v
}

const (
	allow = policy.Allow
	audit = policy.Audit
	block = policy.Block

	bash  = "/usr/bin/bash"
	sleep = "/usr/bin/sleep"
	cat   = "/usr/bin/cat"
)

func TestObjects(t *testing.T) {
	check(t, []sentence{
		{"a path is that path", []Rule{process(block, literal(sleep))}, "", exec(sleep, bash), byRule(block, 0)},
		{"and no other", []Rule{process(block, literal(sleep))}, "", exec(sleep+"2", bash), permitted},
		{"a directory is its direct children", []Rule{file(block, dir("/etc"))}, "", read("/etc/passwd", cat), byRule(block, 0)},
		{"without recursive, not what is deeper", []Rule{file(block, dir("/etc"))}, "", read("/etc/ssl/cert", cat), permitted},
		{"with it, everything below", []Rule{file(block, tree("/etc"))}, "", read("/etc/ssl/cert", cat), byRule(block, 0)},
		{"the directory itself belongs to both: flat", []Rule{file(block, dir("/etc"))}, "", read("/etc", cat), byRule(block, 0)},
		{"the directory itself belongs to both: recursive", []Rule{file(block, tree("/etc"))}, "", read("/etc", cat), byRule(block, 0)},
		{"a trailing slash changes nothing", []Rule{file(block, tree("/etc/"))}, "", read("/etc", cat), byRule(block, 0)},
		{"a name that only begins alike is not below", []Rule{file(block, tree("/etc"))}, "", read("/etcetera/x", cat), permitted},
		{"the root's direct children", []Rule{file(block, dir("/"))}, "", read("/secret.txt", cat), byRule(block, 0)},
		{"and not its grandchildren", []Rule{file(block, dir("/"))}, "", read("/etc/passwd", cat), permitted},
		{"everything below the root", []Rule{file(block, tree("/"))}, "", read("/etc/passwd", cat), byRule(block, 0)},
		{"a pattern stays within a component", []Rule{file(block, pattern("/home/*/key"))}, "", read("/home/a/b/key", cat), permitted},
		{"or goes across", []Rule{file(block, pattern("/home/**/key"))}, "", read("/home/a/b/key", cat), byRule(block, 0)},
		{"execname is the base name of the executed file", []Rule{process(block, named("sleep"))}, "", exec("/opt/sleep", bash), byRule(block, 0)},
		{"or of the name it was executed by", []Rule{process(block, named("sleep"))}, "", called(exec("/bin/busybox", bash), "sleep"), byRule(block, 0)},
		{"objects without a name are outside the file class", []Rule{file(allow, literal("/a"))}, "", read("", cat), permitted},
		{"executing one is denied while any process rule applies", []Rule{process(audit, literal("/a"))}, "", exec("", bash), because(block, -1, ByMemory)},
		{"unless one names it", []Rule{process(audit, named("3"))}, "", called(exec("", bash), "3"), byRule(audit, 0)},
		{"a directory of everything does not name it", []Rule{process(allow, tree("/"))}, "", called(exec("", bash), "3"), because(block, -1, ByMemory)},
		{"without process rules it is permitted", []Rule{file(block, literal("/a"))}, "", exec("", bash), permitted},
		{"a pattern that does not parse blocks everything", []Rule{file(block, pattern("/a[")), file(allow, literal("/b"))}, "", read("/c", cat), byRule(block, 0)},
		{"and allows nothing", []Rule{file(allow, pattern("/a["))}, "", read("/a[", cat), byPosture(block)},
	})
}

func TestPrecedence(t *testing.T) {
	check(t, []sentence{
		{"a rule with fromSource before one without",
			[]Rule{process(block, literal(sleep)), process(allow, tree("/usr"), from(bash))}, "", exec(sleep, bash), byRule(allow, 1)},
		{"for that source only",
			[]Rule{process(block, literal(sleep)), process(allow, tree("/usr"), from(bash))}, "", exec(sleep, cat), byRule(block, 0)},
		{"path before pattern",
			[]Rule{file(block, pattern("/etc/pass*")), file(audit, literal("/etc/passwd"))}, "", read("/etc/passwd", cat), byRule(audit, 1)},
		{"execname is worth a path: Block decides",
			[]Rule{process(allow, literal(sleep)), process(block, named("sleep"))}, "", exec(sleep, bash), byRule(block, 1)},
		{"execname before pattern",
			[]Rule{process(block, pattern("/usr/bin/*")), process(audit, named("sleep"))}, "", exec(sleep, bash), byRule(audit, 1)},
		{"pattern before directory",
			[]Rule{file(block, dir("/etc")), file(audit, pattern("/*/passwd"))}, "", read("/etc/passwd", cat), byRule(audit, 1)},
		{"the longer literal prefix first",
			[]Rule{file(block, pattern("/etc/*")), file(audit, pattern("/etc/pass*"))}, "", read("/etc/passwd", cat), byRule(audit, 1)},
		{"the deeper directory first",
			[]Rule{file(block, tree("/etc")), file(audit, tree("/etc/ssl"))}, "", read("/etc/ssl/cert", cat), byRule(audit, 1)},
		{"a deeper recursive one before a higher flat one",
			[]Rule{file(block, dir("/etc")), file(audit, tree("/etc/ssl"))}, "", read("/etc/ssl", cat), byRule(audit, 1)},
		{"direct children before recursive",
			[]Rule{file(block, tree("/etc")), file(audit, dir("/etc"))}, "", read("/etc/passwd", cat), byRule(audit, 1)},
		{"one protocol before all",
			[]Rule{network(block, "all"), network(audit, "tcp")}, "", socket(unix.AF_INET, unix.SOCK_STREAM, 0, cat), byRule(audit, 1)},
		{"then Block before Audit",
			[]Rule{file(audit, literal("/a")), file(block, literal("/a"))}, "", read("/a", cat), byRule(block, 1)},
		{"then Audit before Allow",
			[]Rule{file(allow, literal("/a")), file(audit, literal("/a"))}, "", read("/a", cat), byRule(audit, 1)},
		{"one object with two sets of flags: the stricter answer",
			[]Rule{file(allow, literal("/a")), file(allow, literal("/a"), readOnly)}, "", write("/a", cat), byFlag(block, 1)},
		{"equal rules: the first number is reported",
			[]Rule{file(block, literal("/a")), file(block, literal("/a"))}, "", read("/a", cat), byRule(block, 0)},
		{"a raw ICMP socket is both raw and icmp: Block decides",
			[]Rule{network(allow, "icmp"), network(block, "raw")}, "", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, cat), byRule(block, 1)},
	})
}

func TestActions(t *testing.T) {
	check(t, []sentence{
		{"Block denies", []Rule{file(block, literal("/a"))}, "", read("/a", cat), byRule(block, 0)},
		{"Audit permits and alerts", []Rule{file(audit, literal("/a"))}, "", read("/a", cat), byRule(audit, 0)},
		{"Allow permits", []Rule{file(allow, literal("/a"))}, "", read("/a", cat), byRule(allow, 0)},
		{"no rule of the class permits", []Rule{process(allow, literal("/a"))}, "", read("/b", cat), permitted},
		{"a Block leaves others alone", []Rule{file(block, literal("/a"))}, "", read("/b", cat), permitted},
		{"an Audit leaves others alone", []Rule{file(audit, literal("/a"))}, "", read("/b", cat), permitted},
		{"rules of another class do not match", []Rule{file(block, literal(sleep))}, "", exec(sleep, bash), permitted},
	})
}

func TestAllowList(t *testing.T) {
	tcp := socket(unix.AF_INET, unix.SOCK_STREAM, 0, cat)
	check(t, []sentence{
		{"an Allow without source puts its class in allow-list mode", []Rule{process(allow, literal(bash))}, "", exec(sleep, cat), byPosture(block)},
		{"where posture audit permits and alerts", []Rule{process(allow, literal(bash))}, audit, exec(sleep, cat), byPosture(audit)},
		{"a posture that is neither is block", []Rule{process(allow, literal(bash))}, "Allow", exec(sleep, cat), byPosture(block)},
		{"another class is not in it", []Rule{process(allow, literal(bash))}, "", read("/a", cat), permitted},
		{"an Audit rule that matches still permits", []Rule{process(allow, literal(bash)), process(audit, literal(sleep))}, "", exec(sleep, cat), byRule(audit, 1)},
		{"network: what is not listed is denied", []Rule{network(allow, "udp")}, "", tcp, byPosture(block)},
		{"network: what is listed is permitted", []Rule{network(allow, "tcp")}, "", tcp, byRule(allow, 0)},
		{"network: unix sockets are never meant", []Rule{network(allow, "udp")}, "", socket(unix.AF_UNIX, unix.SOCK_STREAM, 0, cat), permitted},
		{"network: netlink sockets are never meant", []Rule{network(allow, "udp")}, "", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0, cat), permitted},
		{"network: a family that no rule can name is not listed", []Rule{network(allow, "all")}, "", socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0, cat), byPosture(block)},
		{"capabilities: what is not listed is denied", []Rule{capability(allow, "CAP_CHOWN")}, "", use(policy.Capabilities, "CAP_NET_RAW", cat), byPosture(block)},

		{"an Allow with source: bash may execute sleep", []Rule{process(allow, literal(sleep), from(bash))}, "", exec(sleep, bash), byRule(allow, 0)},
		{"bash may only execute sleep", []Rule{process(allow, literal(sleep), from(bash))}, "", exec(cat, bash), byPosture(block)},
		{"otherwise the execution of sleep is blocked", []Rule{process(allow, literal(sleep), from(bash))}, "", exec(sleep, cat), byPosture(block)},
		{"others are otherwise unaffected", []Rule{process(allow, literal(sleep), from(bash))}, "", exec("/usr/bin/ls", cat), permitted},
		{"posture audit for a closed object", []Rule{process(allow, literal(sleep), from(bash))}, audit, exec(sleep, cat), byPosture(audit)},
		{"a rule that matches opens a closed object", []Rule{process(allow, literal(sleep), from(bash)), process(audit, literal(sleep))}, "", exec(sleep, cat), byRule(audit, 1)},
		{"network: closed to other sources", []Rule{network(allow, "tcp", from(bash))}, "", tcp, byPosture(block)},

		{"files: the base set is readable", []Rule{file(allow, literal("/a"))}, "", read("/usr/lib/x86_64/libc.so.6", cat), because(allow, -1, ByBase)},
		{"for a source in allow-list mode too", []Rule{file(allow, literal("/a"), from(cat))}, "", read("/usr/lib/libc.so.6", cat), because(allow, -1, ByBase)},
		{"but not writable", []Rule{file(allow, literal("/a"))}, "", write("/usr/lib/libc.so.6", cat), byPosture(block)},
		{"but for the devices", []Rule{file(allow, literal("/a"))}, "", write("/dev/null", cat), because(allow, -1, ByBase)},
		{"it grants no exec", []Rule{file(allow, literal("/a")), process(allow, literal("/a"))}, "", exec("/usr/lib/x.so", cat), byPosture(block)},
		{"a Block covers the base set", []Rule{file(allow, literal("/a")), file(block, literal("/dev/null"))}, "", write("/dev/null", cat), byRule(block, 1)},
		{"a closed object of the base set is closed", []Rule{file(allow, literal("/dev/null"), from(bash))}, "", read("/dev/null", cat), byPosture(block)},
	})
}

func TestTiers(t *testing.T) {
	check(t, []sentence{
		{"the namespace cannot allow what the cluster blocks",
			[]Rule{process(block, tree("/usr"), cluster), process(allow, literal(sleep), from(bash))}, "", exec(sleep, bash), inCluster(byRule(block, 0))},
		{"the namespace can block what the cluster allows",
			[]Rule{process(allow, literal(sleep), cluster), process(block, literal(sleep))}, "", exec(sleep, bash), byRule(block, 1)},
		{"Audit over Allow",
			[]Rule{process(allow, literal(sleep), cluster), process(audit, literal(sleep))}, "", exec(sleep, bash), byRule(audit, 1)},
		{"each tier's allow-list is its own: cluster's",
			[]Rule{process(allow, literal(bash), cluster), process(allow, literal(sleep))}, "", exec(sleep, bash), inCluster(byPosture(block))},
		{"each tier's allow-list is its own: namespace's",
			[]Rule{process(allow, literal(bash), cluster), process(allow, literal(sleep))}, "", exec(bash, bash), byPosture(block)},
		{"between equals the cluster answers",
			[]Rule{process(block, literal(sleep)), process(block, literal(sleep), cluster)}, "", exec(sleep, bash), inCluster(byRule(block, 1))},
		{"a rule answers before the posture, which may have exceptions",
			[]Rule{process(allow, literal(bash), cluster), process(block, literal(sleep))}, "", exec(sleep, bash), byRule(block, 1)},
		{"a rule answers before silence",
			[]Rule{process(block, literal(bash), cluster), process(allow, literal(sleep))}, "", exec(sleep, bash), byRule(allow, 1)},
	})
}

func TestFlags(t *testing.T) {
	a := read("/a", cat)
	var all []sentence
	for _, action := range []policy.Action{allow, block} {
		owner := []Rule{file(action, literal("/a"), ownerOnly)}
		ro := []Rule{file(action, literal("/a"), readOnly)}
		both := []Rule{file(action, literal("/a"), ownerOnly, readOnly)}
		s := string(action) + ": "
		all = append(all,
			sentence{s + "the owner passes", owner, "", by(write("/a", cat), 7, 7), byFlag(allow, 0)},
			sentence{s + "everyone else is denied", owner, "", by(a, 0, 7), byFlag(block, 0)},
			sentence{s + "reading passes", ro, "", by(a, 0, 7), byFlag(allow, 0)},
			sentence{s + "every other operation is denied", ro, "", by(write("/a", cat), 7, 7), byFlag(block, 0)},
			sentence{s + "with both, the owner may read", both, "", by(a, 7, 7), byFlag(allow, 0)},
			sentence{s + "with both, others may not", both, "", by(a, 0, 7), byFlag(block, 0)},
			sentence{s + "with both, the owner may not write", both, "", by(write("/a", cat), 7, 7), byFlag(block, 0)},
			sentence{s + "an executable's owner passes", []Rule{process(action, literal("/a"), ownerOnly)}, "", by(exec("/a", bash), 7, 7), byFlag(allow, 0)},
			sentence{s + "root does not own it", []Rule{process(action, literal("/a"), ownerOnly)}, "", by(exec("/a", bash), 0, 7), byFlag(block, 0)},
		)
	}
	check(t, append(all, []sentence{
		{"Audit: non-owners are alerted on", []Rule{file(audit, literal("/a"), ownerOnly)}, "", by(a, 0, 7), byFlag(audit, 0)},
		{"Audit: the owner is not", []Rule{file(audit, literal("/a"), ownerOnly)}, "", by(a, 7, 7), byFlag(allow, 0)},
		{"Audit: writes are alerted on", []Rule{file(audit, literal("/a"), readOnly)}, "", write("/a", cat), byFlag(audit, 0)},
		{"Audit: reads are not", []Rule{file(audit, literal("/a"), readOnly)}, "", a, byFlag(allow, 0)},
		{"posture audit softens no flag", []Rule{file(allow, literal("/a"), readOnly)}, audit, write("/a", cat), byFlag(block, 0)},
		{"a readOnly Allow lists its class", []Rule{file(allow, literal("/a"), readOnly)}, "", read("/b", cat), byPosture(block)},
		{"a readOnly Block does not", []Rule{file(block, literal("/a"), readOnly)}, "", read("/b", cat), permitted},
	}...))
}

func TestOperations(t *testing.T) {
	ld := loader(exec("/usr/lib/ld-linux-x86-64.so.2", bash))
	sleeps := exec(sleep, bash)
	check(t, []sentence{
		{"a blocked path is refused as a code mapping", []Rule{process(block, literal(sleep))}, "", on(sleeps, Map), byRule(block, 0)},
		{"a blocked directory is not", []Rule{process(block, dir("/usr/bin"))}, "", on(sleeps, Map), permitted},
		{"nor a blocked pattern", []Rule{process(block, pattern("/usr/bin/*"))}, "", on(sleeps, Map), permitted},
		{"nor a blocked name", []Rule{process(block, named("sleep"))}, "", on(sleeps, Map), permitted},
		{"mapping is otherwise not judged", []Rule{process(allow, literal(bash))}, "", on(sleeps, Map), permitted},
		{"mapping is not audited", []Rule{process(audit, literal(sleep))}, "", on(sleeps, Map), permitted},
		{"a mapping by a source that may run it", []Rule{process(block, literal(sleep)), process(allow, literal(sleep), from(bash))}, "", on(sleeps, Map), permitted},
		{"the exec's own mapping", []Rule{process(block, literal(sleep)), process(allow, literal(sleep), from(bash))}, "", on(exec(sleep, sleep), Map), permitted},
		{"a mapping by the owner", []Rule{process(block, literal(sleep), ownerOnly)}, "", on(by(sleeps, 7, 7), Map), permitted},
		{"a mapping by another", []Rule{process(block, literal(sleep), ownerOnly)}, "", on(by(sleeps, 0, 7), Map), byFlag(block, 0)},

		{"the loader as a program is denied while any process rule applies", []Rule{process(audit, literal("/a"))}, "", ld, because(block, -1, ByLoader)},
		{"a directory that contains it does not name it", []Rule{process(allow, tree("/usr"))}, "", ld, because(block, -1, ByLoader)},
		{"a rule that names it decides", []Rule{process(allow, literal(ld.Path))}, "", ld, byRule(allow, 0)},
		{"one for another source does not", []Rule{process(allow, literal(ld.Path), from(cat))}, "", ld, because(block, -1, ByLoader)},
		{"a Block of its directory is reported as such", []Rule{process(block, tree("/usr"))}, "", ld, byRule(block, 0)},
		{"without process rules it is a program", []Rule{file(block, literal("/a"))}, "", ld, permitted},
		{"each tier asks for itself", []Rule{process(block, literal(sleep), cluster), process(allow, literal(ld.Path))}, "", ld, inCluster(because(block, -1, ByLoader))},

		{"executing is not a file operation", []Rule{file(block, literal(sleep))}, "", Access{Class: policy.File, Operation: Exec, Path: sleep}, permitted},
		{"reading is not a process operation", []Rule{process(block, literal(sleep))}, "", Access{Class: policy.Process, Operation: Read, Path: sleep}, permitted},
	})
}

func TestTamper(t *testing.T) {
	tamper := func(p string) Access { return on(read(p, cat), Tamper) }
	blocked := because(block, 0, ByTamper)
	secret := []Rule{file(block, literal("/a/b/secret"))}
	check(t, []sentence{
		{"a Block refuses to link, rename or remove the object", secret, "", tamper("/a/b/secret"), blocked},
		{"and to rename the directory above", secret, "", tamper("/a/b"), blocked},
		{"and the one above that", secret, "", tamper("/a"), blocked},
		{"but not a neighbour", secret, "", tamper("/a/b/other"), permitted},
		{"nor a directory with a name that begins alike", secret, "", tamper("/a/b/sec"), permitted},
		{"a process Block too", []Rule{process(block, literal(sleep))}, "", on(exec("/usr/bin", cat), Tamper), blocked},
		{"each class for itself", []Rule{process(block, literal(sleep))}, "", tamper("/usr/bin"), permitted},
		{"a blocked directory", []Rule{file(block, tree("/a/b"))}, "", tamper("/a/b"), blocked},
		{"what is in it", []Rule{file(block, tree("/a/b"))}, "", tamper("/a/b/c/d"), blocked},
		{"what is above it", []Rule{file(block, tree("/a/b"))}, "", tamper("/a"), blocked},
		{"an allowed hole in it", []Rule{file(block, tree("/a/b")), file(allow, tree("/a/b/open"))}, "", tamper("/a/b/open/x"), permitted},
		{"an allowed directory above a blocked file", []Rule{file(block, literal("/a/b/secret")), file(allow, literal("/a/b"))}, "", tamper("/a/b"), blocked},
		{"a pattern's literal directories", []Rule{file(block, pattern("/a/b/*.key"))}, "", tamper("/a/b"), blocked},
		{"what a pattern matches", []Rule{file(block, pattern("/a/b/*.key"))}, "", tamper("/a/b/x.key"), blocked},
		{"an Allow protects nothing", []Rule{file(allow, literal("/a/b/secret"))}, "", tamper("/a/b"), permitted},
		{"an Audit protects nothing", []Rule{file(audit, literal("/a/b/secret"))}, "", tamper("/a/b/secret"), permitted},
		{"a Block for another source protects nothing from this one", []Rule{file(block, literal("/a/b/secret"), from(bash))}, "", tamper("/a/b"), permitted},
		{"an owner may rename what is the owner's", []Rule{file(block, literal("/a/b/secret"), ownerOnly)}, "", by(tamper("/a/b/secret"), 7, 7), permitted},
		{"but not what is above it", []Rule{file(block, literal("/a/b/secret"), ownerOnly)}, "", by(tamper("/a/b"), 7, 7), blocked},
		{"base names have no directories", []Rule{process(block, named("sleep"))}, "", on(exec(sleep, cat), Tamper), permitted},

		{"a container with a Block on a path may not mount", secret, "", Access{Class: policy.File, Operation: Mount}, blocked},
		{"whatever the class", secret, "", Access{Operation: Mount}, blocked},
		{"nor with a blocked directory", []Rule{process(block, tree("/usr"))}, "", Access{Operation: Mount}, blocked},
		{"even one for a source", []Rule{process(block, literal(sleep), from(bash))}, "", Access{Operation: Mount, Source: cat}, blocked},
		{"without one it may", []Rule{file(allow, literal("/a")), network(block, "tcp"), process(block, named("x"))}, "", Access{Operation: Mount}, permitted},
	})
}

func TestCapabilities(t *testing.T) {
	raw := use(policy.Capabilities, "CAP_NET_RAW", cat)
	check(t, []sentence{
		{"a Block denies the capability", []Rule{capability(block, "CAP_NET_RAW")}, "", raw, byRule(block, 0)},
		{"and no other", []Rule{capability(block, "CAP_NET_ADMIN")}, "", raw, permitted},
		{"a Block with source is for that source", []Rule{capability(block, "CAP_NET_RAW", from(bash))}, "", raw, permitted},
		{"a Block without source removes it from every set, so that no source gets it back",
			[]Rule{capability(block, "CAP_NET_RAW"), capability(allow, "CAP_NET_RAW", from(cat))}, "", raw, byRule(block, 0)},
	})
}

func TestSyscalls(t *testing.T) {
	unlink := use(policy.Syscalls, "unlink", "/usr/bin/rm")
	home := unlink
	home.Target = "/home/user1/x"
	target := func(name string, recursive bool) policy.Object {
		return policy.Object{Name: "unlink", Target: name, Recursive: recursive}
	}
	inUsr := func(r *Rule) { r.SourceDirs = []policy.Source{{Dir: "/usr", Recursive: true}} }
	inBin := func(r *Rule) { r.SourceDirs = []policy.Source{{Dir: "/bin"}} }
	check(t, []sentence{
		{"audit only, though the action is Block", []Rule{syscall(block, policy.Object{Name: "unlink"})}, "", unlink, byRule(audit, 0)},
		{"or Allow", []Rule{syscall(allow, policy.Object{Name: "unlink"})}, "", unlink, byRule(audit, 0)},
		{"an Allow lists nothing", []Rule{syscall(allow, policy.Object{Name: "rmdir"})}, "", unlink, permitted},
		{"enforced, a Block denies", []Rule{syscall(block, policy.Object{Name: "unlink"}, enforced)}, "", unlink, byRule(block, 0)},
		{"whatever else matches", []Rule{syscall(block, policy.Object{Name: "unlink"}, enforced), syscall(audit, target("/home", true), from("/usr/bin/rm"))}, "", home, byRule(block, 0)},
		{"an enforced Audit does not", []Rule{syscall(audit, policy.Object{Name: "unlink"}, enforced)}, "", unlink, byRule(audit, 0)},
		{"nor one with a source", []Rule{syscall(block, policy.Object{Name: "unlink"}, enforced, from("/usr/bin/rm"))}, "", unlink, byRule(audit, 0)},
		{"nor one with a path", []Rule{syscall(block, target("/home", true), enforced)}, "", home, byRule(audit, 0)},
		{"a path argument below", []Rule{syscall(audit, target("/home", true))}, "", home, byRule(audit, 0)},
		{"only if recursive", []Rule{syscall(audit, target("/home", false))}, "", home, permitted},
		{"a source by directory", []Rule{syscall(audit, policy.Object{Name: "unlink"}, inUsr)}, "", unlink, byRule(audit, 0)},
		{"another directory", []Rule{syscall(audit, policy.Object{Name: "unlink"}, inBin)}, "", unlink, permitted},
	})
}
