package subject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	contentapi "github.com/containerd/containerd/api/services/content/v1"
	imagesapi "github.com/containerd/containerd/api/services/images/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxBlob bounds a manifest or an image's configuration.
const maxBlob = 4 << 20

// imageLabels are the labels in an image's configuration. An image that
// containerd no longer has brought none that could be told: then the error
// refuses the start, because an image must not choose its policy.
func imageLabels(ctx context.Context, conn *grpc.ClientConn, name string) (map[string]string, error) {
	if name == "" {
		return nil, nil // started from a root file system
	}
	resp, err := imagesapi.NewImagesClient(conn).Get(ctx, &imagesapi.GetImageRequest{Name: name})
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("image %s is gone from containerd; pull it again", name)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	blobs := contentapi.NewContentClient(conn)
	manifest, err := readManifest(ctx, blobs, resp.GetImage().GetTarget().GetDigest())
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	var config struct {
		Config struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := readBlob(ctx, blobs, manifest.Config.Digest, &config); err != nil {
		return nil, fmt.Errorf("image %s: configuration: %w", name, err)
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

// readManifest reads the image's manifest for this node's platform; indexes
// may nest, as containerd allows, but not deeply.
func readManifest(ctx context.Context, blobs contentapi.ContentClient, digest string) (*manifest, error) {
	for range 4 {
		m := &manifest{}
		if err := readBlob(ctx, blobs, digest, m); err != nil {
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

func readBlob(ctx context.Context, blobs contentapi.ContentClient, digest string, v any) error {
	stream, err := blobs.Read(ctx, &contentapi.ReadContentRequest{Digest: digest})
	if err != nil {
		return err
	}
	var data []byte
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if data = append(data, chunk.GetData()...); len(data) > maxBlob {
			return fmt.Errorf("%s has more than %d bytes", digest, maxBlob)
		}
	}
	return json.Unmarshal(data, v)
}
