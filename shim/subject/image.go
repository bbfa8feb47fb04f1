package subject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
)

// imageLabels are the labels in an image's configuration. An image that
// containerd no longer has is an error: which labels it brought cannot be
// told any more.
func imageLabels(ctx context.Context, containerd *client, name string) (map[string]string, error) {
	digest, err := containerd.getImage(ctx, name)
	if err != nil {
		return nil, err
	}
	m, err := readManifest(ctx, containerd, digest)
	if err != nil {
		return nil, err
	}
	var config struct {
		Config struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := readJSON(ctx, containerd, m.Config.Digest, &config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return config.Config.Labels, nil
}

// manifest is the part of an image manifest, or of an index of them, that
// leads to the configuration.
type manifest struct {
	Config struct {
		Digest string `json:"digest"`
	} `json:"config"`
	Manifests []struct {
		Digest   string `json:"digest"`
		Platform struct {
			OS           string `json:"os"`
			Architecture string `json:"architecture"`
		} `json:"platform"`
	} `json:"manifests"`
}

// readManifest reads the image's manifest for this node's platform. Indexes
// may nest, but not deeply.
func readManifest(ctx context.Context, containerd *client, digest string) (*manifest, error) {
	for range 4 {
		m := &manifest{}
		if err := readJSON(ctx, containerd, digest, m); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		if m.Config.Digest != "" {
			return m, nil
		}
		digest = ""
		for _, entry := range m.Manifests {
			p := entry.Platform
			if p.OS == runtime.GOOS && p.Architecture == runtime.GOARCH || len(m.Manifests) == 1 {
				digest = entry.Digest
				break
			}
		}
		if digest == "" {
			return nil, fmt.Errorf("no manifest for %s/%s", runtime.GOOS, runtime.GOARCH)
		}
	}
	return nil, errors.New("indexes nested too deeply")
}

func readJSON(ctx context.Context, containerd *client, digest string, v any) error {
	data, err := containerd.readBlob(ctx, digest)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
