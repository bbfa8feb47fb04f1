package shim

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/shim/early"
)

// checkEarly begins the check of the policies that the first container of
// this shim is likely to need, whose bundle is the working directory. Any
// error is Create's to find again.
func checkEarly() <-chan *store.Store {
	begun := make(chan *store.Store, 1)
	go func() {
		defer close(begun)
		data, err := early.Options(".")
		if err != nil {
			return
		}
		options := &anypb.Any{}
		if err := proto.Unmarshal(data, options); err != nil {
			return
		}
		cfg, _, err := readOptions(options)
		if err != nil {
			return
		}
		if st, err := store.Begin(cfg.Policies, cfg.IndexPath()); err == nil {
			begun <- st
		}
	}()
	return begun
}

// takeEarly gives the store whose check was begun early, if it is that of the
// policies in question and has not been taken.
func (s *service) takeEarly(policies, index string) (*store.Store, error) {
	s.mu.Lock()
	early := s.early
	s.early = nil
	s.mu.Unlock()
	if early == nil {
		return nil, nil
	}
	st := <-early
	if st == nil || st.Is(policies, index) {
		return st, nil
	}
	return nil, st.Close()
}
