package store

import (
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// upstreamTable holds the revocations of an issuer that the CA's own OCSP responder told of.
type upstreamTable = serialTable[revocation.UpstreamFinding]

// SaveUpstream keeps a verified OCSP response of the CA's own responder that says revoked. When it returns, it is on the disk and
// every lookup that begins now sees it, after a restart too. It returns the generation from which it holds. An older response than
// the one kept changes nothing, and neither does the same one.
func (s *Store) SaveUpstream(issuer revocation.IssuerID, serial revocation.Serial, f revocation.UpstreamFinding) (uint64, error) {
	if err := revocation.CheckSerialDER([]byte(serial)); err != nil {
		return 0, err
	}
	if f.Status != revocation.Revoked {
		return 0, fmt.Errorf("a response that says %s is not kept: only revocations must survive", f.Status)
	}
	b, err := encodeUpstream(&f)
	if err != nil {
		return 0, err
	}
	kept, err := decodeUpstream(b) // as a restart will read it
	if err != nil {
		return 0, err
	}
	key, generation, written := adminKey(issuer, serial), uint64(0), false
	err = s.writer.do(&change{
		apply: func(t *stateTx) error {
			standing, err := t.upstream(key)
			if err != nil {
				t.failed = err
				return err
			}
			if written = standing == nil || standing.ThisUpdate.Before(kept.ThisUpdate); !written {
				generation = t.head.generation
				return nil
			}
			if standing == nil || standing.Entry != kept.Entry { // otherwise only its time is new
				t.failed = t.logUpstream(issuer, serial, upstreamRevoked, s.changeRows)
			}
			if standing == nil {
				t.head.upstreams++
			}
			t.put(upstreamBucket, key, b)
			generation = t.head.generation
			return t.failed
		},
		publish: func() {
			if written {
				s.publishUpstream(issuer, serial, kept)
			}
		},
	})
	return generation, err
}

// ForgetUpstream drops the revocation that the CA's own responder told of, because a newer response of it says that the certificate is
// good. When it returns, that is on the disk. It returns the generation from which it holds.
func (s *Store) ForgetUpstream(issuer revocation.IssuerID, serial revocation.Serial) (uint64, error) {
	key, generation := adminKey(issuer, serial), uint64(0)
	err := s.writer.do(&change{
		apply: func(t *stateTx) error {
			standing, err := t.upstream(key)
			if err == nil && standing == nil {
				generation = t.head.generation
				return nil
			}
			if t.failed = err; err != nil {
				return err
			}
			t.failed = t.logUpstream(issuer, serial, upstreamLifted, s.changeRows)
			t.delete(upstreamBucket, key)
			t.head.upstreams--
			generation = t.head.generation
			return t.failed
		},
		publish: func() { s.publishUpstream(issuer, serial, nil) },
	})
	return generation, err
}

// UpstreamRevocations is how many revocations are kept that the CA's own responder told of.
func (s *Store) UpstreamRevocations(issuer revocation.IssuerID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.upstream[issuer]; t != nil {
		return t.nodes
	}
	return 0
}

// What an upstream responder said, in the change log.
const (
	upstreamRevoked = "revoked"
	upstreamLifted  = "lifted"
)

func (t *stateTx) logUpstream(issuer revocation.IssuerID, serial revocation.Serial, action string, rows uint64) error {
	return t.logChange(Change{Kind: changeUpstream, Issuer: issuer.String(), Action: action, Serials: []string{serial.String()}}, rows)
}

func (t *stateTx) upstream(key []byte) (*revocation.UpstreamFinding, error) {
	v, err := t.get(upstreamBucket, key)
	if v == nil || err != nil {
		return nil, err
	}
	return decodeUpstream(v)
}

// publishUpstream makes a durable revocation, or its end, visible.
func (s *Store) publishUpstream(issuer revocation.IssuerID, serial revocation.Serial, f *revocation.UpstreamFinding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil {
		if t := s.upstream[issuer]; t != nil {
			t.remove(serial)
		}
		return
	}
	if s.setUpstream(issuer, serial, f) {
		s.publishView()
	}
}

// setUpstream notes a revocation and says whether its issuer is new to the table.
func (t *table) setUpstream(issuer revocation.IssuerID, serial revocation.Serial, f *revocation.UpstreamFinding) (isNew bool) {
	if t.upstream[issuer] == nil {
		t.upstream[issuer], isNew = newSerialTable[revocation.UpstreamFinding](), true
	}
	t.upstream[issuer].set(serial, f)
	return isNew
}

// loadUpstream reads the revocations into the table. One less than was written is an error, not one revocation less.
func (s *Store) loadUpstream(tx *bolt.Tx, want uint64) error {
	n := uint64(0)
	err := forEachSealed(tx, upstreamBucket, func(k, v []byte) error {
		issuer, serial, err := splitAdminKey(k)
		if err != nil {
			return err
		}
		f, err := decodeUpstream(v)
		if err != nil {
			return err
		}
		s.setUpstream(issuer, serial, f)
		n++
		return nil
	})
	if err == nil && n != want {
		err = fmt.Errorf("it has %d revocations of upstream responders, %d were written", n, want)
	}
	return err
}

// upstreamJSON is a revocation as it is written.
type upstreamJSON struct {
	RevokedAt  time.Time         `json:"revoked_at"`
	Reason     revocation.Reason `json:"reason"`
	ThisUpdate time.Time         `json:"this_update"`
	NextUpdate time.Time         `json:"next_update"`
	URL        string            `json:"url"`
}

func encodeUpstream(f *revocation.UpstreamFinding) ([]byte, error) {
	b, err := json.Marshal(upstreamJSON{RevokedAt: f.Entry.RevokedAt.UTC(), Reason: f.Entry.Reason, ThisUpdate: f.ThisUpdate.UTC(),
		NextUpdate: f.NextUpdate.UTC(), URL: f.URL})
	if err != nil {
		return nil, fmt.Errorf("writing an upstream response: %w", err)
	}
	return b, nil
}

func decodeUpstream(b []byte) (*revocation.UpstreamFinding, error) {
	var j upstreamJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("reading an upstream response: %w", err)
	}
	return &revocation.UpstreamFinding{Status: revocation.Revoked, Entry: revocation.Entry{RevokedAt: j.RevokedAt, Reason: j.Reason},
		ThisUpdate: j.ThisUpdate, NextUpdate: j.NextUpdate, URL: j.URL}, nil
}

// Upstream is the revocation that is kept of a serial, nil when there is none. It takes no lock. It must not be changed.
func (s *Store) Upstream(issuer revocation.IssuerID, serial revocation.Serial) *revocation.UpstreamFinding {
	if v := s.view.Load().issuers[issuer]; v != nil {
		return v.upstream.get(serial)
	}
	return nil
}
