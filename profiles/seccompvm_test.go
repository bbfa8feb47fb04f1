package profiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// call is a system call as a filter sees it.
type call struct {
	name string
	arch uint32 // AUDIT_ARCH_...
	nr   uint32
	args [6]uint64
}

// answer is a filter's verdict.
type answer struct {
	rank int
	data uint16 // the errno, for ranks that have one
}

// program is a filter, compiled as runc and libseccomp compile it.
type program struct{ vm *bpf.VM }

// compile builds the filter that runc would install for a profile, rule by
// rule: it leaves out what equals the default, ignores unknown names, and
// splits rules with two conditions on one argument. An empty name is an error.
func compile(s *specs.LinuxSeccomp) (*program, error) {
	defaultAction, err := libraryAction(s.DefaultAction, s.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	filter, err := libseccomp.NewFilter(defaultAction)
	if err != nil {
		return nil, err
	}
	defer filter.Release()
	for _, a := range s.Architectures {
		arch, err := libraryArch(a)
		if err != nil {
			return nil, err
		}
		if err := filter.AddArch(arch); err != nil {
			return nil, err
		}
	}
	for _, rule := range s.Syscalls {
		if err := addRule(filter, rule, defaultAction); err != nil {
			return nil, fmt.Errorf("%v: %w", rule, err)
		}
	}
	return export(filter)
}

func addRule(filter *libseccomp.ScmpFilter, rule specs.LinuxSyscall, defaultAction libseccomp.ScmpAction) error {
	action, err := libraryAction(rule.Action, rule.ErrnoRet)
	if err != nil || action == defaultAction {
		return err
	}
	var conditions []libseccomp.ScmpCondition
	var seen [6]int
	repeated := false
	for _, a := range rule.Args {
		op, err := libraryOperator(a.Op)
		if err != nil {
			return err
		}
		c, err := libseccomp.MakeCondition(a.Index, op, a.Value, a.ValueTwo)
		if err != nil {
			return err
		}
		conditions = append(conditions, c)
		seen[a.Index]++
		repeated = repeated || seen[a.Index] > 1
	}
	for _, name := range rule.Names {
		if name == "" {
			return errors.New("empty name")
		}
		nr, err := libseccomp.GetSyscallFromName(name)
		if err != nil {
			continue
		}
		switch {
		case len(conditions) == 0:
			err = filter.AddRule(nr, action)
		case repeated:
			for _, c := range conditions {
				err = errors.Join(err, filter.AddRuleConditional(nr, action, []libseccomp.ScmpCondition{c}))
			}
		default:
			err = filter.AddRuleConditional(nr, action, conditions)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// export reads the filter's program back. A filter loads words in the host's
// order, the VM of x/net in the network's, so that run gives it its words in
// the latter.
func export(filter *libseccomp.ScmpFilter) (_ *program, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	read := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(r)
		read <- data
	}()
	err = errors.Join(filter.ExportBPF(w), w.Close())
	data := <-read
	if err != nil {
		return nil, err
	}
	raw := make([]unix.SockFilter, len(data)/8)
	if err := binary.Read(bytes.NewReader(data), binary.NativeEndian, raw); err != nil {
		return nil, err
	}
	var instructions []bpf.Instruction
	for _, i := range raw {
		instructions = append(instructions, bpf.RawInstruction{Op: i.Code, Jt: i.Jt, Jf: i.Jf, K: i.K}.Disassemble())
	}
	vm, err := bpf.NewVM(instructions)
	return &program{vm}, err
}

func (p *program) run(t interface{ Fatalf(string, ...any) }, c call) answer {
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[0:], c.nr)
	binary.BigEndian.PutUint32(data[4:], c.arch)
	for i, arg := range c.args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(arg)) // little-endian host: low word first
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(arg>>32))
	}
	ret, err := p.vm.Run(data)
	if err != nil {
		t.Fatalf("running the filter: %v", err)
	}
	v := uint32(ret)
	ranks := map[uint32]int{
		0x7fff0000: 0, 0x7ffc0000: 1, 0x7ff00000: 2, 0x7fc00000: 3, 0x00050000: 4, 0x00030000: 5, 0: 6, 0x80000000: 7,
	}
	rank, ok := ranks[v&0xffff0000]
	if !ok {
		t.Fatalf("filter returned %#x", v)
	}
	return answer{rank, uint16(v)}
}

func libraryAction(a specs.LinuxSeccompAction, errno *uint) (libseccomp.ScmpAction, error) {
	code := int16(unix.EPERM)
	if errno != nil {
		code = int16(*errno)
	}
	switch a {
	case specs.ActAllow:
		return libseccomp.ActAllow, nil
	case specs.ActLog:
		return libseccomp.ActLog, nil
	case specs.ActTrace:
		return libseccomp.ActTrace.SetReturnCode(code), nil
	case specs.ActNotify:
		return libseccomp.ActNotify, nil
	case specs.ActErrno:
		return libseccomp.ActErrno.SetReturnCode(code), nil
	case specs.ActTrap:
		return libseccomp.ActTrap, nil
	case specs.ActKill, specs.ActKillThread:
		return libseccomp.ActKillThread, nil
	case specs.ActKillProcess:
		return libseccomp.ActKillProcess, nil
	}
	return libseccomp.ActInvalid, fmt.Errorf("action %q", a)
}

func libraryOperator(op specs.LinuxSeccompOperator) (libseccomp.ScmpCompareOp, error) {
	switch op {
	case specs.OpNotEqual:
		return libseccomp.CompareNotEqual, nil
	case specs.OpLessThan:
		return libseccomp.CompareLess, nil
	case specs.OpLessEqual:
		return libseccomp.CompareLessOrEqual, nil
	case specs.OpEqualTo:
		return libseccomp.CompareEqual, nil
	case specs.OpGreaterEqual:
		return libseccomp.CompareGreaterEqual, nil
	case specs.OpGreaterThan:
		return libseccomp.CompareGreater, nil
	case specs.OpMaskedEqual:
		return libseccomp.CompareMaskedEqual, nil
	}
	return libseccomp.CompareInvalid, fmt.Errorf("operator %q", op)
}

func libraryArch(a specs.Arch) (libseccomp.ScmpArch, error) {
	switch a {
	case specs.ArchX86_64:
		return libseccomp.ArchAMD64, nil
	case specs.ArchX86:
		return libseccomp.ArchX86, nil
	case specs.ArchX32:
		return libseccomp.ArchX32, nil
	}
	return libseccomp.ArchInvalid, fmt.Errorf("architecture %q", a)
}
