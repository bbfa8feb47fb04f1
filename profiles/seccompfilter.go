package profiles

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// filter is a seccomp profile that is being narrowed. The rules of a call are
// taken out of the profile when the call is first denied, and put back, in
// front, as single entries; those of other calls stay as they were.
type filter struct {
	profile specs.LinuxSeccomp
	rank    int // of the default action
	denied  []string
	entries map[string][]entry // by name, for the denied
}

func newFilter(existing *specs.LinuxSeccomp) (*filter, error) {
	if existing == nil || existing.DefaultAction == "" && len(existing.Syscalls) == 0 {
		existing = baseSeccomp() // runc takes the latter for no filter, too
	}
	f := &filter{profile: *existing, entries: make(map[string][]entry)}
	var err error
	if f.rank, err = strictness(existing.DefaultAction); err != nil {
		return nil, fmt.Errorf("default action: %w", err)
	}
	f.profile.Architectures = slices.Clone(existing.Architectures)
	f.profile.Flags = slices.Clone(existing.Flags)
	f.profile.Syscalls = nil
	for _, call := range existing.Syscalls {
		call.Names, call.Args = slices.Clone(call.Names), slices.Clone(call.Args)
		f.profile.Syscalls = append(f.profile.Syscalls, call)
	}
	return f, nil
}

// rules are the entries of a call that have an effect, out of the profile:
// runc leaves out those that answer as the default does, and one without
// conditions covers its equals. It fails if there is one without conditions
// beside others that answer otherwise, for then libseccomp's choice between
// them is not documented.
func (f *filter) rules(name string) ([]entry, error) {
	if entries, ok := f.entries[name]; ok {
		return entries, nil
	}
	var entries []entry
	for _, call := range f.profile.Syscalls {
		call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(n string) bool { return n != name })
		if len(call.Names) == 0 {
			continue
		}
		these, err := split(call)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		entries = append(entries, these...)
	}
	entries = slices.DeleteFunc(entries, f.asDefault)
	for _, e := range entries {
		if len(e.args) > 0 {
			continue
		}
		for _, o := range entries {
			if !o.same(e) {
				return nil, fmt.Errorf("%s: the profile has one answer for every call, and another for some", name)
			}
		}
		return []entry{e}, nil
	}
	return entries, nil
}

// asDefault says whether the entry answers as the default does.
func (f *filter) asDefault(e entry) bool {
	if e.rank != f.rank || e.rank != denial {
		return e.rank == f.rank
	}
	errno := unix.EPERM
	if e.errno != nil {
		errno = syscall.Errno(*e.errno)
	}
	return errno == f.defaultErrno()
}

// set replaces the entries of a call.
func (f *filter) set(name string, entries []entry) {
	if _, ok := f.entries[name]; !ok {
		f.denied = append(f.denied, name)
	}
	f.entries[name] = entries
}

// deny makes the calls fail with errno that the profile does not deny yet.
func (f *filter) deny(name string, errno syscall.Errno) error {
	entries, err := f.rules(name)
	if err != nil {
		return err
	}
	ours := deny(name, errno)
	weaker, equal, stricter := byRank(entries)
	switch {
	case f.rank >= denial && len(weaker) == 0, len(equal) == 1 && len(equal[0].args) == 0:
		return nil // denied as it is
	case len(stricter) == 0 && f.rank <= denial:
		f.set(name, []entry{ours})
		return nil
	case len(stricter) == 1 && len(stricter[0].args) == 0:
		return nil
	case f.rank < denial:
		return fmt.Errorf("%s: the profile kills only some of the calls, and all others are to fail", name)
	}
	if err := allApart(name, weaker, stricter); err != nil {
		return err
	}
	denials := append(weaker, equal...)
	for i := range denials {
		denials[i].action, denials[i].errno, denials[i].rank = ours.action, ours.errno, ours.rank
	}
	f.set(name, append(denials, stricter...))
	return nil
}

// families is how many address families an allow-list of them is written out
// for; the kernel has fewer (AF_MAX is 46 in Linux 6.12), and answers
// EAFNOSUPPORT for the rest.
const families = 64

