package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"hash/maphash"
	"math/big"
	"time"

	"github.com/vetopki/veto/revocation"
)

var (
	errNothingHeld = errors.New("the mirror has no copy yet; run it, and wait for Ready")
	errNoQuestion  = errors.New("a certificate and its issuer's certificate are needed to ask for its status")
	errSerial      = errors.New("the serial number of the certificate is longer than 64 octets")
)

// Check implements Checker. It asks nobody, waits for nothing and, for certificates like those it was asked for before, allocates nothing.
func (m *Mirror) Check(_ context.Context, cert, issuer *x509.Certificate) (Answer, error) {
	if cert == nil || issuer == nil || cert.SerialNumber == nil {
		return Answer{}, errNoQuestion
	}
	a := Answer{Generation: m.generation.Load(), From: m.o.URL} // before the copy: what was put in with it is then seen
	d := m.data.Load()
	if d == nil {
		return Answer{}, errNothingHeld
	}
	now := m.now()
	heard := m.heard.Load()
	lags := heard == nil || now.Sub(*heard) > m.o.MaxLag
	s := d.sectionOf(issuer)
	if s == nil {
		if a.Because = revocation.BecauseUnknownIssuer; lags {
			a.Because = revocation.BecauseStale
		}
		return a, nil
	}
	var room [revocation.MaxSerialOctets + 1]byte
	serial := serialOctets(&room, cert.SerialNumber)
	if serial == nil {
		return Answer{}, errSerial
	}
	e, found := s.find(serial)
	switch {
	case found && !e.Unsure:
		a.Status, a.Because, a.Reason, a.RevokedAt = revocation.Revoked, e.Because, e.Reason, e.RevokedAt
		s.silence.Load().dates(&a, now)
	case lags:
		a.Because = revocation.BecauseStale
	case found:
		a.Because = revocation.BecauseOutOfScope
	default:
		s.silence.Load().answer(&a, cert, now)
	}
	return a, nil
}

// serialOctets is a serial number as revocation.SerialFromBig has it, in room; nil when it has too many octets.
func serialOctets(room *[revocation.MaxSerialOctets + 1]byte, n *big.Int) []byte {
	if n.Sign() < 0 {
		s, err := revocation.SerialFromBig(n)
		if err != nil {
			return nil
		}
		return append(room[:0], s...)
	}
	size := n.BitLen()/8 + 1 // with a zero before a first bit that is set
	if size > revocation.MaxSerialOctets {
		return nil
	}
	return n.FillBytes(room[:size])
}

// knownIssuer is an issuer that was asked for: finding it again costs no SHA-256.
type knownIssuer struct {
	subject, key []byte
	section      *section // nil: the server does not know it
}

// maxKnown bounds what is remembered of certificates that were asked for, which strangers may choose.
const maxKnown = 1024

// sectionOf is what is held of an issuer, nil when the server does not know it.
func (d *mirrored) sectionOf(issuer *x509.Certificate) *section {
	hash := maphash.Bytes(d.seed, issuer.RawSubjectPublicKeyInfo)
	held := d.known.Load()
	known := *held
	if k := known[hash]; k != nil && bytes.Equal(k.key, issuer.RawSubjectPublicKeyInfo) && bytes.Equal(k.subject, issuer.RawSubject) {
		return k.section
	}
	s := d.byID[revocation.IssuerIDOf(issuer)]
	if len(known) < maxKnown {
		next := make(map[uint64]*knownIssuer, len(known)+1)
		for h, k := range known {
			next[h] = k
		}
		next[hash] = &knownIssuer{bytes.Clone(issuer.RawSubject), bytes.Clone(issuer.RawSubjectPublicKeyInfo), s}
		d.known.CompareAndSwap(held, &next) // who loses will be asked again
	}
	return s
}

// dates fills in the dates of a revocation, when it can only be one CRL that they are of.
func (s *silence) dates(a *Answer, now time.Time) {
	if a.Because == revocation.BecauseAdmin {
		a.Fresh = true
		return
	}
	if len(s.evidence.CRLs) != 1 || s.evidence.CRLs[0].Delta != nil {
		return
	}
	crl := s.evidence.CRLs[0].Info
	a.ThisUpdate, a.NextUpdate = crl.ThisUpdate, crl.NextUpdate
	a.Fresh = !now.Add(s.evidence.ClockSkew).Before(crl.ThisUpdate) && now.Before(crl.Lapses(s.evidence.MaxAge))
}
