package store

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Revoke records what an administrator says of a serial, by the rules of [revocation.AdminRecord.Amend]. When it returns, the record,
// its audit entry and its row in the change log are on the disk and every lookup that begins now sees the record; only
// then may the caller acknowledge. It returns the record that stands, what was done, and the generation from which it holds.
//
// The same said again writes nothing. A [*revocation.Conflict] contradicts what stands; an error that wraps ErrNotDurable
// could not be made durable, and must not be acknowledged.
func (s *Store) Revoke(issuer revocation.IssuerID, serial revocation.Serial, want revocation.AdminRecord) (
	revocation.AdminRecord, revocation.Outcome, uint64, error) {
	if err := errors.Join(revocation.CheckSerialDER([]byte(serial)), checkDates(want)); err != nil {
		return revocation.AdminRecord{}, 0, 0, err
	}
	r := adminChange{issuer: issuer, serial: serial, amend: func(standing *revocation.AdminRecord) (
		revocation.AdminRecord, revocation.Outcome, error) {
		return standing.Amend(want)
	}}
	err := s.writer.do(s.adminChange(&r))
	return r.result(err)
}

// Release lifts an administrator's hold, by the rules of [revocation.AdminRecord.Release], with the promises of Revoke. A permanent
// revocation and one that a CRL lists are a [*revocation.Conflict]; when nothing revokes the serial it is ErrNoRecord.
func (s *Store) Release(issuer revocation.IssuerID, serial revocation.Serial, by, comment string, now time.Time) (
	revocation.AdminRecord, uint64, error) {
	if err := errors.Join(revocation.CheckSerialDER([]byte(serial)), checkDates(revocation.AdminRecord{RecordedAt: now})); err != nil {
		return revocation.AdminRecord{}, 0, err
	}
	r := adminChange{issuer: issuer, serial: serial, amend: func(standing *revocation.AdminRecord) (
		revocation.AdminRecord, revocation.Outcome, error) {
		next, err := standing.Release(by, comment, now)
		if errors.Is(err, revocation.ErrNoRecord) {
			err = s.explainNoRecord(issuer, serial)
		}
		return next, revocation.Lifted, err
	}}
	err := s.writer.do(s.adminChange(&r))
	record, _, generation, err := r.result(err)
	return record, generation, err
}

// adminChange is an administrative change on its way, and what became of it.
type adminChange struct {
	issuer revocation.IssuerID
	serial revocation.Serial
	amend  func(standing *revocation.AdminRecord) (revocation.AdminRecord, revocation.Outcome, error)

	record     *revocation.AdminRecord
	outcome    revocation.Outcome
	generation uint64
}

func (a *adminChange) result(err error) (revocation.AdminRecord, revocation.Outcome, uint64, error) {
	if err != nil {
		return revocation.AdminRecord{}, 0, 0, err
	}
	return *a.record, a.outcome, a.generation, nil
}

func (s *Store) adminChange(a *adminChange) *change {
	return &change{
		apply: func(t *stateTx) error { return a.apply(t, s.changeRows) },
		publish: func() {
			if a.outcome != revocation.Unchanged {
				s.publishAdmin(a.issuer, a.serial, a.record)
			}
		},
	}
}

func (a *adminChange) apply(t *stateTx, changeRows uint64) error {
	key := adminKey(a.issuer, a.serial)
	standing, err := t.adminRecord(key)
	if err != nil {
		t.failed = err
		return err
	}
	next, outcome, err := a.amend(standing)
	if err != nil {
		return err
	}
	if a.outcome, a.generation = outcome, t.head.generation; outcome == revocation.Unchanged {
		a.record = standing
		return nil
	}
	stored := encodeRecord(&next)
	if a.record, err = decodeRecord(stored); err != nil { // as a restart will read it
		return err
	}
	if standing == nil {
		t.head.records++
	}
	t.put(adminBucket, key, stored)
	err = errors.Join(
		t.logChange(Change{Kind: changeAdmin, Issuer: a.issuer.String(), Action: outcome.String(),
			Serials: []string{a.serial.String()}}, changeRows),
		t.audit(a.auditEntry()))
	if err != nil {
		t.failed = err // no audit, no change
	}
	a.generation = t.head.generation
	return err
}

func (a *adminChange) auditEntry() AuditEntry {
	r := a.record
	return AuditEntry{At: r.RecordedAt, By: r.By, Action: a.outcome.String(), Issuer: a.issuer.String(), Serial: a.serial.String(),
		Reason: r.Reason.String(), RevokedAt: r.RevokedAt, Invalidity: r.InvalidityDate, Comment: r.Comment}
}

// adminRecord is what stands, nil when there is nothing.
func (t *stateTx) adminRecord(key []byte) (*revocation.AdminRecord, error) {
	v, err := t.get(adminBucket, key)
	if v == nil || err != nil {
		return nil, err
	}
	return decodeRecord(v)
}

// explainNoRecord tells a serial that only a CRL revokes from one that nothing does.
func (s *Store) explainNoRecord(issuer revocation.IssuerID, serial revocation.Serial) error {
	var ev revocation.Evidence
	s.Evidence(issuer, serial, &ev)
	for _, c := range ev.CRLs {
		if !c.Listed {
			continue
		}
		by := cmp.Or(c.ListedBy, c.Info)
		which := "a CRL without a number"
		if by.Number != "" {
			which = "CRL number " + by.Number.String()
		}
		return &revocation.Conflict{Standing: revocation.AdminRecord{Entry: c.Entry}, Detail: fmt.Sprintf(
			"listed since %s with reason %s by %s from %s; only a newer CRL of the issuer lifts that",
			c.Entry.RevokedAt.Format(time.RFC3339), c.Entry.Reason, which, strings.TrimSpace(by.URL))}
	}
	return revocation.ErrNoRecord
}

// checkDates says whether the dates of a record can be written: X.509 knows the years 0 to 9999 (RFC 5280 §4.1.2.5).
func checkDates(r revocation.AdminRecord) error {
	for _, t := range []time.Time{r.RevokedAt, r.InvalidityDate, r.RecordedAt} {
		if !storable(t.Unix()) {
			return revocation.Refuse("date", "RFC 5280 §4.1.2.5", "the year %d is not within 0 and 9999", t.Year())
		}
	}
	return nil
}