// denyFamilies makes calls fail with EACCES whose first argument is one of the
// address families. The kernel looks at the argument's low 32 bits only, so
// that a denial must do the same, and an allowance must name whole values.
func (f *filter) denyFamilies(name string, denied []int) error {
	for _, family := range denied {
		if family < 0 || family >= families {
			return fmt.Errorf("%s: %d is not an address family", name, family)
		}
	}
	entries, err := f.rules(name)
	if err != nil {
		return err
	}
	weaker, equal, stricter := byRank(entries)
	denials := append(equal, stricter...)
	if f.rank < denial {
		return f.denyListed(name, denied, weaker, denials)
	}
	if len(weaker) == 0 {
		return nil
	}
	if slices.ContainsFunc(weaker, entry.wide) {
		return fmt.Errorf("%s: the profile compares an argument with more than 32 bits", name)
	}
	if err := allApart(name, weaker, denials); err != nil {
		return err
	}
	for i, e := range weaker {
		for _, o := range weaker[:i] {
			if !e.same(o) && !e.apart(o) {
				return fmt.Errorf("%s: the profile gives two answers for one call", name)
			}
		}
	}
	var written []entry
	for family := range families {
		for _, e := range weaker {
			narrowed, ok := e.with(0, uint64(family))
			if !ok {
				continue
			}
			if slices.Contains(denied, family) {
				narrowed.action, narrowed.errno, narrowed.rank = specs.ActErrno, errnoRet(unix.EACCES), denial
			} else if family == unix.AF_INET && slices.Contains(denied, unix.AF_PACKET) {
				apart, err := withoutSockPacket(narrowed)
				if err != nil {
					return err
				}
				for _, e := range apart {
					written = addUncovered(written, e)
				}
				continue
			}
			written = addUncovered(written, narrowed)
		}
	}
	f.set(name, append(written, denials...))
	return nil
}

// withoutSockPacket is an allowance for AF_INET sockets but those of type
// SOCK_PACKET, which the kernel makes packet sockets of.
func withoutSockPacket(e entry) ([]entry, error) {
	for _, arg := range e.args {
		if arg.Index == 1 && contradict(arg, ofSocketType(unix.SOCK_PACKET)) {
			return []entry{e}, nil
		}
		if arg.Index == 1 {
			return nil, fmt.Errorf("%s: the profile's condition on the socket's type overlaps SOCK_PACKET", e.name)
		}
	}
	var apart []entry
	for typ := range socketTypes {
		if typ == unix.SOCK_PACKET {
			continue
		}
		one := e
		one.args = append(slices.Clone(e.args), ofSocketType(typ))
		apart = append(apart, one)
	}
	refused := e
	refused.action, refused.errno, refused.rank = specs.ActErrno, errnoRet(unix.EACCES), denial
	refused.args = append(slices.Clone(e.args), ofSocketType(unix.SOCK_PACKET))
	return append(apart, refused), nil
}

// socketTypes is how many types there can be; the rest of the argument is
// flags.
const socketTypes = 16

// ofSocketType is the condition that the second argument is of a type,
// whatever its flags.
func ofSocketType(typ int) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: 1, Value: socketTypes - 1, ValueTwo: uint64(typ), Op: specs.OpMaskedEqual}
}

// denyListed is denyFamilies where the profile allows what it does not name.
func (f *filter) denyListed(name string, denied []int, weaker, denials []entry) error {
	var ours []entry
	for _, family := range denied {
		e := deny(name, unix.EACCES)
		e.args = []specs.LinuxSeccompArg{{Index: 0, Value: 0xffffffff, ValueTwo: uint64(family), Op: specs.OpMaskedEqual}}
		ours = append(ours, e)
		if family == unix.AF_PACKET {
			e.args = append([]specs.LinuxSeccompArg{{Index: 0, Value: 0xffffffff, ValueTwo: unix.AF_INET, Op: specs.OpMaskedEqual}}, ofSocketType(unix.SOCK_PACKET))
			ours = append(ours, e)
		}
	}
	for _, e := range denials {
		if len(e.args) == 0 {
			return nil // denied as it is
		}
	}
	// A denial that names one of the families adds nothing to ours.
	denials = slices.DeleteFunc(denials, func(e entry) bool {
		return e.rank == denial && slices.ContainsFunc(denied, func(family int) bool {
			narrowed, ok := e.with(0, uint64(family))
			return ok && narrowed.covers(e)
		})
	})
	rest := append(weaker, denials...)
	if err := allApart(name, ours, rest); err != nil {
		return err
	}
	f.set(name, append(ours, rest...))
	return nil
}

// denySocketcall denies the call that, on 32-bit x86 and its like, stands for
// all others on sockets. A filter sees a pointer where the family is, and
// libseccomp makes whoever may create a socket of one family free to create
// all.
func (f *filter) denySocketcall() error {
	if !slices.ContainsFunc(f.profile.Architectures, multiplexes) {
		return nil
	}
	if f.rank > denial {
		for _, name := range []string{"socket", "socketpair", "socketcall"} {
			entries, err := f.rules(name)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(entries, func(e entry) bool { return e.rank < denial }) {
				return errors.New("socketcall: the profile kills by default and is for 32-bit programs too, whose address families no filter sees")
			}
		}
		return nil
	}
	if err := f.noStricterMember("socketcall"); err != nil {
		return err
	}
	f.set("socketcall", []entry{f.unlikeDefault("socketcall", unix.EACCES, unix.EPERM)})
	return nil
}

