package responder_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

const ocspArc = "\x2b\x06\x01\x05\x05\x07\x30\x01"

// TestWhatARequestMayCarry: the status of the answer to each form of request that the standards tell apart. What is malformed in
// itself is a row of TestParseRequestRefuses in internal/ocspder.
func TestWhatARequestMayCarry(t *testing.T) {
	w := newWorld(t)
	id := string(w.id("\x01").Raw)
	request := func(parts ...string) []byte { return []byte(element(0x30, element(0x30, parts...))) }
	list := element(0x30, element(0x30, id))
	single := func(extension string) []byte {
		return request(element(0x30, element(0x30, id, element(0xa0, element(0x30, extension)))))
	}
	extension := func(oid, value string) string { return element(0x30, element(0x06, oid), element(0x04, value)) }
	critical := func(oid, value string) string {
		return element(0x30, element(0x06, oid), "\x01\x01\xff", element(0x04, value))
	}
	with := func(list ...string) []byte {
		return request(element(0x30, element(0x30, id)), element(0xa2, element(0x30, list...)))
	}
	const ok, malformed = ocspder.Successful, ocspder.MalformedRequest
	locator := element(0x30, element(0x30), element(0x30)) // issuer and locator, RFC 6960 §4.4.6
	for name, row := range map[string]struct {
		request []byte
		want    ocspder.ResponseStatus
	}{
		"nothing else": {request(list), ok},
		"a requestorName, dNSName (RFC 9919 §3.1.2)":       {request(element(0xa1, element(0x82, "a.test")), list), ok},
		"a requestorName, directoryName":                   {request(element(0xa1, element(0xa4, element(0x30))), list), ok},
		"an unknown extension":                             {with(extension("\x2a\x03\x04", "x")), ok},
		"a critical unknown extension (§4.1.2)":            {with(critical("\x2a\x03\x04", "x")), malformed},
		"an unknown extension of the certificate":          {single(extension("\x2a\x03\x04", "x")), ok},
		"a critical unknown extension of the certificate":  {single(critical("\x2a\x03\x04", "x")), malformed},
		"a serviceLocator (§4.4.6)":                        {single(extension(ocspArc+"\x07", locator)), ok},
		"a critical serviceLocator, which asks to forward": {single(critical(ocspArc+"\x07", locator)), malformed},
		"basic among the acceptable responses":             {with(extension(ocspArc+"\x04", element(0x30, element(0x06, ocspArc+"\x01")))), ok},
		"only other acceptable responses (§4.4.3)":         {with(extension(ocspArc+"\x04", element(0x30, element(0x06, "\x2a\x03\x04")))), ok},
		"version 2":                           {request(element(0xa0, "\x02\x01\x01"), list), malformed},
		"a nonce of 0 octets (RFC 9654 §2.1)": {with(extension(ocspArc+"\x02", element(0x04))), malformed},
		"a nonce of 129 octets":               {with(extension(ocspArc+"\x02", element(0x04, strings.Repeat("n", 129)))), malformed},
		"a nonce of 128 octets":               {with(extension(ocspArc+"\x02", element(0x04, strings.Repeat("n", 128)))), ok},
		"a nonce that is not wrapped":         {with(extension(ocspArc+"\x02", strings.Repeat("n", 16))), ok},
		"two nonces":                          {with(extension(ocspArc+"\x02", element(0x04, "n")), extension(ocspArc+"\x02", element(0x04, "n"))), malformed},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rec := range []struct {
				how string
				got []byte
			}{{"POST", w.post(row.request).Body.Bytes()}, {"GET", w.get(row.request).Body.Bytes()}} {
				r := must(ocspder.ParseResponse(rec.got))
				if r.Status != row.want {
					t.Errorf("%s: %v, want %v", rec.how, r.Status, row.want)
				}
				if r.Status == ok && len(r.Extensions) > 0 {
					t.Errorf("%s: responseExtensions %v nobody asked for (RFC 9919 §3.2.1)", rec.how, r.Extensions)
				}
			}
		})
	}
}

// TestPathsOfAnyLengthUpToACapAreRead (RFC 9919 §6 has clients use GET to 255 octets; a responder takes longer ones).
func TestPathsOfAnyLengthUpToACapAreRead(t *testing.T) {
	w := newWorld(t)
	lengths := map[int]bool{}
	for n := 0; n < 6000; n = n + 1 + n/100*100 {
		text := base64.StdEncoding.EncodeToString(extendedRequest(w.id("\x01"), "\x2a\x03\x04", strings.Repeat("v", n)))
		for _, path := range []string{"/" + text, "//" + text, "/" + strings.TrimRight(text, "="), "/ocsp/" + text, "/ocsp//" + text} {
			lengths[len(path)] = true
			if r := must(ocspder.ParseResponse(w.do("GET", path, nil).Body.Bytes())); r.Status != ocspder.Successful {
				t.Errorf("a path of %d octets: %v", len(path), r.Status)
			}
		}
	}
	for n := 250; n <= 260; n++ {
		if !lengths[n] {
			t.Errorf("no path of %d octets was tried", n)
		}
	}
	wantError(t, w.do("GET", "/ocsp/"+strings.Repeat("A", 9000), nil), ocspder.MalformedRequest)
}

