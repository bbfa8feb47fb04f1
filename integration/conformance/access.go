package conformance

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Actor is the program that performs accesses, in the container.
const Actor = "/actor"

// Nothing is a program that only exits, in the container.
const Nothing = "/bin/nothing"

// Access is one thing that a process tries.
type Access struct {
	Op     string // an act of the actor
	Object string // a name; "" where the act has none
	Other  string // rename, replace, link: the second name; else what the act is about
	Source string // the acting executable; the actor if empty
	UID    int    // of the acting process
	Owner  int    // of the object
}

// parseAccess reads an access's short form:
//
//	OP [OBJECT] [OTHER] [as SOURCE] [uid UID] [owner OWNER]
//
// OBJECT begins with a slash or ~; where the act has two names, so does OTHER.
func parseAccess(text string) (Access, error) {
	var a Access
	words := strings.Fields(text)
	if len(words) == 0 {
		return a, fmt.Errorf("an empty access")
	}
	a.Op, words = words[0], words[1:]
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch word {
		case "as", "uid", "owner":
			if len(words) == 0 {
				return a, fmt.Errorf("access %q: nothing after %s", text, word)
			}
			var err error
			switch word {
			case "as":
				a.Source = words[0]
			case "uid":
				a.UID, err = strconv.Atoi(words[0])
			case "owner":
				a.Owner, err = strconv.Atoi(words[0])
			}
			if err != nil {
				return a, fmt.Errorf("access %q: %w", text, err)
			}
			words = words[1:]
		default:
			if a.Object == "" && strings.ContainsAny(word[:1], "/~") {
				a.Object = word
			} else {
				a.Other = word
			}
		}
	}
	return a, nil
}

// String is the short form.
func (a Access) String() string {
	words := []string{a.Op, a.Object, a.Other}
	if a.Source != "" {
		words = append(words, "as", a.Source)
	}
	if a.UID != 0 {
		words = append(words, fmt.Sprintf("uid %d", a.UID))
	}
	if a.Owner != 0 {
		words = append(words, fmt.Sprintf("owner %d", a.Owner))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// sockets are what the act "socket" makes, by name.
func sockets() map[string]model.Socket {
	return map[string]model.Socket{
		"tcp":     {Family: unix.AF_INET, Type: unix.SOCK_STREAM},
		"tcp6":    {Family: unix.AF_INET6, Type: unix.SOCK_STREAM},
		"mptcp":   {Family: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: 262},
		"udp":     {Family: unix.AF_INET, Type: unix.SOCK_DGRAM},
		"udp6":    {Family: unix.AF_INET6, Type: unix.SOCK_DGRAM},
		"rawicmp": {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMP},
		"raw6":    {Family: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMPV6},
		"rawtcp":  {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_TCP},
		"packet":  {Family: unix.AF_PACKET, Type: unix.SOCK_RAW},
		"unix":    {Family: unix.AF_UNIX, Type: unix.SOCK_STREAM},
		"netlink": {Family: unix.AF_NETLINK, Type: unix.SOCK_RAW},
	}
}

// Item is the row as the actor reads it.
func (r Row) Item() string {
	a := r.Access
	other := r.expand(a.Other)
	op, object := a.Op, r.expand(a.Object)
	switch op {
	case "memfd":
		object = Nothing
	case "replace":
		op = "rename"
	case "chown":
		other = strconv.Itoa(a.Owner)
	case "socket":
		s := sockets()[a.Other]
		other = fmt.Sprintf("%d:%d:%d", s.Family, s.Type, s.Protocol)
	}
	return strings.Join([]string{r.Marker(), strconv.Itoa(a.UID), r.expand(a.Source), op, object, other}, "\t")
}

// Denied says whether errno is how a denial of the access ends.
func (a Access) Denied(errno unix.Errno) bool {
	switch a.Op {
	case "syscall":
		return errno == unix.EPERM
	case "capability":
		if a.Other == "CAP_DAC_OVERRIDE" || a.Other == "CAP_NET_BIND_SERVICE" {
			return errno == unix.EACCES
		}
		return errno == unix.EPERM
	}
	return errno == unix.EACCES
}

// judged is what the model is asked about the row. What is created belongs to
// its creator.
func (r Row) judged() []model.Access {
	a := r.Access
	object, other := r.expand(a.Object), r.expand(a.Other)
	switch a.Op {
	case "unlink", "rmdir", "rename", "replace", "link": // of the link itself
	default:
		object = r.real(a.Object)
	}
	of := func(class policy.Class, op model.Operation, path string, owner int) model.Access {
		// Who performs a row is never the container's first process.
		return model.Access{Class: class, Operation: op, Path: path, Owner: uint32(owner), Foreign: strings.HasPrefix(path, "/proc/1/")}
	}
	read, write := of(policy.File, model.Read, object, a.Owner), of(policy.File, model.Write, object, a.Owner)
	tamper := func(path string) []model.Access {
		return []model.Access{of(policy.File, model.Tamper, path, a.Owner), of(policy.Process, model.Tamper, path, a.Owner)}
	}
	var all []model.Access
	switch a.Op {
	case "read", "list", "connect":
		all = []model.Access{read}
	case "write", "append", "truncate", "chmod", "chown":
		all = []model.Access{write}
	case "create", "mkdir", "mknod", "symlink":
		all = []model.Access{of(policy.File, model.Write, object, a.UID)}
	case "share":
		all = []model.Access{read, write}
	case "unlink", "rmdir":
		all = append(tamper(object), write)
	case "rename", "link", "replace":
		all = append(tamper(object), write, of(policy.File, model.Write, other, a.Owner))
		if a.Op == "replace" {
			all = append(all, tamper(other)...)
		}
	case "exec":
		exec := of(policy.Process, model.Exec, object, a.Owner)
		exec.ExecName, exec.Loader = path.Base(a.Object), model.IsLoader(object)
		exec.ExecName = r.expand(exec.ExecName)
		all = []model.Access{exec}
		if interpreter := r.Scripts[a.Object]; interpreter != "" {
			all = append(all, of(policy.Process, model.Exec, r.real(interpreter), 0))
		}
	case "memfd":
		all = []model.Access{of(policy.Process, model.Exec, "", a.UID), of(policy.Process, model.Exec, Nothing, 0)}
	case "map":
		all = []model.Access{read, of(policy.Process, model.Map, object, a.Owner)}
	case "mount":
		all = []model.Access{{Operation: model.Mount}}
	case "socket":
		all = []model.Access{{Class: policy.Network, Operation: model.Create, Socket: sockets()[a.Other]}}
	case "capability":
		all = []model.Access{{Class: policy.Capabilities, Operation: model.Use, Name: a.Other}}
	case "syscall":
		all = []model.Access{{Class: policy.Syscalls, Operation: model.Use, Name: a.Other}}
	default:
		panic("no act " + a.Op) // a constant
	}
	for i := range all {
		all[i].UID, all[i].Source = uint32(a.UID), Actor
		if a.Source != "" {
			all[i].Source = r.expand(a.Source)
		}
	}
	return all
}

// real is what a name leads to, in the container.
func (c *Case) real(name string) string {
	if target, ok := c.Links[name]; ok {
		name = target
	}
	return c.expand(name)
}
