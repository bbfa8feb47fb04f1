package subject

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// serve answers as containerd would, over Go's own HTTP/2 server, and gives
// the socket's path.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "containerd.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return path
}

func answer(t *testing.T, w http.ResponseWriter, status string, messages ...[]byte) {
	t.Helper()
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	for _, m := range messages {
		if _, err := w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...)); err != nil {
			t.Error(err)
		}
	}
	w.Header().Set("Grpc-Status", status)
	w.Header().Set("Grpc-Message", "said%20so")
}

func nested(number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
}

// container is a GetContainerResponse.
func container(labels map[string]string, image string) []byte {
	c := append(text(1, "id"), text(containerImage, image)...)
	for k, v := range labels {
		c = append(c, nested(containerLabels, append(text(mapKey, k), text(mapValue, v)...))...)
	}
	return nested(getResponse, c)
}

func TestAskUnderCRI(t *testing.T) {
	socket := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/containerd.services.containers.v1.Containers/Get" || r.Header.Get("Containerd-Namespace") != "k8s.io" {
			t.Errorf("asked %s in %q", r.URL.Path, r.Header.Get("Containerd-Namespace"))
		}
		if !bytes.Equal(body[5:], text(getRequestID, "sandbox")) {
			t.Errorf("asked for %q", body)
		}
		answer(t, w, "0", container(map[string]string{"app": "web", "empty": ""}, "pause:3"))
	})
	who, err := Ask(t.Context(), Query{Containerd: "unix://" + socket, Namespace: "k8s.io", ID: "c", Annotations: map[string]string{
		annotationType: "container", annotationSandbox: "sandbox", annotationNamespace: "shop",
		annotationPod: "web-1", annotationContainer: "nginx", annotationImage: "nginx:1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if who.Namespace != "shop" || who.Container != "nginx" || who.Pod != "web-1" || who.Sandbox ||
		len(who.Labels) != 2 || who.Labels["app"] != "web" {
		t.Errorf("got %+v", who)
	}
}

// TestLargeBlob has more data than a stream's first window and than a frame.
func TestLargeBlob(t *testing.T) {
	part := bytes.Repeat([]byte("x"), 300_000)
	socket := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(t, w, "0", nested(readResponseData, part), nested(readResponseData, part))
	})
	blob, err := newClient(socket, "ns").readBlob(t.Context(), "sha256:0")
	if err != nil {
		t.Fatal(err)
	}
	if len(blob) != 2*len(part) {
		t.Errorf("got %d bytes", len(blob))
	}
}

func TestErrorsRefuse(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a status":          func(w http.ResponseWriter, _ *http.Request) { answer(t, w, "5") },
		"no status":         func(http.ResponseWriter, *http.Request) {},
		"no container":      func(w http.ResponseWriter, _ *http.Request) { answer(t, w, "0") },
		"two containers":    func(w http.ResponseWriter, _ *http.Request) { answer(t, w, "0", nil, nil) },
		"a message cut off": func(w http.ResponseWriter, _ *http.Request) { answer(t, w, "0", []byte{0x0a, 0x7f, 'x'}) },
		"no gRPC":           func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			for range maxAnswer/1_000_000 + 2 {
				if _, err := w.Write(make([]byte, 1_000_000)); err != nil {
					return // the client hung up, as it should
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			socket := serve(t, handler)
			who, err := Ask(t.Context(), Query{Containerd: socket, Namespace: "ns", ID: "c"})
			if err == nil {
				t.Fatalf("got %+v", who)
			}
			if !strings.Contains(err.Error(), socket) {
				t.Errorf("the error does not say whom it asked: %v", err)
			}
		})
	}
}

func TestSilenceIsBounded(t *testing.T) {
	end := make(chan struct{})
	socket := serve(t, func(http.ResponseWriter, *http.Request) { <-end })
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if who, err := Ask(ctx, Query{Containerd: socket, Namespace: "ns", ID: "c"}); err == nil {
		t.Fatalf("got %+v", who)
	}
}

func TestNobodyThere(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none.sock")
	if _, err := Ask(t.Context(), Query{Containerd: socket, Namespace: "ns", ID: "c"}); err == nil {
		t.Fatal("asked nobody and got an answer")
	}
}

// FuzzField reads any bytes as a message without panic or growth.
func FuzzField(f *testing.F) {
	f.Add(container(map[string]string{"a": "b"}, "i"))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, message []byte) {
		values, err := field(message, 1)
		if err != nil {
			return
		}
		for _, v := range values {
			if len(v) > len(message) {
				t.Errorf("a value of %d bytes in %d", len(v), len(message))
			}
		}
	})
}
