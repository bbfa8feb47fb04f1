// Package image writes a ruleset as the guard's programs read it: an array of
// 64-bit cells, in the form of bpf/guard/layout.h. Every verdict in it is the
// model's own, asked for one object of those that no rule tells apart.
package image

import (
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// MaxCells bounds an image: 16 MiB of kernel memory.
const MaxCells = 2 << 20

// version of the layout.
const version = 1

// The header's cells.
const (
	headFormat = iota
	headSources
	headFile
	headProcess
	headSpecial
	headTables
	headSize
)

// flagNames says that some rule is about the name that a file is executed by.
const flagNames = 1

// operations are those of a row, of each class in the layout's order.
var operations = map[policy.Class][]model.Operation{
	policy.File:    {model.Read, model.Write, model.Tamper},
	policy.Process: {model.Exec, model.Map, model.Tamper},
}

// rowCells is how many verdicts a row has for each source class.
const rowCells = 3 * 2

// Sockets is how many kinds of sockets the network table tells apart.
const Sockets = 16

// Kinds of sockets behind those of translate.SocketKind.
const (
	SocketPacket = 12 + iota // AF_PACKET, and SOCK_PACKET over inet
	SocketSMC
	SocketVsock
	SocketFamily // any other family but unix and netlink
)

// capabilities is the length of the table of capabilities.
const capabilities = 64

// Reasons that the model does not know.
const (
	ByMissing    model.Reason = "missing"    // there is no image, or not of this layout
	Unresolvable model.Reason = "unresolved" // no path was found for the object
	ByTrace      model.Reason = "trace"      // one task would act as another; in events alone
)

// Orders of the layout's enumerations.
var (
	actions = [...]policy.Action{policy.Block, policy.Audit, policy.Allow}
	tiers   = [...]policy.Tier{"", policy.Cluster, policy.Namespaced}
	reasons = [...]model.Reason{ByMissing, model.ByRule, model.ByFlag, model.ByPosture, model.ByBase, model.ByNothing,
		model.ByLoader, model.ByMemory, model.ByTamper, Unresolvable, ByTrace}
)
