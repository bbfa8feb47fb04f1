// Package format is the index file: what a start needs of ten thousand
// policies, so laid out that it reads no more of it than concerns it.
//
//	header   128 bytes: magic, version, sizes, who built it, checksum
//	files    64 bytes each: identity of every policy file; the first is the folder
//	entries  32 bytes each: where a policy, a posture or a refusal lies
//	keys     16 bytes each: sorted hash of a selection key -> entry
//	strings  file names, each ended by a NUL
//	blobs    JSON, each with its own checksum
//
// Integers are little endian. The header's checksum covers everything but the
// blobs. Nothing in a damaged file leads to more than ErrDamaged: every
// offset is checked where it is used, because checksums find accidents and
// not intentions.
package format

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Version changes with the layout, and with the meaning of what is stored: an
// index of another version is rebuilt from the policy files.
const Version = 1

const (
	magic      = "prearmix"
	headerSize = 128
	fileSize   = 64
	entrySize  = 32
	keySize    = 16

	// MaxFiles and maxTables bound what a damaged header can make us
	// allocate.
	MaxFiles  = 1 << 20
	maxTables = 1 << 30
)

// ErrDamaged is matched by every error about an index that is not what a
// writer of this version wrote.
var ErrDamaged = errors.New("damaged index")

var (
	order      = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Kind is what an entry is.
type Kind uint8

const (
	Policy    Kind = iota + 1 // head: Head, body: []policy.Rule without file names
	Namespace                 // head: policy.Namespace
	Refusal                   // head: policy.Bad; concerns starts
	Report                    // head: []policy.Bad; what is wrong with the file as it is now
	Sum                       // head: SHA-256 of the file's content, of a racy file
)

// Flags of a file.
const (
	// Racy: the file was changed so shortly before it was read that a later
	// change may have left the same times. Its content decides, by Sum.
	Racy uint16 = 1 << iota
	// HasGood: what is in force from the file is a version that was good as
	// a whole: the current one, or if the file has a Report, an earlier one.
	HasGood
)

// Stamp identifies a version of a file: any change to its content gives it
// another change time, a replacement another inode as well.
type Stamp struct {
	Dev, Ino     uint64
	Size         int64
	MTime, CTime int64 // nanoseconds since 1970
}

// File is a policy file.
type File struct {
	Stamp
	Name         string
	Flags        uint16
	First, Count uint32 // its entries
}

// Entry locates a blob of two parts.
type Entry struct {
	Kind       Kind
	File       uint32 // index of the file it comes from
	Head, Body uint32 // lengths
	Offset     uint64 // of the head; the body follows
	Sum        uint32 // CRC-32C of both
}

// Header is the fixed part of an index.
type Header struct {
	Size                          uint64 // of the whole index
	Files, Entries, Keys, Strings uint32 // counts; Strings in bytes
	Racy                          uint32 // files with the flag
	Dir                           uint32 // length of the folder's path, the first of the strings
	Builder                       [16]byte
}

// Key hashes one selection key. An empty namespace or label stands for any.
// Two keys of one hash only cost a look at a policy that does not apply.
func Key(namespace, label, value string) uint64 {
	// FNV-1a, with a separator that no valid name contains.
	h := uint64(14695981039346656037)
	for _, s := range [...]string{namespace, label, value} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211 // a NUL
	}
	return h
}

func (h *Header) tables() uint64 {
	return uint64(h.Files)*fileSize + uint64(h.Entries)*entrySize + uint64(h.Keys)*keySize + uint64(h.Strings)
}

func (h *Header) encode(b []byte) {
	copy(b, magic)
	order.PutUint32(b[8:], Version)
	order.PutUint64(b[16:], h.Size)
	for i, v := range []uint32{h.Files, h.Entries, h.Keys, h.Strings, h.Racy, h.Dir} {
		order.PutUint32(b[24+4*i:], v)
	}
	copy(b[48:64], h.Builder[:])
}

func (h *Header) decode(b []byte) {
	h.Size = order.Uint64(b[16:])
	for i, v := range []*uint32{&h.Files, &h.Entries, &h.Keys, &h.Strings, &h.Racy, &h.Dir} {
		*v = order.Uint32(b[24+4*i:])
	}
	copy(h.Builder[:], b[48:64])
}

// checksum covers the header but its own field, and the tables.
func checksum(b []byte) uint32 {
	sum := crc32.Update(0, castagnoli, b[:12])
	return crc32.Update(sum, castagnoli, b[16:])
}
