package bpf

import (
	"reflect"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/prearm/prearm/translate"
)

func types(t *testing.T) *btf.Spec {
	t.Helper()
	spec, err := loadPrearm()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Types
}

// The object's structs and the generated Go types have the same size and the
// same fields at the same offsets.
func TestLayouts(t *testing.T) {
	spec := types(t)
	for name, typ := range map[string]reflect.Type{
		"event":     reflect.TypeFor[prearmEvent](),
		"ruleset":   reflect.TypeFor[prearmRuleset](),
		"container": reflect.TypeFor[prearmContainer](),
		"digest":    reflect.TypeFor[prearmDigest](),
	} {
		var c *btf.Struct
		if err := spec.TypeByName(name, &c); err != nil {
			t.Fatal(err)
		}
		compareStruct(t, name, c, typ)
	}
}

func compareStruct(t *testing.T, name string, c *btf.Struct, typ reflect.Type) {
	t.Helper()
	if uintptr(c.Size) != typ.Size() {
		t.Errorf("%s: %d bytes in C, %d in Go", name, c.Size, typ.Size())
	}
	var fields []reflect.StructField
	for f := range typ.Fields() {
		if f.Name != "_" {
			fields = append(fields, f)
		}
	}
	if len(fields) != len(c.Members) {
		t.Fatalf("%s: %d members in C, %d in Go", name, len(c.Members), len(fields))
	}
	for i, m := range c.Members {
		f := fields[i]
		if uintptr(m.Offset.Bytes()) != f.Offset {
			t.Errorf("%s.%s: at %d in C, at %d in Go", name, m.Name, m.Offset.Bytes(), f.Offset)
		}
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(size) != f.Type.Size() {
			t.Errorf("%s.%s: %d bytes in C, %d in Go", name, m.Name, size, f.Type.Size())
		}
		if array, ok := btf.UnderlyingType(m.Type).(*btf.Array); ok {
			if inner, ok := btf.UnderlyingType(array.Type).(*btf.Struct); ok {
				compareStruct(t, name+"."+m.Name, inner, f.Type.Elem())
			}
		}
	}
}

// The kernel's side and the planner number the kinds of sockets alike.
func TestSocketKinds(t *testing.T) {
	var c *btf.Enum
	if err := types(t).TypeByName("socket_kind", &c); err != nil {
		t.Fatal(err)
	}
	want := map[string]translate.SocketKind{
		"KIND_TCP":        translate.KindTCP,
		"KIND_UDP":        translate.KindUDP,
		"KIND_ICMP":       translate.KindICMP,
		"KIND_ICMPV6":     translate.KindICMPv6,
		"KIND_RAW_ICMP":   translate.KindRawICMP,
		"KIND_RAW_ICMPV6": translate.KindRawICMPv6,
		"KIND_RAW":        translate.KindRaw,
		"KIND_SCTP":       translate.KindSCTP,
		"KIND_DCCP":       translate.KindDCCP,
		"KIND_OTHER":      translate.KindOther,
		"KIND_RAW_SCTP":   translate.KindRawSCTP,
		"KIND_RAW_DCCP":   translate.KindRawDCCP,
		"SOCKET_KINDS":    translate.SocketKinds,
	}
	if len(c.Values) != len(want) {
		t.Errorf("%d kinds in C, %d in Go", len(c.Values), len(want))
	}
	for _, v := range c.Values {
		if got, ok := want[v.Name]; !ok || uint64(got) != v.Value {
			t.Errorf("%s is %d in C, %d in Go", v.Name, v.Value, got)
		}
	}
}
