package shim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"

	"github.com/containerd/containerd/api/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Version is set by the build.
var Version = "dev"

// featuresType is how containerd names the runtime's features on the wire;
// their form is JSON.
const featuresType = "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

// writeInfo answers containerd 2's question about the runtime: its name and
// what the runc behind it can do. Without the features containerd takes
// idmapped mounts and user namespaces for unsupported.
func writeInfo(options io.Reader, out io.Writer) error {
	data, err := info(options)
	if err == nil {
		_, err = out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("%s: info: %w", Name, err)
	}
	return nil
}

func info(stdin io.Reader) ([]byte, error) {
	answer := &types.RuntimeInfo{Name: Name, Version: &types.RuntimeVersion{Version: Version}}
	data, err := io.ReadAll(io.LimitReader(stdin, 1<<20))
	if err != nil {
		return nil, err
	}
	options := &anypb.Any{}
	if err := proto.Unmarshal(data, options); err != nil {
		return nil, fmt.Errorf("options on stdin: %w", err)
	}
	cfg, runc, err := readOptions(options)
	if err != nil {
		return nil, err
	}
	if options.TypeUrl != "" {
		answer.Options = options
	}
	binary := cmp.Or(cfg.Runc, runc.BinaryName, "runc")
	// A runc before 1.1 has no such command: then it has none of the
	// features either.
	features, err := exec.Command(binary, "features").Output() //nolint:forbidigo // no reaper runs here
	if err == nil && json.Valid(features) {
		answer.Features = &anypb.Any{TypeUrl: featuresType, Value: features}
	}
	return proto.Marshal(answer)
}
