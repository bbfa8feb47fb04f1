package podman

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/policy"
)

const (
	id    = "39da8063482446f1cfceda0dd4eae8f0a0311c93c58aad735ad5476bf12dfd76"
	image = "3fe43ef49b4831c0d03c6dcf3a50cdcff7e8f74cdee39c2d6d53a0a148b8a431"
)

// store lays out a storage as podman has it and returns the bundle of a
// container of that image.
func store(t *testing.T, image, manifest string) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("overlay-containers/containers.json", `[{"id": "0", "metadata": "not JSON"},
		{"id": "`+id+`", "names": ["web"], "image": "`+image+`", "metadata": "{\"image-name\": \"example.org/web:1\"}"}]`)
	if manifest != "" {
		write("overlay-images/"+image+"/manifest", manifest)
	}
	bundle := filepath.Join(root, "overlay-containers", id, "userdata")
	if err := os.MkdirAll(bundle, 0o700); err != nil {
		t.Fatal(err)
	}
	return bundle
}

// spec of a container with podman's own annotations and these.
func spec(annotations ...string) *specs.Spec {
	all := map[string]string{manager: "libpod", "io.podman.annotations.privileged": "FALSE", "io.kubernetes.cri-o.TTY": "false"}
	for _, a := range annotations {
		k, v, _ := strings.Cut(a, "=")
		all[k] = v
	}
	return &specs.Spec{Annotations: all}
}

func TestSubject(t *testing.T) {
	is := func(labels, brought map[string]string) policy.Subject {
		return policy.Subject{Namespace: "podman", Container: "web", Image: "example.org/web:1", Labels: labels, Brought: brought}
	}
	type labels = map[string]string
	for name, test := range map[string]struct {
		image, manifest string
		spec            *specs.Spec
		want            policy.Subject
	}{
		"from a root file system":      {"", "", spec("app=web"), is(labels{"app": "web"}, nil)},
		"an image without annotations": {image, `{"schemaVersion": 2}`, spec("app=web"), is(labels{"app": "web"}, nil)},
		"an image with the same annotation": {image, `{"annotations": {"app": "web", "other": "x"}}`, spec("app=web", "my=own"),
			is(labels{"app": "web", "my": "own"}, labels{"app": "web"})},
		"an image's annotation, overridden": {image, `{"annotations": {"app": "db"}}`, spec("app=web"),
			is(labels{"app": "web"}, labels{})},
		"no annotations, so that the image matters not": {image, "", spec(), is(labels{}, nil)},
		"a build's": {"", "", &specs.Spec{Annotations: labels{"app": "web"}}, policy.Subject{Namespace: "podman", Container: id}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Subject(store(t, test.image, test.manifest), id, test.spec)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

// TestSubjectErrors: who cannot be told from others is an error, and an error
// refuses the start.
func TestSubjectErrors(t *testing.T) {
	for name, test := range map[string]struct {
		image, manifest string
		id              string
		spec            *specs.Spec
		want            string
	}{
		"another engine's":       {image, "{}", id, spec(manager + "=cri-o"), `of the engine "cri-o"`},
		"another's bundle":       {image, "{}", "0", spec("a=b"), "is not where podman has it"},
		"an image that is gone":  {image, "", id, spec("a=b"), "must not choose policies"},
		"a manifest that is not": {image, "[", id, spec("a=b"), "manifest: "},
		"an image with a path":   {"../../etc", "{}", id, spec("a=b"), "do not look like podman's storage"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Subject(store(t, test.image, test.manifest), test.id, test.spec)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	bundle := store(t, image, "{}")
	if err := os.WriteFile(filepath.Join(bundle, "../../containers.json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Subject(bundle, id, spec("a=b")); err == nil || !strings.Contains(err.Error(), "does not list it") {
		t.Errorf("a container that the storage does not know: %v", err)
	}
}
