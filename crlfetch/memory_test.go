package crlfetch

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// memory is a Store and Builder. When the test ends it sees that no build is open and no download lies about.
type memory struct {
	t   *testing.T
	dir string

	mu         sync.Mutex
	infos      map[revocation.ScopeID]*revocation.CRLInfo
	states     map[revocation.ScopeID]revocation.SourceState
	serials    map[revocation.ScopeID][]string
	building   map[revocation.ScopeID]bool
	generation uint64
	maxShrink  float64 // of the last commit

	commitErr, saveErr, addErr, buildErr error
	tempFile                             func() (*os.File, error)
}

func newMemory(t *testing.T) *memory {
	m := &memory{t: t, dir: t.TempDir(), infos: map[revocation.ScopeID]*revocation.CRLInfo{},
		states:  map[revocation.ScopeID]revocation.SourceState{},
		serials: map[revocation.ScopeID][]string{}, building: map[revocation.ScopeID]bool{}}
	t.Cleanup(m.checkNothingLeft)
	return m
}

func (m *memory) checkNothingLeft() {
	for scope, open := range m.building {
		if open {
			m.t.Errorf("the build of scope %s was neither committed nor aborted", scope)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(m.dir, "download-*")); len(left) > 0 {
		m.t.Errorf("%d downloads were left: %v", len(left), left)
	}
}

func (m *memory) CRLInfo(s revocation.ScopeID) *revocation.CRLInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.infos[s]
}

func (m *memory) SourceState(s revocation.ScopeID) revocation.SourceState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[s]
}

func (m *memory) SaveSourceState(s revocation.ScopeID, st revocation.SourceState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saveErr != nil {
		return m.saveErr
	}
	m.states[s] = st
	return nil
}

func (m *memory) TempFile() (*os.File, error) {
	if m.tempFile != nil {
		return m.tempFile()
	}
	return os.CreateTemp(m.dir, "download-*")
}

func (m *memory) NewBuild(_ revocation.IssuerID, s revocation.ScopeID) (Build, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buildErr != nil {
		return nil, m.buildErr
	}
	if m.building[s] {
		m.t.Errorf("a second build of scope %s began", s)
	}
	m.building[s] = true
	return &memoryBuild{m: m, scope: s}, nil
}

// held is what a reader sees of a scope.
func (m *memory) held(s revocation.ScopeID) (number string, serials []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.infos[s] == nil {
		return "", nil
	}
	return m.infos[s].Number.String(), slices.Clone(m.serials[s])
}

type memoryBuild struct {
	m       *memory
	scope   revocation.ScopeID
	serials []string
}

func (b *memoryBuild) Add(r *revocation.Record) error {
	b.serials = append(b.serials, revocation.Serial(r.Serial).String())
	return b.m.addErr
}

func (b *memoryBuild) Abort() { b.end() }

func (b *memoryBuild) end() {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if !b.m.building[b.scope] {
		b.m.t.Errorf("a build of scope %s was ended twice", b.scope)
	}
	b.m.building[b.scope] = false
}

func (b *memoryBuild) Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, maxShrink float64) (revocation.CRLChange, error) {
	b.end()
	m := b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.commitErr != nil {
		return revocation.CRLChange{}, m.commitErr
	}
	if der, err := os.ReadFile(signed); err != nil || sha256.Sum256(der) != info.SHA256 {
		m.t.Errorf("the file to commit is not the DER of the CRL (%v)", err)
	}
	if len(b.serials) > info.Entries {
		m.t.Errorf("%d entries were added, the CRL says %d", len(b.serials), info.Entries)
	}
	if err := os.Rename(signed, filepath.Join(m.dir, "held-"+b.scope.String())); err != nil {
		m.t.Error(err)
	}
	m.generation++
	change := revocation.CRLChange{Issuer: info.Issuer, Scope: b.scope, Old: m.infos[b.scope], New: info, Generation: m.generation,
		Added: len(b.serials), Everything: true}
	m.infos[b.scope], m.states[b.scope], m.serials[b.scope], m.maxShrink = info, st, b.serials, maxShrink
	return change, nil
}

// discardStore holds nothing and takes everything: what is measured with it is this package's own work.
type discardStore struct{ dir string }

func (discardStore) CRLInfo(revocation.ScopeID) *revocation.CRLInfo                    { return nil }
func (discardStore) SourceState(revocation.ScopeID) (st revocation.SourceState)        { return st }
func (discardStore) SaveSourceState(revocation.ScopeID, revocation.SourceState) error  { return nil }
func (s discardStore) TempFile() (*os.File, error)                                     { return os.CreateTemp(s.dir, "") }
func (s discardStore) NewBuild(revocation.IssuerID, revocation.ScopeID) (Build, error) { return s, nil }
func (discardStore) Add(*revocation.Record) error                                      { return nil }
func (discardStore) Abort()                                                            {}
func (discardStore) Commit(*revocation.CRLInfo, string, revocation.SourceState, float64) (c revocation.CRLChange, err error) {
	return c, nil
}
