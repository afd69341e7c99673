//go:build pkcs11

package pkcs11key

import (
	"sync"
	"time"
)

// patience is the time between two attempts to load a module anew.
const patience = 5 * time.Second

// Tokens opens keys. Keys of one module share it, since a module is loaded once for the whole process. The zero value is ready.
type Tokens struct {
	mu      sync.Mutex
	modules map[string]*module
}

// Open finds a key. The caller closes it.
func (t *Tokens) Open(o Options) (*Key, error) {
	m := t.module(o.Module)
	m.mu.Lock()
	defer m.mu.Unlock()
	k := &Key{options: o, module: m}
	if err := k.open(); err != nil {
		return nil, err
	}
	m.keys[k] = struct{}{}
	return k, nil
}

func (t *Tokens) module(path string) *module {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.modules[path]
	if m == nil {
		m = &module{keys: map[*Key]struct{}{}, patience: patience}
		if t.modules == nil {
			t.modules = map[string]*module{}
		}
		t.modules[path] = m
	}
	return m
}

// module is a loaded library and the keys that are open in it.
type module struct {
	patience time.Duration

	mu    sync.RWMutex // read-held while a key signs; guards all below and what is in the keys
	keys  map[*Key]struct{}
	tried time.Time // of the last attempt to load it anew
}

// reload closes all keys of the module, which unloads it, and opens them again. Libraries of network HSMs need that after the
// connection was lost. It says whether k may have another signer now than the one that was seen to fail: not so within patience
// of the last attempt, nor for a key whose PIN was refused.
func (m *module) reload(k *Key, failed signer) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k.signer != failed {
		return true // another caller was here
	}
	if k.refused || time.Since(m.tried) < m.patience {
		return false
	}
	m.tried = time.Now()
	for k := range m.keys {
		k.close()
	}
	for k := range m.keys {
		if !k.refused {
			k.err = k.open()
		}
	}
	return true
}
