package responder_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// The elements of a request with preferred signature algorithms (RFC 6960 §4.4.7.1).
const (
	sha1WithRSA     = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"
	sha256WithRSA   = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
	sha512WithRSA   = "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" // NULL left out, as some clients do
	anyPSS          = "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	ecdsaWithSHA256 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	ecdsaWithSHA384 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"
	pureEd25519     = "\x30\x05\x06\x03\x2b\x65\x70"
	keyP256         = "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
	keyP384         = "\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"
	keyEC           = "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
)

func element(tag byte, parts ...string) string {
	var content string
	for _, p := range parts {
		content += p
	}
	n := len(content)
	switch {
	case n < 0x80:
		return string([]byte{tag, byte(n)}) + content
	case n < 0x100:
		return string([]byte{tag, 0x81, byte(n)}) + content
	}
	return string([]byte{tag, 0x82, byte(n >> 8), byte(n)}) + content
}

// extendedRequest asks for one certificate, with a request extension.
func extendedRequest(id ocspder.CertID, oid, value string) []byte {
	extension := element(0x30, element(0x06, oid), element(0x04, value))
	return []byte(element(0x30, element(0x30, element(0x30, element(0x30, string(id.Raw))), element(0xa2, element(0x30, extension)))))
}

// preferring is a request that prefers algorithms; each is a sigIdentifier, perhaps followed by a pubKeyAlgIdentifier.
func (w *world) preferring(algorithms ...string) []byte {
	var list string
	for _, a := range algorithms {
		list += element(0x30, a)
	}
	return extendedRequest(w.id("\x01"), "\x2b\x06\x01\x05\x05\x07\x30\x01\x08", element(0x30, list))
}

// signedBy is the certificate and the algorithm of an answer, found by trying.
func signedBy(t *testing.T, r *ocspder.Response, signers map[string]*x509.Certificate) string {
	t.Helper()
	for name, c := range signers {
		if key := must(ocspder.KeyHash(c)); !bytes.Equal(key[:], r.ResponderKeyHash) {
			continue
		}
		for _, a := range []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS,
			x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519} {
			if c.CheckSignature(a, r.TBS, r.Signature) == nil {
				return name + " " + a.String()
			}
		}
	}
	t.Fatalf("nobody signed the answer: %x", r.TBS)
	return ""
}

// several is a world whose issuer has a signer of each kind of key.
func several(t *testing.T, kinds ...pkitest.KeyKind) (*world, map[string]*x509.Certificate) {
	w := newWorld(t)
	w.config.Signers = nil
	signers := make(map[string]*x509.Certificate)
	for _, kind := range kinds {
		pair := must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{Key: kind, Name: string(kind)}))
		name := string(kind)
		if kind == pkitest.P256 {
			name = "p256"
		}
		signers[name] = pair.Certificate
		w.config.Signers = append(w.config.Signers, signerOf(t, pair, w.issuer))
	}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	return w, signers
}

