package client

import (
	"crypto/tls"
	"runtime"
	"sync"
	"weak"
)

// configSet remembers TLS configurations without keeping them.
type configSet struct{ m sync.Map } // of weak.Pointer[tls.Config]

func (s *configSet) add(c *tls.Config) {
	p := weak.Make(c)
	s.m.Store(p, nil)
	runtime.AddCleanup(c, func(p weak.Pointer[tls.Config]) { s.m.Delete(p) }, p)
}

func (s *configSet) has(c *tls.Config) bool {
	_, ok := s.m.Load(weak.Make(c))
	return ok
}
