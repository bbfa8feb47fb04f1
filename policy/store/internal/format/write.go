package format

import (
	"bufio"
	"cmp"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// Source is one file as it goes into an index.
type Source struct {
	Stamp
	Name  string
	Flags uint16
	Blobs []Blob
}

// Blob is one entry as it goes into an index.
type Blob struct {
	Kind       Kind
	Head, Body []byte
	Keys       []uint64 // it is found under each
}

// Write writes an index of the folder at dir. The first source is the folder
// itself.
func Write(w io.Writer, dir string, builder [16]byte, sources []Source) error {
	if len(sources) > MaxFiles {
		return fmt.Errorf("the folder has %d files, the limit is %d", len(sources), MaxFiles)
	}
	var (
		h       = Header{Builder: builder, Files: uint32(len(sources)), Dir: uint32(len(dir))}
		files   []byte
		entries []byte
		keys    []keyed
		names   = append([]byte(dir), 0)
		blobs   uint64 // bytes of blobs so far; offsets are relative until the tables' size is known
	)
	for i, s := range sources {
		first := h.Entries
		for _, b := range s.Blobs {
			if len(b.Head) > math.MaxInt32 || len(b.Body) > math.MaxInt32 {
				return fmt.Errorf("%s: an entry of %d bytes", s.Name, len(b.Head)+len(b.Body))
			}
			for _, k := range b.Keys {
				keys = append(keys, keyed{k, h.Entries})
			}
			var e [entrySize]byte
			e[0] = byte(b.Kind)
			order.PutUint32(e[4:], uint32(len(b.Head)))
			order.PutUint32(e[8:], uint32(len(b.Body)))
			order.PutUint32(e[12:], crc32.Update(crc32.Checksum(b.Head, castagnoli), castagnoli, b.Body))
			order.PutUint64(e[16:], blobs)
			order.PutUint32(e[24:], uint32(i))
			entries = append(entries, e[:]...)
			blobs += uint64(len(b.Head) + len(b.Body))
			h.Entries++
		}
		if s.Flags&Racy != 0 {
			h.Racy++
		}
		files = append(files, s.record(uint32(len(names)), first, h.Entries-first)...)
		names = append(append(names, s.Name...), 0)
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.entry, b.entry))
	})
	keys = slices.Compact(keys)
	h.Keys, h.Strings = uint32(len(keys)), uint32(len(names))
	size := headerSize + h.tables()
	if size > maxTables {
		return fmt.Errorf("the policies need %d bytes of tables, the limit is %d", size, uint64(maxTables))
	}
	h.Size = size + blobs

	tables := make([]byte, headerSize, size)
	h.encode(tables)
	for at := 0; at < len(entries); at += entrySize {
		offset := entries[at+16:]
		order.PutUint64(offset, order.Uint64(offset)+size)
	}
	tables = append(append(tables, files...), entries...)
	for _, k := range keys {
		tables = order.AppendUint64(tables, k.hash)
		tables = order.AppendUint64(tables, uint64(k.entry))
	}
	tables = append(tables, names...)
	order.PutUint32(tables[12:], checksum(tables))

	out := bufio.NewWriterSize(w, 1<<20)
	out.Write(tables) //nolint:errcheck // Flush repeats the first error
	for _, s := range sources {
		for _, b := range s.Blobs {
			out.Write(b.Head) //nolint:errcheck // as above
			out.Write(b.Body) //nolint:errcheck // as above
		}
	}
	return out.Flush()
}

type keyed struct {
	hash  uint64
	entry uint32
}

func (s *Source) record(name, first, count uint32) []byte {
	b := make([]byte, 0, fileSize)
	b = order.AppendUint64(b, s.Dev)
	b = order.AppendUint64(b, s.Ino)
	b = order.AppendUint64(b, uint64(s.Size))
	b = order.AppendUint64(b, uint64(s.MTime))
	b = order.AppendUint64(b, uint64(s.CTime))
	b = order.AppendUint32(b, name)
	b = order.AppendUint16(b, uint16(len(s.Name)))
	b = order.AppendUint16(b, s.Flags)
	b = order.AppendUint32(b, first)
	b = order.AppendUint32(b, count)
	return append(b, make([]byte, fileSize-len(b))...)
}