func TestTheClientsPreferenceChoosesTheSigner(t *testing.T) {
	w, signers := several(t, pkitest.P256, pkitest.P384, pkitest.RSA2048, pkitest.Ed25519)
	pss, err := w.config.Signers[2].WithPSS()
	if err != nil {
		t.Fatal(err)
	}
	w.config.Signers = append(w.config.Signers, pss)
	w.responder.SetIssuers([]responder.Issuer{w.config})
	for name, row := range map[string]struct {
		preferred []string
		want      string
	}{
		"nothing":                       {nil, "p256 ECDSA-SHA256"},
		"RSA":                           {[]string{sha256WithRSA}, "rsa2048 SHA256-RSA"},
		"a longer digest, without NULL": {[]string{sha512WithRSA}, "rsa2048 SHA512-RSA"},
		"RSASSA-PSS":                    {[]string{anyPSS}, "rsa2048 SHA256-RSAPSS"},
		"RSASSA-PSS with SHA-384":       {[]string{pssSHA384()}, "rsa2048 SHA384-RSAPSS"},
		"ECDSA with SHA-384, the first key that can": {[]string{ecdsaWithSHA384}, "p256 ECDSA-SHA384"},
		"ECDSA with SHA-384 on P-384":                {[]string{ecdsaWithSHA384 + keyP384}, "p384 ECDSA-SHA384"},
		"ECDSA with SHA-256 on P-384":                {[]string{ecdsaWithSHA256 + keyP384}, "p384 ECDSA-SHA256"},
		"ECDSA on any curve":                         {[]string{ecdsaWithSHA256 + keyEC}, "p256 ECDSA-SHA256"},
		"ECDSA on P-256":                             {[]string{ecdsaWithSHA256 + keyP256}, "p256 ECDSA-SHA256"},
		"Ed25519":                                    {[]string{pureEd25519}, "ed25519 Ed25519"},
		"SHA-1, which is too weak":                   {[]string{sha1WithRSA}, "p256 ECDSA-SHA256"},
		"SHA-1 and then RSA":                         {[]string{sha1WithRSA, sha256WithRSA}, "rsa2048 SHA256-RSA"},
		"the first of two":                           {[]string{pureEd25519, sha256WithRSA}, "ed25519 Ed25519"},
		"what nobody knows":                          {[]string{"\x30\x05\x06\x03\x2a\x03\x04"}, "p256 ECDSA-SHA256"},
		"RSA on an elliptic curve":                   {[]string{sha256WithRSA + keyP256}, "p256 ECDSA-SHA256"},
		"ECDSA with parameters it has not":           {[]string{"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03\x30\x00"}, "p256 ECDSA-SHA256"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time from the cache
				r := must(ocspder.ParseResponse(w.post(w.preferring(row.preferred...)).Body.Bytes()))
				if row.preferred == nil {
					r = must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
				}
				if got := signedBy(t, r, signers); got != row.want {
					t.Errorf("signed by %s, want %s", got, row.want)
				}
			}
		})
	}
}

// pssSHA384 is the identifier of RFC 4055 §3.1.
func pssSHA384() string {
	hash := element(0x30, element(0x06, "\x60\x86\x48\x01\x65\x03\x04\x02\x02"), "\x05\x00")
	mask := element(0x30, element(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"), hash)
	return element(0x30, element(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
		element(0x30, element(0xa0, hash), element(0xa1, mask), element(0xa2, "\x02\x01\x30")))
}

// TestPreferencesAreKeptApart: one client's preference must not become another's answer, and a change reaches both.
func TestPreferencesAreKeptApart(t *testing.T) {
	w, signers := several(t, pkitest.P256, pkitest.Ed25519)
	ask := func(request []byte) (string, revocation.Status) {
		r := must(ocspder.ParseResponse(w.get(request).Body.Bytes()))
		return signedBy(t, r, signers), r.Singles[0].Status
	}
	for _, want := range []revocation.Status{revocation.Good, revocation.Revoked} {
		for range 2 {
			if by, status := ask(w.preferring(pureEd25519)); by != "ed25519 Ed25519" || status != want {
				t.Errorf("preferring Ed25519: %s, %v; want %v", by, status, want)
			}
			if by, status := ask(w.request("\x01")); by != "p256 ECDSA-SHA256" || status != want {
				t.Errorf("preferring nothing: %s, %v; want %v", by, status, want)
			}
		}
		w.book.set("\x01", revokedNow())
		w.responder.Purge(w.issuer.ID, "\x01")
	}
}

func TestTheNextSignerTakesOver(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: time.Now().Add(time.Hour)}))
		d := &device{Signer: first.Key}
		second := must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{Key: pkitest.Ed25519}))
		signers := map[string]*x509.Certificate{"first": first.Certificate, "second": second.Certificate}
		w.config.Signers = []*responder.Signer{signerOf(t, &pkitest.Pair{Certificate: first.Certificate, Key: d}, w.issuer), signerOf(t, second, w.issuer)}
		w.responder.SetIssuers([]responder.Issuer{w.config})
		want := func(name string) {
			t.Helper()
			r := must(ocspder.ParseResponse(w.post(w.withNonce("\x01", "0123456789abcdef")).Body.Bytes()))
			if got := signedBy(t, r, signers); got != name {
				t.Errorf("signed by %s, want %s", got, name)
			}
		}
		want("first ECDSA-SHA256")
		d.fault = errors.New("the token was pulled")
		want("second Ed25519")
		d.fault, d.garbled = nil, true
		want("second Ed25519")
		d.garbled = false
		want("first ECDSA-SHA256")
		time.Sleep(time.Hour)
		want("second Ed25519")
	})
}

