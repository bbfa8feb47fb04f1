package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	containerdversion "github.com/containerd/containerd/api/services/version/v1"
	"github.com/pelletier/go-toml/v2"
	"google.golang.org/protobuf/types/known/emptypb"
)

func checkContainerd(ctx context.Context, address, configPath string) []finding {
	daemon := finding{"containerd", good, "", ""}
	found, err := containerdVersion(ctx, address)
	if err != nil {
		daemon = finding{"containerd", missing, err.Error(), "start containerd (apt install containerd), or name its socket with --address"}
	} else {
		daemon.Found = found + " at " + address
	}
	handler := finding{"containerd's runtime entry", good, "", ""}
	names, err := runtimeHandlers(ctx, configPath)
	switch {
	case err != nil:
		handler.State, handler.Found = warning, err.Error()
	case len(names) == 0:
		handler.State, handler.Found = warning, "none has runtime_type "+runtimeName
	default:
		handler.Found = strings.Join(names, ", ")
	}
	if handler.State != good {
		handler.Remedy = "Kubernetes needs one: prearm install --containerd-config " + configPath +
			"; ctr and nerdctl do with --runtime " + runtimeName
	}
	return []finding{daemon, handler}
}

func containerdVersion(ctx context.Context, address string) (_ string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	v, err := containerdversion.NewVersionClient(conn).Version(ctx, &emptypb.Empty{})
	if err != nil {
		return "", fmt.Errorf("containerd at %s: %w", address, err)
	}
	return v.Version, nil
}

// runtimeHandlers are the names of runtimes in containerd's configuration
// that are prearm.
func runtimeHandlers(ctx context.Context, path string) ([]string, error) {
	data, err := containerdConfig(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if err := toml.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	names := handlersIn(config)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// containerdConfig is the configuration with all that it imports, if
// containerd's program is there to merge it, else the file itself.
func containerdConfig(ctx context.Context, path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if program := find("containerd"); program != "" {
		out, err := exec.CommandContext(ctx, program, "--config", path, "config", "dump").Output()
		if err == nil {
			return out, nil
		}
	}
	return os.ReadFile(path)
}

// handlersIn finds tables whose runtime_type is prearm's, however deep, for
// the place differs among containerd's versions.
func handlersIn(table map[string]any) []string {
	var names []string
	for name, value := range table {
		t, ok := value.(map[string]any)
		if !ok {
			continue
		}
		if t["runtime_type"] == runtimeName {
			names = append(names, name)
		}
		names = append(names, handlersIn(t)...)
	}
	return names
}
