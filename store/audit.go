package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// AuditEntry is one line of the audit chain: what an administrator did. Prev is the SHA-256 of the entry before, as stored, in
// hex; so no entry can be altered, taken out or put in without every later one showing it.
type AuditEntry struct {
	Seq        uint64    `json:"seq"` // 1, 2, 3, …
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	Action     string    `json:"action"` // created, upgraded or released, as revocation.Outcome names them; accepted or kept; inventory_put, inventory_added or inventory_removed; clock_reset
	Issuer     string    `json:"issuer"`
	Serial     string    `json:"serial,omitempty"` // as revocation.Serial is shown
	Reason     string    `json:"reason,omitempty"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	Invalidity time.Time `json:"invalidity_date,omitzero"`
	Comment    string    `json:"comment,omitempty"`
	Scope      string    `json:"scope,omitempty"`    // of accepted and kept: of the CRL
	Retained   int       `json:"retained,omitempty"` // of accepted and kept: how many serials it was about
	Serials    uint64    `json:"serials,omitempty"`  // of inventory_…: how many it has since
	SHA256     string    `json:"sha256,omitempty"`   // of inventory_…: of the list that was put
	Generation uint64    `json:"generation"`
	Prev       string    `json:"prev"`
}

// What an administrator says of the serials that the shrink guard retained, in the audit chain.
const (
	auditAccepted = "accepted" // that they are not revoked any more
	auditKept     = "kept"     // that they stay revoked
)

// auditClockReset says in the audit chain that an operator believes the clock, see [Store.ResetClock].
const auditClockReset = "clock_reset"

// audit appends to the chain. The entry says what was done by whom and when; its place in the chain is filled in.
func (t *stateTx) audit(e AuditEntry) error {
	e.Seq, e.Generation, e.Prev = t.head.audits+1, t.head.generation, hex.EncodeToString(t.head.auditHash[:])
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing the audit entry: %w", err)
	}
	t.append(auditBucket, numberKey(e.Seq), b)
	t.head.audits, t.head.auditHash = e.Seq, sha256.Sum256(b)
	return nil
}

// Audit returns up to limit entries of the audit chain that follow entry number after, oldest first.
func (s *Store) Audit(after uint64, limit int) ([]AuditEntry, error) {
	var list []AuditEntry
	err := s.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(auditBucket).Cursor()
		for k, v := c.Seek(numberKey(after + 1)); k != nil && len(list) < limit; k, v = c.Next() {
			b, err := unseal(auditBucket, k, v)
			if err != nil {
				return err
			}
			var e AuditEntry
			if err := json.Unmarshal(b, &e); err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit chain: %w", err)
	}
	return list, nil
}

// VerifyAudit reads the whole audit chain and says where it is broken. It returns the number of entries and the hash of the last,
// in hex: kept elsewhere, it proves later that the chain was not cut.
func (s *Store) VerifyAudit(ctx context.Context) (entries uint64, last string, err error) {
	var prev [32]byte
	err = s.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(auditBucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if prev, err = nextAuditHash(k, v, entries+1, prev); err != nil {
				return err
			}
			entries++
		}
		h, err := readHead(tx)
		if err == nil && (h.audits != entries || h.auditHash != prev) {
			err = fmt.Errorf("the chain has %d entries, %d were written", entries, h.audits)
		}
		return err
	})
	if err != nil {
		return entries, "", fmt.Errorf("verifying the audit chain: %w", err)
	}
	return entries, hex.EncodeToString(prev[:]), nil
}

func nextAuditHash(k, v []byte, seq uint64, prev [32]byte) (next [32]byte, err error) {
	b, err := unseal(auditBucket, k, v)
	if err != nil {
		return next, err
	}
	var e AuditEntry
	if err := json.Unmarshal(b, &e); err != nil {
		return next, fmt.Errorf("entry %d: %w", seq, err)
	}
	if e.Seq != seq || string(k) != string(numberKey(seq)) || e.Prev != hex.EncodeToString(prev[:]) {
		return next, fmt.Errorf("entry %d does not follow the one before it", seq)
	}
	return sha256.Sum256(b), nil
}

// numberKey is a key that sorts as its number.
func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
