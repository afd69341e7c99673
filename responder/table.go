package responder

import (
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// table is the set of issuers in force. It is immutable, but for what is remembered of delegates.
type table struct {
	byID      map[revocation.IssuerID]*issuer
	byHash    map[string]*issuer // by hashKey, for every algorithm of ocspder.Hashes
	delegates map[*Signer]*delegateOf
	signed    map[delegate][]*issuer // for whom a delegate signs
}

// delegate is a signer's own certificate, when its issuer is configured here.
type delegate struct {
	issuer revocation.IssuerID
	serial revocation.Serial
}

// delegateOf is the delegate of one signer with what is known of it; see isRevoked.
type delegateOf struct {
	delegate
	known atomic.Pointer[delegateStatus]
}

type delegateStatus struct {
	moment  moment
	until   time.Time // when it is asked again without a change: a delta CRL that lifted the delegate may lapse
	revoked bool
}

// issuer is a configured issuer with the epochs of its serials, which live on when its configuration changes.
type issuer struct {
	Issuer
	epochs *epochs
}

const defaultValidity = 10 * time.Minute

// newTable makes a table that goes on with the epochs of old. An issuer whose key has no readable form cannot be named in
// a request and so is left out of byHash.
func newTable(list []Issuer, old *table) *table {
	t := &table{byID: make(map[revocation.IssuerID]*issuer), byHash: make(map[string]*issuer),
		delegates: make(map[*Signer]*delegateOf), signed: make(map[delegate][]*issuer)}
	for _, configured := range list {
		configured.Validity = orDefault(configured.Validity, defaultValidity)
		e := &issuer{Issuer: configured}
		if old != nil && old.byID[e.ID] != nil {
			e.epochs = old.byID[e.ID].epochs
		} else {
			e.epochs = newEpochs()
		}
		t.byID[e.ID] = e
		for _, hash := range ocspder.Hashes() {
			if name, key, err := ocspder.IssuerHashes(hash, e.Certificate); err == nil {
				t.byHash[string(appendHashKey(nil, &ocspder.CertID{Hash: hash, NameHash: name, KeyHash: key}))] = e
			}
		}
	}
	for _, e := range t.byID {
		for _, s := range e.Signers {
			if d, known := t.findDelegate(s); known {
				t.delegates[s] = &delegateOf{delegate: d}
				t.signed[d] = append(t.signed[d], e)
			}
		}
	}
	return t
}

// findDelegate finds the issuer of a signer's certificate among those configured. It need not be the one it signs for: a signer may
// be trusted by configuration.
func (t *table) findDelegate(s *Signer) (delegate, bool) {
	serial, err := revocation.SerialFromBig(s.certificate.SerialNumber)
	if s.delegate == nil || err != nil {
		return delegate{}, false
	}
	for id, e := range t.byID {
		if isIssuedBy(s.certificate, e.Certificate) {
			return delegate{id, serial}, true
		}
	}
	return delegate{}, false
}

// find is the issuer a CertID names, by name and key together; nil when it is not configured or named by another hash
// algorithm.
func (t *table) find(id *ocspder.CertID) *issuer {
	if id.Hash == 0 || len(id.NameHash) != id.Hash.Size() || len(id.KeyHash) != id.Hash.Size() {
		return nil
	}
	var buf [1 + 64 + 64]byte
	return t.byHash[string(appendHashKey(buf[:0], id))]
}

func appendHashKey(b []byte, id *ocspder.CertID) []byte {
	b = append(b, byte(id.Hash))
	b = append(b, id.NameHash...)
	return append(b, id.KeyHash...)
}
