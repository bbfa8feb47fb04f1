package agreement

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// Kernel is the guard's matcher in this machine's kernel: verified, compiled,
// and run on the image of a case. It takes root, and no security module.
type Kernel struct {
	image   Imager
	objects matcherObjects
	shared  []byte     // with the kernel
	free    chan *lane // not in use
}

// lane is what one caller asks in: questions, and a name for its image.
type lane struct {
	questions []matcherQuestion
	first     uint32
	digest    matcherDigest
}

// As matcher.bpf.c has them: how many questions the kernel answers at once,
// for how many callers.
const (
	questions = 256
	lanes     = 16
)

// NewKernel loads the matcher, which is given the image of each case.
func NewKernel(image Imager) (_ *Kernel, err error) {
	k := &Kernel{image: image, free: make(chan *lane, lanes)}
	if err := loadMatcherObjects(&k.objects, nil); err != nil {
		return nil, fmt.Errorf("load the matcher: %w", err)
	}
	k.shared, err = unix.Mmap(k.objects.Questions.FD(), 0, lanes*questions*int(unsafe.Sizeof(matcherQuestion{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("share the matcher's questions: %w", err), k.objects.Close())
	}
	all := unsafe.Slice((*matcherQuestion)(unsafe.Pointer(&k.shared[0])), lanes*questions)
	for n := range lanes {
		k.free <- &lane{all[n*questions : (n+1)*questions], uint32(n * questions), matcherDigest{Bytes: [32]byte{1, byte(n)}}}
	}
	return k, nil
}

// Close unloads the matcher.
func (k *Kernel) Close() error {
	return errors.Join(unix.Munmap(k.shared), k.objects.Close())
}

// Decide puts the image of the case into the kernel and has it walked.
func (k *Kernel) Decide(c *Case) ([]model.Verdict, error) {
	cells, err := k.image(c)
	if err != nil {
		return nil, err
	}
	l := <-k.free
	defer func() { k.free <- l }()
	if err := k.put(l, cells); err != nil {
		return nil, fmt.Errorf("an image of %d cells: %w", len(cells), err)
	}
	verdicts := make([]model.Verdict, 0, len(c.Accesses))
	for part := range slices.Chunk(c.Accesses, questions) {
		found, err := k.ask(l, part)
		if err != nil {
			return nil, err
		}
		for i, cell := range found {
			v, err := answer(image.Decode(cell), part[i], c)
			if err != nil {
				return nil, err
			}
			verdicts = append(verdicts, v)
		}
	}
	return verdicts, nil
}

// put replaces the lane's image.
func (k *Kernel) put(l *lane, cells []uint64) error {
	image, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: uint32(len(cells)), Flags: unix.BPF_F_INNER_MAP})
	if err != nil {
		return err
	}
	defer image.Close()
	numbers := make([]uint32, len(cells))
	for i := range numbers {
		numbers[i] = uint32(i)
	}
	if _, err := image.BatchUpdate(numbers, cells, nil); err != nil {
		return err
	}
	return k.objects.Images.Put(l.digest, image)
}

// ask gives the verdicts' cells.
func (k *Kernel) ask(l *lane, accesses []model.Access) ([]uint64, error) {
	for i, a := range accesses {
		if err := l.questions[i].set(a); err != nil {
			return nil, fmt.Errorf("%s: %w", accessText(a), err)
		}
	}
	code, err := k.objects.Decide.Run(&ebpf.RunOptions{Context: matcherBatch{Ruleset: l.digest, First: l.first, Count: uint32(len(accesses))}})
	if err != nil {
		return nil, fmt.Errorf("run the matcher: %w", err)
	}
	if code != 0 {
		return nil, errors.New("the matcher found no image")
	}
	cells := make([]uint64, len(accesses))
	for i := range cells {
		cells[i] = l.questions[i].Verdict
	}
	return cells, nil
}

// set writes the access as the guard's hooks know it.
func (q *matcherQuestion) set(a model.Access) error {
	q.Verdict, q.Number, q.Owner, q.PathLength, q.NameLength = 0, 0, 0, 0, 0
	if len(a.Path) > len(q.Path) || len(a.Source) > len(q.Source) || len(a.ExecName) > len(q.Name) {
		return errors.New("longer than a path can be")
	}
	q.SourceLength = uint32(copy(q.Source[:], a.Source))
	number, subject, err := numbered(a)
	if err != nil {
		return err
	}
	q.Number, q.Subject = number, subject
	switch a.Class {
	case policy.Process, policy.File:
		q.PathLength = uint32(copy(q.Path[:], a.Path))
		q.NameLength = uint32(copy(q.Name[:], a.ExecName))
		if a.UID == a.Owner {
			q.Owner = 1
		}
	}
	return nil
}

// numbered is what the guard knows the access's operation, socket or
// capability by.
func numbered(a model.Access) (uint32, matcherSubject, error) {
	if a.Operation == model.Mount {
		return 0, matcherSubjectASK_MOUNT, nil
	}
	var number int
	var subject matcherSubject
	switch a.Class {
	case policy.Process:
		subject, number = matcherSubjectASK_PROCESS, slices.Index([]model.Operation{model.Exec, model.Map, model.Tamper}, a.Operation)
	case policy.File:
		subject, number = matcherSubjectASK_FILE, slices.Index([]model.Operation{model.Read, model.Write, model.Tamper}, a.Operation)
	case policy.Network:
		subject, number = matcherSubjectASK_NETWORK, kindOf(a.Socket)
	case policy.Capabilities:
		subject, number = matcherSubjectASK_CAPABILITY, capabilityNumber(a.Name)
	default:
		return 0, 0, fmt.Errorf("the guard is not asked about %q", a.Class)
	}
	if number < 0 {
		return 0, 0, fmt.Errorf("the guard has no number for it")
	}
	return uint32(number), subject, nil
}
