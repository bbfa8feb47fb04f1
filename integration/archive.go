//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ImageConfig is what an image says of its containers.
type ImageConfig struct {
	Labels     map[string]string `json:",omitempty"`
	Entrypoint []string          `json:",omitempty"`
	Env        []string          `json:",omitempty"`

	Annotations map[string]string `json:"-"` // of its manifest
}

// WriteImage writes an OCI archive of one layer, the folder root.
func WriteImage(path, name, root string, config ImageConfig) (err error) {
	layer, err := tarFolder(root)
	if err != nil {
		return err
	}
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	files := make(map[string][]byte)
	add := func(mediaType string, blob []byte) descriptor {
		sum := fmt.Sprintf("%x", sha256.Sum256(blob))
		files["blobs/sha256/"+sum] = blob
		return descriptor{MediaType: mediaType, Digest: "sha256:" + sum, Size: len(blob)}
	}
	const v1 = "application/vnd.oci.image."
	object := func(value any) []byte {
		text, e := json.Marshal(value)
		err = errors.Join(err, e)
		return text
	}
	tarred := add(v1+"layer.v1.tar", layer)
	described := add(v1+"config.v1+json", object(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{tarred.Digest}},
	}))
	manifest := add(v1+"manifest.v1+json", object(map[string]any{
		"schemaVersion": 2, "mediaType": v1 + "manifest.v1+json", "config": described, "layers": []descriptor{tarred},
		"annotations": config.Annotations,
	}))
	manifest.Annotations = map[string]string{"io.containerd.image.name": name}
	files["index.json"] = object(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})
	files["oci-layout"] = []byte(`{"imageLayoutVersion": "1.0.0"}`)

	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, text := range files {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}))
		_, e := w.Write(text)
		err = errors.Join(err, e)
	}
	return errors.Join(err, w.Close(), os.WriteFile(path, archive.Bytes(), 0o600))
}

// tarFolder is a folder as a layer.
func tarFolder(root string) ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		if header.Name, err = filepath.Rel(root, path); err != nil {
			return err
		}
		if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}); err != nil {
		return nil, fmt.Errorf("archive %s: %w", root, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("archive %s: %w", root, err)
	}
	return layer.Bytes(), nil
}
