package shim

import (
	"bytes"
	"errors"
	"path/filepath"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/shim/early"
)

// prepared is what the shim's first container will need, read while Create is
// still on its way.
type prepared struct {
	bundle  string
	request *anypb.Any // containerd's options, which the others follow from
	cfg     *config.Config
	options *runcoptions.Options
	spec    *specFile
	store   *store.Store // nil if the index is stale
}

// prepare begins with what the start action left in the working directory,
// the first container's bundle. Any error is Create's to find again.
func prepare() <-chan *prepared {
	begun := make(chan *prepared, 1)
	go func() {
		defer close(begun)
		if p, err := newPrepared(); err == nil {
			begun <- p
		}
	}()
	return begun
}

func newPrepared() (*prepared, error) {
	p := &prepared{request: &anypb.Any{}}
	data, err := early.Options(".")
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(data, p.request); err != nil {
		return nil, err
	}
	if p.cfg, p.options, err = readOptions(p.request); err != nil {
		return nil, err
	}
	if p.bundle, err = filepath.Abs("."); err != nil {
		return nil, err
	}
	p.store, err = store.Begin(p.cfg.Policies, p.cfg.IndexPath())
	if err != nil && !errors.Is(err, store.ErrStale) {
		return nil, err
	}
	if p.spec, err = readSpec(p.bundle); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *prepared) close() error {
	if p.store == nil {
		return nil
	}
	return p.store.Close()
}

// takePrepared gives what was prepared for a bundle with these options, once;
// nil if there is nothing.
func (s *service) takePrepared(bundle string, options *anypb.Any) (*prepared, error) {
	s.mu.Lock()
	begun := s.prepared
	s.prepared = nil
	s.mu.Unlock()
	if begun == nil {
		return nil, nil
	}
	p := <-begun
	if p == nil {
		return nil, nil
	}
	same := p.bundle == filepath.Clean(bundle) &&
		p.request.GetTypeUrl() == options.GetTypeUrl() && bytes.Equal(p.request.GetValue(), options.GetValue())
	if !same {
		return nil, p.close()
	}
	return p, nil
}
