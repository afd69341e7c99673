package verify_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// staple makes an OCSP response for a certificate, signed by the CA or by a delegate.
func (w *peerWorld) staple(ca *pkitest.CA, by *pkitest.Pair, c *x509.Certificate, status int) []byte {
	w.t.Helper()
	signer, key, embedded := ca.Certificate, ca.Key, (*x509.Certificate)(nil)
	if by != nil {
		signer, key, embedded = by.Certificate, by.Key, by.Certificate
	}
	der, err := ocsp.CreateResponse(ca.Certificate, signer, ocsp.Response{Status: status, SerialNumber: c.SerialNumber, Certificate: embedded,
		ThisUpdate: w.now.Add(-time.Minute), NextUpdate: w.now.Add(time.Hour), RevokedAt: w.now.Add(-time.Hour), RevocationReason: ocsp.KeyCompromise}, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

var mustStaple = pkix.Extension{Id: []int{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}

func TestAStapledResponseCounts(t *testing.T) {
	w := newPeerWorld(t)
	plain := w.leaf(w.ca, pkitest.LeafOptions{})
	must := w.leaf(w.ca, pkitest.LeafOptions{Extensions: []pkix.Extension{mustStaple}})
	delegate, err := w.ca.IssueOCSPSigner(pkitest.LeafOptions{})
	if err != nil {
		t.Fatal(err)
	}
	unexempt, err := w.ca.Issue(pkitest.LeafOptions{Name: "ocsp2.test", ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}})
	if err != nil {
		t.Fatal(err)
	}
	stranger := w.newCA(pkitest.CAOptions{Name: "CA"})
	for _, row := range []struct {
		fact    string
		leaf    *x509.Certificate
		staple  []byte
		unknown bool // to the judge
		before  func()
		want    verify.Verdict
		says    string
	}{
		{"good, and nothing else is known", plain, w.staple(w.ca, nil, plain, ocsp.Good), true, nil, verify.Valid, ""},
		{"good, by a delegate", plain, w.staple(w.ca, delegate, plain, ocsp.Good), true, nil, verify.Valid, ""},
		{"good, by a delegate that is good", plain, w.staple(w.ca, unexempt, plain, ocsp.Good), true, nil, verify.Valid, ""},
		{"revoked, though the CRL does not know yet", plain, w.staple(w.ca, nil, plain, ocsp.Revoked), false, nil, verify.Invalid, "is revoked since"},
		{"unknown", plain, w.staple(w.ca, nil, plain, ocsp.Unknown), true, nil, verify.InvalidNow, "is not known"},
		{"of another CA's key", plain, w.staple(stranger, nil, plain, ocsp.Good), true, nil, verify.InvalidNow, "the stapled response is not believed"},
		{"of another certificate", plain, w.staple(w.ca, nil, must, ocsp.Good), true, nil, verify.InvalidNow, "says nothing of serial"},
		{"not DER", plain, []byte("no"), true, nil, verify.InvalidNow, "the stapled response is not believed"},
		{"promised and given", must, w.staple(w.ca, nil, must, ocsp.Good), false, nil, verify.Valid, ""},
		{"promised and not given", must, nil, false, nil, verify.InvalidNow, "promises a stapled OCSP response (TLS feature status_request), and none is given"},
		{"promised, and another one given", must, w.staple(w.ca, nil, plain, ocsp.Good), false, nil, verify.InvalidNow, "the one given is not believed"},
		{"good, by a delegate that was revoked", plain, w.staple(w.ca, unexempt, plain, ocsp.Good), true,
			func() {
				w.revoked[unexempt.Certificate.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now}
			}, verify.InvalidNow, "is not known to be good"},
	} {
		if row.before != nil {
			row.before()
		}
		w.unknown[row.leaf.SerialNumber.String()] = row.unknown
		r := verify.Peer([]*x509.Certificate{row.leaf, w.ca.Certificate}, w.now, verify.PeerOptions{Role: verify.Server,
			Roots: []*x509.Certificate{w.root.Certificate}, Revocation: w.judge, Staple: row.staple})
		if r.Verdict != row.want {
			t.Errorf("%s: %s, want %s: %s", row.fact, r.Verdict, row.want, r.Checks[verify.CheckRevocation].Detail)
			continue
		}
		checkReport(t, row.fact, r, row.says)
	}
	r := verify.Peer([]*x509.Certificate{must, w.ca.Certificate}, w.now, verify.PeerOptions{Role: verify.Client, Roots: []*x509.Certificate{w.root.Certificate}, Revocation: w.judge})
	if r.Verdict != verify.Valid {
		t.Errorf("a client, whom nobody asks for a stapled response: %s", r.Checks[verify.CheckRevocation].Detail)
	}
}

func TestACAsTLSFeaturesAreThoseOfItsCertificates(t *testing.T) {
	w := newPeerWorld(t)
	ca := w.newCA(pkitest.CAOptions{Name: "Stapling CA", Parent: w.root, Change: func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{mustStaple} }})
	broken := mustStaple
	broken.Value = []byte{0x30, 1, 2}
	for _, row := range []struct {
		fact       string
		extensions []pkix.Extension
		want       verify.Outcome
		says       string
	}{
		{"it has the CA's", []pkix.Extension{mustStaple}, verify.Pass, ""},
		{"it has none", nil, verify.Fail, "does not have the TLS feature 5"},
		{"its own cannot be read", []pkix.Extension{broken}, verify.Fail, "cannot be read"},
	} {
		c := w.leaf(ca, pkitest.LeafOptions{Extensions: row.extensions})
		r := verify.Peer([]*x509.Certificate{c, ca.Certificate}, w.now, verify.PeerOptions{Role: verify.Client, Roots: []*x509.Certificate{w.root.Certificate}})
		if got := r.Checks[verify.CheckTrust]; got.Outcome != row.want || !strings.Contains(got.Detail, row.says) {
			t.Errorf("%s: %s: %s", row.fact, got.Outcome, got.Detail)
		}
	}
}

func TestShortLivedCertificatesNeedNoRevocationIfSet(t *testing.T) {
	w := newPeerWorld(t)
	brief := w.leaf(w.ca, pkitest.LeafOptions{NotBefore: w.now.Add(-time.Hour), NotAfter: w.now.Add(5 * time.Hour)})
	w.unknown[brief.SerialNumber.String()] = true
	for _, row := range []struct {
		limit time.Duration
		want  verify.Verdict
	}{{0, verify.InvalidNow}, {time.Hour, verify.InvalidNow}, {7 * time.Hour, verify.Valid}} {
		o := verify.PeerOptions{Role: verify.Client, Roots: []*x509.Certificate{w.root.Certificate}, Revocation: w.judge, ShortLived: row.limit}
		if r := verify.Peer([]*x509.Certificate{brief, w.ca.Certificate}, w.now, o); r.Verdict != row.want {
			t.Errorf("limit %s: %s, want %s", row.limit, r.Verdict, row.want)
		}
	}
	w.revoked[brief.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now}
	o := verify.PeerOptions{Role: verify.Client, Roots: []*x509.Certificate{w.root.Certificate}, Revocation: w.judge, ShortLived: 7 * time.Hour}
	if r := verify.Peer([]*x509.Certificate{brief, w.ca.Certificate}, w.now, o); r.Verdict != verify.Invalid {
		t.Errorf("revoked all the same: %s", r.Verdict)
	}
}
