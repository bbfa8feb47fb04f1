package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// asked is one question of prearm decide; its JSON form is an interface.
type asked struct {
	Class  string  `json:"class"`
	Object string  `json:"object"`
	Op     string  `json:"op"`     // "" is the class's usual one
	Source string  `json:"source"` // the acting program, "" is one that no rule names
	UID    uint32  `json:"uid"`
	Owner  *uint32 `json:"owner"`  // of the object; nil is as found
	Target string  `json:"target"` // system calls: the path argument
}

// classMount stands beside the classes of rules: mounting is no class of its
// own, but what a Block on any path refuses.
const classMount = "mount"

// nameless is the object that stands for a program without a name, as in
// /proc/PID/exe.
const nameless = "memfd:"

// operations are those of each class, the usual one first.
func operations() map[string][]model.Operation {
	return map[string][]model.Operation{
		string(policy.Process):      {model.Exec, model.Map, model.Tamper},
		string(policy.File):         {model.Read, model.Write, model.Tamper},
		string(policy.Network):      {model.Create},
		string(policy.Capabilities): {model.Use},
		string(policy.Syscalls):     {model.Use},
		classMount:                  {model.Mount},
	}
}

// sockets are the kinds of socket by name.
func sockets() map[string]model.Socket {
	inet := func(typ, protocol int) model.Socket {
		return model.Socket{Family: unix.AF_INET, Type: typ, Protocol: protocol}
	}
	return map[string]model.Socket{
		"tcp":        inet(unix.SOCK_STREAM, unix.IPPROTO_TCP),
		"udp":        inet(unix.SOCK_DGRAM, unix.IPPROTO_UDP),
		"icmp":       inet(unix.SOCK_DGRAM, unix.IPPROTO_ICMP),
		"icmpv6":     {Family: unix.AF_INET6, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMPV6},
		"raw":        inet(unix.SOCK_RAW, unix.IPPROTO_RAW),
		"raw-icmp":   inet(unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"raw-icmpv6": {Family: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMPV6},
		"sctp":       inet(unix.SOCK_STREAM, unix.IPPROTO_SCTP),
		"dccp":       inet(unix.SOCK_DCCP, unix.IPPROTO_DCCP),
		"packet":     {Family: unix.AF_PACKET, Type: unix.SOCK_RAW},
		"smc":        {Family: unix.AF_SMC, Type: unix.SOCK_STREAM},
		"vsock":      {Family: unix.AF_VSOCK, Type: unix.SOCK_STREAM},
		"unix":       {Family: unix.AF_UNIX, Type: unix.SOCK_STREAM},
		"netlink":    {Family: unix.AF_NETLINK, Type: unix.SOCK_RAW},
	}
}

// fieldError is what is wrong with one member of a question.
type fieldError struct {
	field  string
	reason string
}

func (e *fieldError) Error() string { return e.field + ": " + e.reason }

func wrong(field, format string, args ...any) error {
	return &fieldError{field, fmt.Sprintf(format, args...)}
}

// readAsked reads a question of one line.
func readAsked(line []byte) (asked, error) {
	var q asked
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	err := d.Decode(&q)
	if err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return q, errors.New("must be one JSON object and nothing else")
		}
		return q, nil
	}
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return q, fmt.Errorf("must be a JSON object, not %s", mistyped.Value)
	case mistyped != nil:
		return q, wrong(mistyped.Field, "must be a %s, not a %s", mistyped.Type, mistyped.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return q, fmt.Errorf("%s: unknown field; there are class, object, op, source, uid, owner, target", field)
	}
	return q, fmt.Errorf("must be a JSON object: %w", err)
}

// access is the question as the model understands it, but for what file
// systems say: paths are as they were given.
func (q asked) access() (model.Access, error) {
	a := model.Access{Class: policy.Class(q.Class), Source: q.Source, UID: q.UID}
	known := operations()
	ops := known[q.Class]
	if ops == nil {
		return a, wrong("class", "%q must be one of %s", q.Class, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	a.Operation = ops[0]
	if q.Op != "" {
		a.Operation = model.Operation(q.Op)
		if !slices.Contains(ops, a.Operation) {
			return a, wrong("op", "%q is none of class %s, which has %s", q.Op, q.Class, join(ops))
		}
	}
	if q.Source != "" && !path.IsAbs(q.Source) {
		return a, wrong("source", "%q must be an absolute path", q.Source)
	}
	if q.Target != "" && q.Class != string(policy.Syscalls) {
		return a, wrong("target", "is for class syscalls only")
	}
	if q.Owner != nil && q.Class != string(policy.Process) && q.Class != string(policy.File) {
		return a, wrong("owner", "is for classes process and file only")
	}
	return a, q.object(&a)
}

// object fills in the object of the access.
func (q asked) object(a *model.Access) error {
	switch a.Class {
	case policy.Process, policy.File:
		switch {
		case q.Object == nameless && a.Operation == model.Exec:
		case !path.IsAbs(q.Object):
			return wrong("object", "%q must be an absolute path", q.Object)
		default:
			a.Path = q.Object
		}
	case policy.Network:
		all := sockets()
		s, ok := all[strings.ToLower(q.Object)]
		if !ok {
			return wrong("object", "%q is no kind of socket: must be one of %s", q.Object, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		a.Socket = s
	case policy.Capabilities:
		a.Name = "CAP_" + strings.TrimPrefix(strings.ToUpper(q.Object), "CAP_")
		if !slices.Contains(translate.KnownCapabilities(), a.Name) {
			return wrong("object", "%q is no capability", q.Object)
		}
	case policy.Syscalls:
		if !reader.KnownSyscall(q.Object) {
			return wrong("object", "%q is no system call", q.Object)
		}
		if q.Target != "" && !path.IsAbs(q.Target) {
			return wrong("target", "%q must be an absolute path", q.Target)
		}
		a.Name, a.Target = q.Object, q.Target
	default:
		if q.Object != "" {
			return wrong("object", "mounting hangs on none: leave it out")
		}
	}
	return nil
}

func join(ops []model.Operation) string {
	var words []string
	for _, o := range ops {
		words = append(words, string(o))
	}
	return strings.Join(words, ", ")
}