// TestARevokedDelegateSignsNoMore: the CRL that takes the delegate's certificate back is evidence against what it signs.
func TestARevokedDelegateSignsNoMore(t *testing.T) {
	w := newWorld(t)
	delegateSerial := must(revocation.SerialFromBig(w.delegate.Certificate.SerialNumber))
	w.status(t, w.post(w.request("\x01"))) // is kept now
	w.book.set(delegateSerial, revokedNow())
	w.responder.Purge(w.issuer.ID, delegateSerial)
	wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	wantError(t, w.post(w.withNonce("\x01", "0123456789abcdef")), ocspder.TryLater)

	other := must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{Name: "other"}))
	w.config.Signers = append(w.config.Signers, signerOf(t, other, w.issuer))
	w.responder.SetIssuers([]responder.Issuer{w.config})
	r := must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
	if by := signedBy(t, r, map[string]*x509.Certificate{"revoked": w.delegate.Certificate, "other": other.Certificate}); by != "other ECDSA-SHA256" {
		t.Errorf("signed by %s", by)
	}
}

// TestADelegateWhoseHoldComesBackSignsNoMore: a delta CRL that lifted it lapses, which is no change that anybody tells of.
func TestADelegateWhoseHoldComesBackSignsNoMore(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.status(t, w.post(w.withNonce("\x01", "0123456789abcdef")))
		w.book.set(must(revocation.SerialFromBig(w.delegate.Certificate.SerialNumber)), revokedNow())
		time.Sleep(2 * time.Second)
		wantError(t, w.post(w.withNonce("\x01", "0123456789abcdef")), ocspder.TryLater)
	})
}

// TestOneTrustedSignerSpeaksForManyIssuers: each issuer is configured by itself, with the same certificate and key.
func TestOneTrustedSignerSpeaksForManyIssuers(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	signing := must(pkitest.NewCA(pkitest.CAOptions{Name: "Responders"}))
	pair := must(signing.IssueOCSPSigner(pkitest.LeafOptions{}))
	var issuers []responder.Issuer
	for _, i := range []revocation.Issuer{w.issuer, other.issuer, issuerOf(signing, "responders")} {
		s, _, err := responder.NewTrustedSigner(pair.Certificate, pair.Key, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		issuers = append(issuers, responder.Issuer{Issuer: i, Signers: []*responder.Signer{s}})
	}
	w.delegate, w.responder = pair, responder.New(responder.Options{Source: w.book})
	w.responder.SetIssuers(issuers)
	request := must(ocspder.EncodeRequest([]ocspder.CertID{w.id("\x01"), other.id("\x02")}, nil))
	if r := w.read(t, w.post(request)); r.Status != ocspder.Successful || len(r.Singles) != 2 {
		t.Fatalf("two issuers in one request: %v, %d SingleResponses", r.Status, len(r.Singles))
	}
	w.status(t, w.post(w.request("\x01")))
	serial := must(revocation.SerialFromBig(pair.Certificate.SerialNumber))
	w.book.set(serial, revokedNow())
	w.responder.Purge(issuers[2].ID, serial) // the signer's own issuer is configured too
	wantError(t, w.post(request), ocspder.TryLater)
	wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
}

func TestWithPSS(t *testing.T) {
	w, _ := several(t, pkitest.P256, pkitest.RSA2048)
	if _, err := w.config.Signers[0].WithPSS(); revocation.RuleOf(err, "") != "signer_pss" {
		t.Errorf("RSASSA-PSS with a P-256 key: %v", err)
	}
	pss, err := w.config.Signers[1].WithPSS()
	if err != nil {
		t.Fatal(err)
	}
	w.config.Signers = []*responder.Signer{pss}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	r := must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
	signer := must(x509.ParseCertificate(r.Certificates[0]))
	if err := signer.CheckSignature(x509.SHA256WithRSAPSS, r.TBS, r.Signature); err != nil {
		t.Error(err)
	}
	if !bytes.Contains(r.SignatureAlgorithm, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")) {
		t.Errorf("the AlgorithmIdentifier %x has no parameters of RSASSA-PSS", r.SignatureAlgorithm)
	}
}

func TestTheSerialOfADelegateMayBeLong(t *testing.T) {
	w := newWorld(t)
	w.delegate = must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{Serial: new(big.Int).Lsh(big.NewInt(1), 158)}))
	w.config.Signers = []*responder.Signer{signerOf(t, w.delegate, w.issuer)}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	w.status(t, w.post(w.request("\x01")))
}
