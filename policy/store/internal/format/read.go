package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
	"syscall"

	"golang.org/x/sys/unix"
)

// Index is an opened index. Its tables are in memory, its blobs are read when
// they are asked for.
type Index struct {
	Header
	f   *os.File
	mem []byte // header and tables, outside the Go heap
}

// Open reads and checks header and tables. A missing file is an error
// matching fs.ErrNotExist, a damaged one ErrDamaged.
func Open(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x := &Index{f: f}
	if err := x.read(); err != nil {
		x.Close()
		return nil, fmt.Errorf("index %s: %w", path, err)
	}
	return x, nil
}

func (x *Index) read() error {
	info, err := x.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrDamaged)
	}
	// Whoever can write the index decides what containers may do.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%w: others than its user can write it", ErrDamaged)
	}
	var head [headerSize]byte
	if _, err := x.f.ReadAt(head[:], 0); err != nil {
		return damagedUnlessIO(err)
	}
	if string(head[:len(magic)]) != magic {
		return fmt.Errorf("%w: not an index", ErrDamaged)
	}
	if v := order.Uint32(head[8:]); v != Version {
		return fmt.Errorf("%w: format %d, not %d", ErrDamaged, v, Version)
	}
	x.Header.decode(head[:])
	size := headerSize + x.tables()
	switch {
	case x.Size != uint64(info.Size()):
		return fmt.Errorf("%w: %d bytes, not %d", ErrDamaged, info.Size(), x.Size)
	case x.Files == 0 || x.Files > MaxFiles || size > maxTables || size > x.Size || x.Dir > x.Strings:
		return fmt.Errorf("%w: impossible sizes", ErrDamaged)
	}
	// Not on the heap: the shim lives for as long as its pod and would keep
	// the megabytes that ten thousand policies need here for milliseconds.
	x.mem, err = unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("memory for its tables: %w", err)
	}
	if _, err := x.f.ReadAt(x.mem, 0); err != nil {
		return damagedUnlessIO(err)
	}
	if checksum(x.mem) != order.Uint32(x.mem[12:]) {
		return fmt.Errorf("%w: checksum of its tables", ErrDamaged)
	}
	return nil
}

// Close releases the index; Files and names got from it are void then.
func (x *Index) Close() error {
	if x.mem != nil {
		unix.Munmap(x.mem) //nolint:errcheck // only fails for a range that is not ours
		x.mem = nil
	}
	return x.f.Close()
}

func damagedUnlessIO(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: cut short", ErrDamaged)
	}
	return err
}

func (x *Index) entryTable() []byte {
	return x.mem[headerSize+int(x.Files)*fileSize:]
}

func (x *Index) keyTable() []byte {
	return x.entryTable()[int(x.Entries)*entrySize:]
}

func (x *Index) strings() []byte {
	return x.keyTable()[int(x.Keys)*keySize:][:x.Strings]
}

// Folder is the path of the folder that was indexed.
func (x *Index) Folder() string {
	return string(x.strings()[:x.Dir])
}

// Identity is the stamp, the flags and the name of file i, the name ended by
// a NUL and valid until Close.
func (x *Index) Identity(i int) (stamp Stamp, flags uint16, name []byte, err error) {
	if i < 0 || i >= int(x.Files) {
		return stamp, 0, nil, fmt.Errorf("%w: no file %d", ErrDamaged, i)
	}
	b := x.mem[headerSize+i*fileSize:][:fileSize]
	stamp = Stamp{
		Dev:   order.Uint64(b),
		Ino:   order.Uint64(b[8:]),
		Size:  int64(order.Uint64(b[16:])),
		MTime: int64(order.Uint64(b[24:])),
		CTime: int64(order.Uint64(b[32:])),
	}
	at, n := uint64(order.Uint32(b[40:])), uint64(order.Uint16(b[44:]))
	if at+n+1 > uint64(x.Strings) {
		return stamp, 0, nil, fmt.Errorf("%w: name of file %d", ErrDamaged, i)
	}
	name = x.strings()[at : at+n+1]
	if bytes.IndexByte(name, 0) != int(n) {
		return stamp, 0, nil, fmt.Errorf("%w: name of file %d", ErrDamaged, i)
	}
	return stamp, order.Uint16(b[46:]), name, nil
}

// File is file i.
func (x *Index) File(i int) (File, error) {
	stamp, flags, name, err := x.Identity(i)
	if err != nil {
		return File{}, err
	}
	b := x.mem[headerSize+i*fileSize:][:fileSize]
	f := File{Stamp: stamp, Name: string(name[:len(name)-1]), Flags: flags, First: order.Uint32(b[48:]), Count: order.Uint32(b[52:])}
	if uint64(f.First)+uint64(f.Count) > uint64(x.Entries) {
		return File{}, fmt.Errorf("%w: entries of file %d", ErrDamaged, i)
	}
	return f, nil
}

// Entry is entry i.
func (x *Index) Entry(i uint32) (Entry, error) {
	if i >= x.Entries {
		return Entry{}, fmt.Errorf("%w: no entry %d", ErrDamaged, i)
	}
	b := x.entryTable()[int(i)*entrySize:][:entrySize]
	return Entry{
		Kind:   Kind(b[0]),
		Head:   order.Uint32(b[4:]),
		Body:   order.Uint32(b[8:]),
		Sum:    order.Uint32(b[12:]),
		Offset: order.Uint64(b[16:]),
		File:   order.Uint32(b[24:]),
	}, nil
}

// Find appends the entries filed under the key.
func (x *Index) Find(found []uint32, key uint64) []uint32 {
	t, n := x.keyTable(), int(x.Keys)
	at := sort.Search(n, func(i int) bool { return order.Uint64(t[i*keySize:]) >= key })
	for ; at < n && order.Uint64(t[at*keySize:]) == key; at++ {
		found = append(found, order.Uint32(t[at*keySize+8:]))
	}
	return found
}

// Blob reads the entry's two parts.
func (x *Index) Blob(e Entry) (head, body []byte, err error) {
	n := uint64(e.Head) + uint64(e.Body)
	if e.Offset > x.Size || n > x.Size-e.Offset {
		return nil, nil, fmt.Errorf("%w: an entry outside it", ErrDamaged)
	}
	b := make([]byte, n)
	if _, err := x.f.ReadAt(b, int64(e.Offset)); err != nil {
		return nil, nil, damagedUnlessIO(err)
	}
	if crc32.Checksum(b, castagnoli) != e.Sum {
		return nil, nil, fmt.Errorf("%w: checksum of an entry", ErrDamaged)
	}
	return b[:e.Head:e.Head], b[e.Head:], nil
}

// Decode is Unmarshal, for parts of a blob.
func Decode(part []byte, into any) error {
	if err := json.Unmarshal(part, into); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
