package responder_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

func TestNewSignerRefuses(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	namesake := must(pkitest.NewCA(pkitest.CAOptions{}))
	sub := must(pkitest.NewCA(pkitest.CAOptions{Name: "Sub CA", Parent: ca}))
	good := must(ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	plain := must(ca.Issue(pkitest.LeafOptions{}))
	expired := must(ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)}))
	future := must(ca.IssueOCSPSigner(pkitest.LeafOptions{NotBefore: time.Now().Add(time.Minute)}))
	grandchild := must(sub.IssueOCSPSigner(pkitest.LeafOptions{}))
	forged := must(namesake.IssueOCSPSigner(pkitest.LeafOptions{}))
	weakCA := must(pkitest.NewCA(pkitest.CAOptions{UseKey: must(rsa.GenerateKey(rand.Reader, 1024))}))

	for name, row := range map[string]struct {
		cert   *x509.Certificate
		key    crypto.Signer
		issuer revocation.Issuer
		rule   string
	}{
		"a delegate without OCSPSigning":          {plain.Certificate, plain.Key, issuerOf(ca, "ca"), "signer_eku"},
		"an expired delegate":                     {expired.Certificate, expired.Key, issuerOf(ca, "ca"), "signer_validity"},
		"a delegate of tomorrow":                  {future.Certificate, future.Key, issuerOf(ca, "ca"), "signer_validity"},
		"a delegate of a subordinate CA":          {grandchild.Certificate, grandchild.Key, issuerOf(ca, "ca"), "signer_issuer"},
		"a delegate of another CA of that name":   {forged.Certificate, forged.Key, issuerOf(ca, "ca"), "signer_issuer"},
		"another CA of that name":                 {namesake.Certificate, namesake.Key, issuerOf(ca, "ca"), "signer_issuer"},
		"a delegate with the key of someone else": {good.Certificate, plain.Key, issuerOf(ca, "ca"), "signer_key"},
		"a CA with the key of its delegate":       {ca.Certificate, good.Key, issuerOf(ca, "ca"), "signer_key"},
		"an RSA key of 1,024 bits":                {weakCA.Certificate, weakCA.Key, issuerOf(weakCA, "ca"), "signer_weak"},
		"a key that cannot sign":                  {good.Certificate, &device{Signer: good.Key, fault: errors.New("no session")}, issuerOf(ca, "ca"), "signer_key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := responder.NewSigner(row.cert, row.key, row.issuer, time.Now())
			if rule := revocation.RuleOf(err, ""); rule != row.rule {
				t.Errorf("got %v, want rule %s", err, row.rule)
			}
		})
	}
}

func TestNewSignerWarns(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	signing := must(pkitest.NewCA(pkitest.CAOptions{KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature}))
	checked := must(ca.Issue(pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}))
	broad := must(ca.IssueOCSPSigner(pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning, x509.ExtKeyUsageServerAuth}}))
	for name, row := range map[string]struct {
		pair *pkitest.Pair
		ca   *pkitest.CA
		want string // part of the one warning; "" for none
	}{
		"a delegate without ocsp-nocheck":  {checked, ca, "ocsp-nocheck"},
		"a delegate for TLS too":           {broad, ca, "besides OCSPSigning"},
		"a CA without digitalSignature":    {&pkitest.Pair{Certificate: ca.Certificate, Key: ca.Key}, ca, "digitalSignature"},
		"a CA with digitalSignature: none": {&pkitest.Pair{Certificate: signing.Certificate, Key: signing.Key}, signing, ""},
	} {
		_, warnings, err := responder.NewSigner(row.pair.Certificate, row.pair.Key, issuerOf(row.ca, "ca"), time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(warnings, "\n"); (row.want == "") != (got == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: warnings %q, want one about %q", name, warnings, row.want)
		}
	}
}

// TestEveryKeySigns checks the answers of each kind of key with crypto/x509, and that a CA's own answer carries no certificate.
func TestEveryKeySigns(t *testing.T) {
	algorithms := map[pkitest.KeyKind]x509.SignatureAlgorithm{pkitest.P256: x509.ECDSAWithSHA256, pkitest.P384: x509.ECDSAWithSHA384,
		pkitest.P521: x509.ECDSAWithSHA512, pkitest.RSA2048: x509.SHA256WithRSA, pkitest.Ed25519: x509.PureEd25519}
	for kind, algorithm := range algorithms {
		w := newWorld(t)
		w.ca = must(pkitest.NewCA(pkitest.CAOptions{Key: kind}))
		w.issuer = issuerOf(w.ca, "devices")
		signer := signerOf(t, &pkitest.Pair{Certificate: w.ca.Certificate, Key: w.ca.Key}, w.issuer)
		w.responder.SetIssuers([]responder.Issuer{{Issuer: w.issuer, Signers: []*responder.Signer{signer}}})
		r := must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
		if err := w.ca.Certificate.CheckSignature(algorithm, r.TBS, r.Signature); err != nil {
			t.Errorf("%v: %v", algorithm, err)
		}
		if len(r.Certificates) != 0 {
			t.Errorf("%v: the CA's own answer has %d certificates", algorithm, len(r.Certificates))
		}
	}
}

// device is a key outside the process, with faults to order.
type device struct {
	crypto.Signer
	fault   error
	garbled bool
	delay   chan struct{} // when not nil, Sign waits until it is closed
	takes   time.Duration
	signing atomic.Int32
	most    atomic.Int32
}

func (d *device) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	n := d.signing.Add(1)
	defer d.signing.Add(-1)
	for most := d.most.Load(); n > most && !d.most.CompareAndSwap(most, n); most = d.most.Load() {
	}
	if d.delay != nil {
		<-d.delay
	}
	time.Sleep(d.takes)
	if d.fault != nil {
		return nil, d.fault
	}
	signature, err := d.Signer.Sign(r, digest, o)
	if d.garbled {
		signature[len(signature)-1] ^= 1
	}
	return signature, err
}

func withDevice(t *testing.T, change func(*responder.Options)) (*world, *device) {
	t.Helper()
	var d *device
	w := newWorld(t, func(o *responder.Options, _ *responder.Issuer) { change(o) })
	d = &device{Signer: w.delegate.Key}
	w.config.Signers = []*responder.Signer{signerOf(t, &pkitest.Pair{Certificate: w.delegate.Certificate, Key: d}, w.issuer)}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	return w, d
}

func TestAFailingKeyIsTryLaterAndNotKept(t *testing.T) {
	w, d := withDevice(t, func(*responder.Options) {})
	d.fault = errors.New("the token was pulled")
	wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	d.fault, d.garbled = nil, true
	wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	d.garbled = false
	if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Good {
		t.Errorf("after the key came back: %v", got)
	}
	if got := gather(t, w.responder)["veto_ocsp_sign_failures_total"]; got != 2 {
		t.Errorf("%v failures counted, want 2", got)
	}
}
