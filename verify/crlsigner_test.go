package verify_test

import (
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// vouching has signers S0, S1, … of indirect CRLs: the status of each is on the CRL of the one that next names, and the
// leaf's is on that of S0.
func vouching(n int, next func(i int) int) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.ca("CA")
		by := func(i int) [][]byte { return [][]byte{cdp(crlIssuer(fmt.Sprint("S", i)))} }
		for i := range n {
			name := fmt.Sprint("S", i)
			w.add(certificate{subject: name, issuer: "CA", usage: crlSign, extensions: by(next(i))})
			w.lists = append(w.lists, list{issuer: name, file: name + " CRL", idp: indirect})
		}
		return w, w.cert(certificate{subject: "EE", issuer: "CA", extensions: by(0)})
	}
}

func TestSignersVouchForSigners(t *testing.T) {
	up := func(last int) func(int) int { return func(i int) int { return min(i+1, last) } }
	runWorlds(t, []rowOfWorld{
		{"three, the last for itself", vouching(3, up(2)), revocation.Good},
		{"in a circle", vouching(3, func(i int) int { return (i + 1) % 3 }), revocation.Good},
		{"so many that the search ends", vouching(9, up(8)), revocation.Unknown},
		{"in a circle with one that is listed", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := vouching(3, func(i int) int { return (i + 1) % 3 })(t)
			w.lists[3].entries = [][]byte{revoked(w.pool[2], 1, of("CA"))} // S1, by S2
			return w, ee
		}, revocation.Unknown},
	})
}

func TestHostilePoolsEnd(t *testing.T) {
	w, ee := plain(t)
	for i := range 40 { // all have the CA's name and say the key is theirs
		key := fmt.Sprint("key ", i)
		w.add(certificate{subject: "CA", key: key, issuer: "CA", signer: key, ca: true, usage: certAndCRLs})
		w.lists = append(w.lists, list{issuer: "CA", signer: key, file: key, number: int64(i + 1)})
	}
	w.want(ee, revocation.Unknown)
}

func TestTheWorstOfTwoEntriesCounts(t *testing.T) {
	w, ee := plain(t)
	w.lists = append(w.lists, list{issuer: "CA", entries: [][]byte{revoked(ee, 6), revoked(ee, 1), revoked(ee, 6)}})
	if r := w.judge(ee)[0]; r.Status != revocation.Revoked || r.Entry.Reason != revocation.KeyCompromise {
		t.Errorf("got %s, %+v", r.Status, r.Entry)
	}
}
