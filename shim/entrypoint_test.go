package shim

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestHostUser(t *testing.T) {
	users := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100_000, Size: 1000}, {ContainerID: 1000, HostID: 5, Size: 1}}
	for uid, want := range map[uint32]uint32{0: 100_000, 999: 100_999, 1000: 5, 1001: 1001} {
		if got := hostUser(uid, users); got != want {
			t.Errorf("%d is %d on the host, want %d", uid, got, want)
		}
	}
	if got := hostUser(7, nil); got != 7 {
		t.Errorf("without mappings 7 is %d", got)
	}
}
