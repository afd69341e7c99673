package responder

import (
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// table is the set of issuers in force. It is immutable.
type table struct {
	byID      map[revocation.IssuerID]*issuer
	byHash    map[string]*issuer // by hashKey, for every algorithm of ocspder.Hashes
	delegates map[*Signer]delegate
	signed    map[delegate][]*issuer // for whom a delegate signs
}

// delegate is a signer's own certificate, when its issuer is configured here.
type delegate struct {
	issuer revocation.IssuerID
	serial revocation.Serial
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
		delegates: make(map[*Signer]delegate), signed: make(map[delegate][]*issuer)}
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
			if d, known := t.delegateOf(s); known {
				t.delegates[s] = d
				t.signed[d] = append(t.signed[d], e)
			}
		}
	}
	return t
}

// delegateOf finds the issuer of a signer's certificate among those configured. It need not be the one it signs for: a signer may
// be trusted by configuration.
func (t *table) delegateOf(s *Signer) (delegate, bool) {
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