// TestEveryErrorStatusIsReachable, and status 4 is none of them (RFC 6960 §4.2.1).
func TestEveryErrorStatusIsReachable(t *testing.T) {
	w := newWorld(t)
	stale := newWorld(t)
	stale.book.set("\x01", revocation.CertStatus{Because: revocation.BecauseStale})
	strict := newWorld(t, func(_ *responder.Options, i *responder.Issuer) {
		i.RequestSignature, i.Requestors = responder.RequireSignature, new(requestors)
	})
	broken := newWorld(t)
	broken.book.before = func() { panic("a fault of ours") }
	for status, rec := range map[ocspder.ResponseStatus][]byte{
		ocspder.MalformedRequest: w.post(nil).Body.Bytes(),
		ocspder.InternalError:    broken.post(broken.request("\x01")).Body.Bytes(),
		ocspder.TryLater:         stale.post(stale.request("\x01")).Body.Bytes(),
		ocspder.SigRequired:      strict.post(strict.request("\x01")).Body.Bytes(),
		ocspder.Unauthorized:     w.post(stale.request("\x01")).Body.Bytes(),
	} {
		if want := []byte{0x30, 3, 0x0a, 1, byte(status)}; !bytes.Equal(rec, want) {
			t.Errorf("%v: %x, want %x", status, rec, want)
		}
	}
}

func TestTryLaterSaysWhen(t *testing.T) {
	w := newWorld(t)
	w.book.set("\x01", revocation.CertStatus{Because: revocation.BecauseStale})
	wantHeaders(t, w.get(w.request("\x01")), map[string]string{"Retry-After": "5"})
	wantHeaders(t, w.post(nil), map[string]string{"Retry-After": ""})
}

// TestAHoldIsRevokedAndThenGood (RFC 6960 §2.2).
func TestAHoldIsRevokedAndThenGood(t *testing.T) {
	w := newWorld(t)
	held := revokedNow()
	held.Reason = revocation.CertificateHold
	w.book.set("\x01", held)
	r := w.read(t, w.post(w.request("\x01")))
	if s := r.Singles[0]; s.Status != revocation.Revoked || s.Reason != revocation.CertificateHold {
		t.Errorf("on hold: %v, %v", s.Status, s.Reason)
	}
	w.book.set("\x01", revocation.CertStatus{Status: revocation.Good, Fresh: true})
	w.responder.Purge(w.issuer.ID, "\x01")
	if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Good {
		t.Errorf("released: %v", got)
	}
}

// TestTheShapeOfAnAnswer looks at the octets of what cannot be seen when it is parsed: DER of RFC 6960 §4.2.1.
func TestTheShapeOfAnAnswer(t *testing.T) {
	w := newWorld(t)
	revoked := revokedNow()
	revoked.Reason = revocation.Unspecified
	w.book.set("\x01", revoked)
	r := w.read(t, w.post(w.request("\x01")))
	inner := r.TBS[2:]
	if r.TBS[1] >= 0x80 {
		inner = r.TBS[2+int(r.TBS[1]&0x7f):]
	}
	if inner[0] != 0xa2 { // neither a version nor a name comes first
		t.Errorf("ResponseData begins with %x, want responderID byKey", inner[:4])
	}
	if !bytes.Contains(r.TBS, []byte("\xa1\x11\x18\x0f"+revoked.RevokedAt.UTC().Format("20060102150405Z"))) {
		t.Errorf("RevokedInfo of an unspecified reason holds more than its time: %x", r.TBS)
	}
	signer := must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	w.config.Signers = []*responder.Signer{signerOf(t, &pkitest.Pair{Certificate: w.ca.Certificate, Key: w.ca.Key}, w.issuer), signerOf(t, signer, w.issuer)}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	own := must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
	if len(own.Certificates) != 0 {
		t.Errorf("the CA's own answer carries %d certificates", len(own.Certificates))
	}
}

// TestTheRequestsOfRFC9919AreAnswered with its own CA, which is not ours to sign for: by a signer that is trusted.
func TestTheRequestsOfRFC9919AreAnswered(t *testing.T) {
	dir := os.Getenv("VETO_CORPORA")
	if dir == "" {
		t.Skip("VETO_CORPORA is not set: no test data of other projects")
	}
	dir = filepath.Join(dir, "rfc9919-examples")
	w := newWorld(t)
	root := must(readPEM(filepath.Join(dir, "root.pem")))
	signer, _, err := responder.NewTrustedSigner(w.delegate.Certificate, w.delegate.Key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.responder.SetIssuers([]responder.Issuer{{Issuer: revocation.Issuer{Name: "rfc", ID: revocation.IssuerIDOf(root), Certificate: root},
		Signers: []*responder.Signer{signer}}})
	request := must(os.ReadFile(filepath.Join(dir, "request.der")))
	r := w.read(t, w.get(request))
	id := must(ocspder.CertIDFor(crypto.SHA256, root, must(revocation.SerialFromBig(must(readPEM(filepath.Join(dir, "ee.pem"))).SerialNumber))))
	if len(r.Singles) != 1 || !bytes.Equal(r.Singles[0].CertID.Raw, id.Raw) {
		t.Errorf("answered about %x, want %x", r.Singles[0].CertID.Raw, id.Raw)
	}
	if rec := w.do(http.MethodGet, getPath(request), nil); rec.Code != 200 {
		t.Errorf("HTTP %d", rec.Code)
	}
}