// denyMultiplexer denies the call that stands for one that was denied, if the
// profile has it: libseccomp would let its allowance hold for all.
func (f *filter) denyMultiplexer(name string) error {
	if name == "" || !slices.ContainsFunc(f.profile.Architectures, multiplexes) {
		return nil
	}
	entries, err := f.rules(name)
	if err != nil {
		return err
	}
	weaker, _, stricter := byRank(entries)
	if len(stricter) > 0 {
		return fmt.Errorf("%s: the profile kills for it, which a denial of what it stands for would loosen", name)
	}
	if len(weaker) == 0 {
		return nil
	}
	if f.rank > denial && len(weaker[0].args) > 0 {
		return fmt.Errorf("%s: the profile kills for all but some of the calls", name)
	}
	if err := f.noStricterMember(name); err != nil {
		return err
	}
	f.set(name, []entry{f.unlikeDefault(name, unix.EPERM, unix.EACCES)})
	return nil
}

// unlikeDefault denies with the first errno that the default does not answer
// with: runc leaves out what equals the default, and then libseccomp's
// allowances for single operations would hold.
func (f *filter) unlikeDefault(name string, errnos ...syscall.Errno) entry {
	for _, errno := range errnos {
		if e := deny(name, errno); !f.asDefault(e) {
			return e
		}
	}
	return deny(name, unix.EINVAL)
}

// noStricterMember fails if the profile kills for the multiplexer, or for a
// call that it stands for: libseccomp makes that kill for the former too,
// which a denial of all of it would loosen.
func (f *filter) noStricterMember(multiplexer string) error {
	for _, call := range f.spec().Syscalls {
		rank, err := strictness(call.Action)
		if err != nil {
			return err
		}
		if rank <= denial {
			continue
		}
		for _, name := range call.Names {
			if name == multiplexer || translate.Multiplexer(name) == multiplexer {
				return fmt.Errorf("%s: the profile kills for %s, but not for all that 32-bit programs do through %s", multiplexer, name, multiplexer)
			}
		}
	}
	return nil
}

// defaultErrno is what the default action fails with; EPERM unless set.
func (f *filter) defaultErrno() syscall.Errno {
	if f.profile.DefaultErrnoRet == nil {
		return unix.EPERM
	}
	return syscall.Errno(*f.profile.DefaultErrnoRet)
}

// check fails on a profile that denies by default and does not plainly allow
// execve. No container could start under it; and libseccomp 2.5.4 compiles a
// wrong program for an architecture if every rule without conditions is on
// calls that the architecture lacks. Where the default allows, the rule on
// io_uring_setup is never such.
func (f *filter) check() error {
	if f.rank < denial {
		return nil
	}
	entries, err := f.rules("execve")
	if err != nil {
		return err
	}
	if len(entries) != 1 || len(entries[0].args) > 0 || entries[0].rank >= denial {
		return errors.New("execve: the profile does not allow it, so no container could start")
	}
	return nil
}

// spec is the narrowed profile. The denied calls come first, socketcall before
// all: libseccomp turns an allowance for socket into one for socketcall too,
// unless the latter is settled.
func (f *filter) spec() *specs.LinuxSeccomp {
	var calls []specs.LinuxSyscall
	slices.SortStableFunc(f.denied, func(a, b string) int {
		return rankName(a) - rankName(b)
	})
	for _, name := range f.denied {
		for _, e := range f.entries[name] {
			calls = append(calls, specs.LinuxSyscall{Names: []string{e.name}, Action: e.action, ErrnoRet: e.errno, Args: e.args})
		}
	}
	for _, call := range f.profile.Syscalls {
		call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(n string) bool {
			_, denied := f.entries[n]
			return denied
		})
		if len(call.Names) > 0 {
			calls = append(calls, call)
		}
	}
	out := f.profile
	out.Syscalls = calls
	return &out
}

func rankName(name string) int {
	if name == "socketcall" || name == "ipc" {
		return 0
	}
	return 1
}

// deny is the entry that fails every call of the name.
func deny(name string, errno syscall.Errno) entry {
	return entry{name: name, action: specs.ActErrno, errno: errnoRet(errno), rank: denial}
}

func errnoRet(e syscall.Errno) *uint {
	n := uint(e)
	return &n
}

// byRank sorts entries into those that are weaker than a denial, denials with
// an errno, and stricter ones.
func byRank(entries []entry) (weaker, equal, stricter []entry) {
	for _, e := range entries {
		switch {
		case e.rank < denial:
			weaker = append(weaker, e)
		case e.rank == denial:
			equal = append(equal, e)
		default:
			stricter = append(stricter, e)
		}
	}
	return weaker, equal, stricter
}

// allApart fails if a call may meet an entry of both lists: libseccomp does
// not say which of them answers.
func allApart(name string, these, those []entry) error {
	for _, a := range these {
		for _, b := range those {
			if !a.apart(b) || a.wide() || b.wide() {
				return fmt.Errorf("%s: conditions of the profile overlap", name)
			}
		}
	}
	return nil
}

// addUncovered appends e unless an entry of the same answer has all its calls.
func addUncovered(entries []entry, e entry) []entry {
	for _, o := range entries {
		if o.same(e) && o.covers(e) {
			return entries
		}
	}
	entries = slices.DeleteFunc(entries, func(o entry) bool { return o.same(e) && e.covers(o) })
	return append(entries, e)
}
