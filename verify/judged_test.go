package verify_test

import (
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestAJudgedCertificateRemembersWhatIsTrue: from memory or not, and however many CRLs there are, the answer is that of Covers.
func TestAJudgedCertificateRemembersWhatIsTrue(t *testing.T) {
	w := newPeerWorld(t)
	c := w.leaf(w.ca, pkitest.LeafOptions{CRL: []string{"http://a/b.crl"}})
	j := verify.NewJudged(c)
	if serial, _ := revocation.SerialFromBig(c.SerialNumber); j.Serial != serial || j.Kind != revocation.EndEntity {
		t.Errorf("serial %s, kind %s", j.Serial, j.Kind)
	}
	var infos []*revocation.CRLInfo
	for range 20 {
		infos = append(infos, &revocation.CRLInfo{CRLIssuer: w.ca.Certificate.RawSubject}, &revocation.CRLInfo{CRLIssuer: w.root.Certificate.RawSubject})
	}
	for range 3 {
		for _, info := range infos {
			want, _ := verify.Covers(info, c)
			for range 2 {
				if got := j.Covers(info); got != want {
					t.Fatalf("got %v, want %v", got, want)
				}
			}
		}
	}
}

func BenchmarkJudgedCovers(b *testing.B) {
	w := newPeerWorld(b)
	j := verify.NewJudged(w.leaf(w.ca, pkitest.LeafOptions{CRL: []string{"http://a/b.crl"}}))
	info := &revocation.CRLInfo{CRLIssuer: w.ca.Certificate.RawSubject}
	b.ReportAllocs()
	for b.Loop() {
		j.Covers(info)
	}
}
