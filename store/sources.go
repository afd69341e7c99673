package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// sourceJSON is a SourceState as it is written.
type sourceJSON struct {
	Issuer       string    `json:"issuer"`
	URL          string    `json:"url"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	FetchedAt    time.Time `json:"fetched_at,omitzero"`
	CheckedAt    time.Time `json:"checked_at,omitzero"`
	FailedAt     time.Time `json:"failed_at,omitzero"`
	Failures     int       `json:"failures,omitempty"`
	LastError    string    `json:"last_error,omitempty"`
	NotModified  int       `json:"not_modified,omitempty"`
	NextFetch    time.Time `json:"next_fetch,omitzero"`
}

func encodeSource(s revocation.SourceState) ([]byte, error) {
	b, err := json.Marshal(sourceJSON{Issuer: s.Issuer.String(), URL: s.URL, ETag: s.ETag, LastModified: s.LastModified,
		FetchedAt: s.FetchedAt.UTC(), CheckedAt: s.CheckedAt.UTC(), FailedAt: s.FailedAt.UTC(), Failures: s.Failures,
		LastError: s.LastError, NotModified: s.NotModified, NextFetch: s.NextFetch.UTC()})
	if err != nil {
		return nil, fmt.Errorf("writing the state of a CRL source: %w", err)
	}
	return b, nil
}

func decodeSource(b []byte) (revocation.SourceState, error) {
	var j sourceJSON
	var s revocation.SourceState
	err := json.Unmarshal(b, &j)
	if err = errors.Join(err, decodeHex(s.Issuer[:], j.Issuer)); err != nil {
		return s, fmt.Errorf("reading the state of a CRL source: %w", err)
	}
	s.URL, s.ETag, s.LastModified, s.LastError = j.URL, j.ETag, j.LastModified, j.LastError
	s.FetchedAt, s.CheckedAt, s.FailedAt, s.NextFetch = j.FetchedAt, j.CheckedAt, j.FailedAt, j.NextFetch
	s.Failures, s.NotModified = j.Failures, j.NotModified
	return s, nil
}

// SourceState is what is remembered of the source of a scope, zero when nothing is.
func (s *Store) SourceState(scope revocation.ScopeID) revocation.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources[scope]
}

// SaveSourceState remembers the state of a source durably. It does not raise the generation: no answer depends on it.
func (s *Store) SaveSourceState(scope revocation.ScopeID, st revocation.SourceState) error {
	b, err := encodeSource(st)
	if err != nil {
		return err
	}
	if st, err = decodeSource(b); err != nil { // as a restart will read it
		return err
	}
	return s.writer.do(&change{
		apply: func(t *stateTx) error {
			t.put(sourcesBucket, scope[:], b)
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sources[scope] = st
		},
	})
}
