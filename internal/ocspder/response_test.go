package ocspder_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

var produced = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

// goldenID is a CertID that does not depend on a key.
var goldenID = ocspder.CertID{Raw: []byte(certID(seq(oid(sha1OID), null), "\x2a")), Hash: crypto.SHA1,
	NameHash: []byte(strings.Repeat("n", 20)), KeyHash: []byte(strings.Repeat("k", 20)), Serial: "\x2a"}

func single(status revocation.Status, reason revocation.Reason) ocspder.SingleResponse {
	s := ocspder.SingleResponse{CertID: goldenID, Status: status, Reason: reason,
		ThisUpdate: produced.Add(-time.Hour), NextUpdate: produced.Add(10 * time.Minute)}
	if status == revocation.Revoked {
		s.RevokedAt = produced.Add(-24 * time.Hour)
	}
	return s
}

func goldens() map[string]ocspder.ResponseData {
	data := func(singles ...ocspder.SingleResponse) ocspder.ResponseData {
		return ocspder.ResponseData{ResponderKeyHash: [20]byte([]byte(strings.Repeat("r", 20))), ProducedAt: produced, Singles: singles}
	}
	good, unknown := single(revocation.Good, 0), single(revocation.Unknown, 0)
	nonce, both := data(good), data(single(revocation.Revoked, revocation.CertificateHold))
	nonce.Nonce = []byte(strings.Repeat("N", 32))
	both.Nonce, both.ExtendedRevoke = nonce.Nonce, true
	both.Singles[0].RevokedAt = time.Unix(0, 0)
	open := data(good)
	open.Singles[0].NextUpdate = time.Time{}
	byName := data(good)
	byName.ResponderName = []byte(seq(der(0x31, seq(oid("\x55\x04\x03"), der(0x0c, "responder")))))
	extended := data(single(revocation.Revoked, revocation.KeyCompromise), good)
	extended.Singles[0].Extensions = []ocspder.Extension{
		ocspder.CRLReference("http://pki.test/a.crl", "\xff", produced.Add(-time.Hour)), ocspder.InvalidityDate(produced.Add(-48 * time.Hour))}
	extended.Singles[1].Extensions = []ocspder.Extension{
		ocspder.CRLReference("", "", produced.Add(-time.Hour)), ocspder.ArchiveCutoff(produced.AddDate(-7, 0, 0))}
	return map[string]ocspder.ResponseData{
		"good":                    data(good),
		"unknown":                 data(unknown),
		"revoked":                 data(single(revocation.Revoked, revocation.Unspecified)),
		"revoked-key-compromise":  data(single(revocation.Revoked, revocation.KeyCompromise)),
		"several":                 data(good, single(revocation.Revoked, revocation.Superseded), unknown),
		"nonce":                   nonce,
		"extended-revoke-nonce":   both,
		"good-without-nextUpdate": open,
		"by-name":                 byName,
		"single-extensions":       extended,
	}
}

// TestGoldenResponses compares whole responses with committed bytes and reads them back.
func TestGoldenResponses(t *testing.T) {
	algorithm, signature := []byte(seq(oid(sha256OID))), []byte("a signature that is none")
	for name, data := range goldens() {
		t.Run(name, func(t *testing.T) {
			got := ocspder.Assemble(ocspder.AppendTBS(nil, &data), algorithm, signature, []byte(seq(null)))
			file := filepath.Join("testdata", name+".der")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded\n%x, want\n%x", got, want)
			}
			checkReadsBack(t, got, &data)
		})
	}
}

func checkReadsBack(t *testing.T, response []byte, data *ocspder.ResponseData) {
	t.Helper()
	r, err := ocspder.ParseResponse(response)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inUTC(data.Singles), r.Singles); diff != "" {
		t.Errorf("singles differ (-written +read):\n%s", diff)
	}
	if !bytes.Equal(r.Nonce(), data.Nonce) || !r.ProducedAt.Equal(data.ProducedAt) ||
		!bytes.Equal(r.ResponderName, data.ResponderName) ||
		(data.ResponderName == nil && !bytes.Equal(r.ResponderKeyHash, data.ResponderKeyHash[:])) || len(r.Certificates) != 1 {
		t.Errorf("read back %+v", r)
	}
	extended := false
	for _, e := range r.Extensions {
		extended = extended || (e.IsExtendedRevoke() && !e.Critical && string(e.Value) == null)
	}
	if extended != data.ExtendedRevoke {
		t.Errorf("extended-revoke read: %t, written: %t", extended, data.ExtendedRevoke)
	}
}

func inUTC(list []ocspder.SingleResponse) []ocspder.SingleResponse {
	out := append([]ocspder.SingleResponse(nil), list...)
	for i := range out {
		if !out[i].RevokedAt.IsZero() {
			out[i].RevokedAt = out[i].RevokedAt.UTC()
		}
	}
	return out
}

func TestErrorResponsesAreFiveOctets(t *testing.T) {
	for status, want := range map[ocspder.ResponseStatus][]byte{
		ocspder.MalformedRequest: ocsp.MalformedRequestErrorResponse,
		ocspder.InternalError:    ocsp.InternalErrorErrorResponse,
		ocspder.TryLater:         ocsp.TryLaterErrorResponse,
		ocspder.SigRequired:      ocsp.SigRequredErrorResponse,
		ocspder.Unauthorized:     ocsp.UnauthorizedErrorResponse,
	} {
		if got := ocspder.ErrorResponse(status); !bytes.Equal(got, want) {
			t.Errorf("%v: got %x, want %x", status, got, want)
		}
		r, err := ocspder.ParseResponse(want)
		if err != nil || r.Status != status {
			t.Errorf("%v: parsed as %+v, %v", status, r, err)
		}
	}
}

// TestExtensionsOfRFC6960AreItsOctets: §4.4.2 and §4.4.4, and RFC 5280 §5.3.2.
func TestExtensionsOfRFC6960AreItsOctets(t *testing.T) {
	when := time.Date(2019, 11, 1, 10, 0, 0, 0, time.UTC)
	text := "\x18\x0f20191101100000Z"
	for _, row := range []struct {
		got       ocspder.Extension
		oid, want string
	}{
		{ocspder.ArchiveCutoff(when), ocspArc + "\x06", text},
		{ocspder.InvalidityDate(when), "\x55\x1d\x18", text},
		{ocspder.CRLReference("http://a/b", "\x05", when), ocspArc + "\x03",
			seq(der(0xa0, der(0x16, "http://a/b")), der(0xa1, der(2, "\x05")), der(0xa2, text))},
		{ocspder.CRLReference("", "\x80", when), ocspArc + "\x03", seq(der(0xa1, der(2, "\x00\x80")), der(0xa2, text))},
		{ocspder.CRLReference("", "", when), ocspArc + "\x03", seq(der(0xa2, text))},
	} {
		if string(row.got.OID) != row.oid || string(row.got.Value) != row.want || row.got.Critical {
			t.Errorf("got %x, critical %t, %x; want %x, %x", row.got.OID, row.got.Critical, row.got.Value, row.oid, row.want)
		}
	}
}

// TestTimesAreZuluWithoutFraction: RFC 9919 §3.2.4, and the fault that fractions have been elsewhere.
func TestTimesAreZuluWithoutFraction(t *testing.T) {
	data := goldens()["revoked"]
	data.ProducedAt = time.Date(2026, 11, 1, 12, 0, 0, 999_999_999, time.FixedZone("", 7200))
	tbs := ocspder.AppendTBS(nil, &data)
	if !bytes.Contains(tbs, []byte("\x18\x0f20261101100000Z")) {
		t.Errorf("%q has no producedAt 20261101100000Z", tbs)
	}
	if n := len(regexp.MustCompile(`\x18\x0f\d{14}Z`).FindAll(tbs, -1)); n != 4 {
		t.Errorf("%d times of the one allowed form, want 4", n)
	}
}

func TestXCryptoReadsWhatIsWritten(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	id := must(ocspder.CertIDFor(crypto.SHA256, ca.Certificate, "\x00\x80\x01"))
	for name, data := range goldens() {
		for i := range data.Singles {
			data.Singles[i].CertID = id
		}
		data.ResponderKeyHash = must(ocspder.KeyHash(ca.Certificate))
		r, err := ocsp.ParseResponseForCert(signed(t, &data, ca, nil), &x509.Certificate{SerialNumber: id.Serial.Big()}, ca.Certificate)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := data.Singles[0]
		status := map[revocation.Status]int{revocation.Good: ocsp.Good, revocation.Revoked: ocsp.Revoked, revocation.Unknown: ocsp.Unknown}
		if r.Status != status[want.Status] || r.RevocationReason != int(want.Reason) || !r.RevokedAt.Equal(want.RevokedAt) ||
			!r.ThisUpdate.Equal(want.ThisUpdate) || !r.NextUpdate.Equal(want.NextUpdate) || !r.ProducedAt.Equal(data.ProducedAt) {
			t.Errorf("%s: x/crypto read %+v, written %+v", name, r, want)
		}
	}
}

// signed is a response signed by a P-256 CA.
func signed(t *testing.T, data *ocspder.ResponseData, ca *pkitest.CA, certificate []byte) []byte {
	t.Helper()
	tbs := ocspder.AppendTBS(nil, data)
	digest := sha256.Sum256(tbs)
	signature := must(ca.Key.Sign(rand.Reader, digest[:], crypto.SHA256))
	return ocspder.Assemble(tbs, []byte(seq(oid("\x2a\x86\x48\xce\x3d\x04\x03\x02"))), signature, certificate)
}

func TestReadsWhatXCryptoWrites(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	leaf := must(ca.Issue(pkitest.LeafOptions{}))
	signer := must(ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	template := ocsp.Response{Status: ocsp.Revoked, SerialNumber: leaf.Certificate.SerialNumber, ThisUpdate: produced,
		NextUpdate: produced.Add(time.Hour), RevokedAt: produced.Add(-time.Hour), RevocationReason: ocsp.Superseded,
		Certificate: signer.Certificate, IssuerHash: crypto.SHA384}
	raw := must(ocsp.CreateResponse(ca.Certificate, signer.Certificate, template, signer.Key))
	r := must(ocspder.ParseResponse(raw))
	serial := must(revocation.SerialFromBig(leaf.Certificate.SerialNumber))
	s := r.Singles[0]
	if !s.CertID.Names(ca.Certificate, serial) || s.Status != revocation.Revoked || s.Reason != revocation.Superseded ||
		!s.RevokedAt.Equal(template.RevokedAt) || !s.ThisUpdate.Equal(produced) || !s.NextUpdate.Equal(template.NextUpdate) {
		t.Errorf("single %+v", s)
	}
	if !bytes.Equal(r.ResponderName, signer.Certificate.RawSubject) || !bytes.Equal(r.Certificates[0], signer.Certificate.Raw) {
		t.Errorf("responder %x, certificates %d", r.ResponderName, len(r.Certificates))
	}
	if err := signer.Certificate.CheckSignature(x509.ECDSAWithSHA256, r.TBS, r.Signature); err != nil {
		t.Errorf("signature over TBS: %v", err)
	}
}

func TestParseResponseRefuses(t *testing.T) {
	data := goldens()["revoked-key-compromise"]
	tbs := string(ocspder.AppendTBS(nil, &data))
	whole := func(tbs string) string {
		return string(ocspder.Assemble([]byte(tbs), []byte(seq(oid(sha256OID))), []byte("s"), nil))
	}
	change := func(old, new string) string { return whole(strings.Replace(tbs, old, new, 1)) }
	ok := whole(tbs)
	if _, err := ocspder.ParseResponse([]byte(ok)); err != nil {
		t.Fatalf("the response to be damaged is refused itself: %v", err)
	}
	for name, in := range map[string]string{
		"nothing":                        "",
		"octets after it":                ok + "\x00",
		"status 4":                       seq(der(0x0a, "\x04")),
		"status 7":                       seq(der(0x0a, "\x07")),
		"success without an answer":      seq(der(0x0a, "\x00")),
		"an error with an answer":        strings.Replace(ok, "\x0a\x01\x00", "\x0a\x01\x06", 1),
		"another response type":          strings.Replace(ok, ocspArc+"\x01", ocspArc+"\x03", 1),
		"a status that is none":          change("\xa1\x16\x18\x0f", "\xa3\x16\x18\x0f"),
		"reason 7":                       change("\x0a\x01\x01", "\x0a\x01\x07"),
		"reason 11":                      change("\x0a\x01\x01", "\x0a\x01\x0b"),
		"a month 13":                     change("20261101100000Z", "20261301100000Z"),
		"a local time":                   change("20261101100000Z", "202611011000000"),
		"a responder that is no one":     change("\xa2\x16\x04\x14", "\xa3\x16\x04\x14"),
		"a responder key of another tag": change("\xa2\x16\x04\x14", "\xa2\x16\x05\x14"),
	} {
		if in == ok {
			t.Errorf("%s: the row changes nothing", name)
		}
		if r, err := ocspder.ParseResponse([]byte(in)); err == nil || revocation.RuleOf(err, "") != "malformed" {
			t.Errorf("%s: got %+v, %v; want a refusal", name, r, err)
		}
	}
	for n := range len(ok) {
		if _, err := ocspder.ParseResponse([]byte(ok[:n])); err == nil {
			t.Errorf("cut after %d octets: accepted", n)
		}
	}
}

func TestResponsesOfOtherProjects(t *testing.T) {
	dir := corpora(t)
	for file, wantErr := range map[string]bool{
		"pyca-x509/ocsp/resp-sha256.der":                       false,
		"pyca-x509/ocsp/resp-revoked.der":                      false,
		"pyca-x509/ocsp/resp-revoked-reason.der":               false,
		"pyca-x509/ocsp/resp-revoked-no-next-update.der":       false,
		"pyca-x509/ocsp/resp-responder-key-hash.der":           false,
		"pyca-x509/ocsp/resp-delegate-unknown-cert.der":        false,
		"pyca-x509/ocsp/resp-sct-extension.der":                false,
		"pyca-x509/ocsp/resp-unauthorized.der":                 false,
		"pyca-x509/ocsp/resp-unknown-extension.der":            false,
		"pyca-x509/ocsp/resp-invalid-signature-oid.der":        false,
		"pyca-x509/ocsp/ocsp-army.deps.mil-resp.der":           false,
		"pyca-x509/ocsp/resp-unknown-hash-alg.der":             false,
		"pyca-x509/ocsp/resp-single-extension-reason.der":      false,
		"zlint/ocspThisUpdateNotAfterProducedAt.der":           false,
		"zlint/ocspThisUpdateAfterProducedAt.der":              false,
		"pyca-x509/ocsp/resp-response-type-unknown-oid.der":    true,
		"pyca-x509/ocsp/resp-successful-no-response-bytes.der": true,
		"pyca-x509/ocsp/resp-unknown-response-status.der":      true,
		"rfc9919-examples/response.der":                        false,
		"realworld-ocsp/esig-dss/peru_ocsp.bin":                false,
		"realworld-ocsp/esig-dss/sk_ocsp.bin":                  false,
		"realworld-ocsp/esig-dss/qwac/harica_ocsp.bin":         false,
	} {
		r, err := ocspder.ParseResponse(must(os.ReadFile(filepath.Join(dir, file))))
		if (err != nil) != wantErr {
			t.Errorf("%s: got %+v, %v; want an error: %t", file, r, err, wantErr)
		}
	}
}

// TestRFC9919ExampleIsReproduced writes the request of RFC 9919 appendix B byte for byte, and its response data too.
func TestRFC9919ExampleIsReproduced(t *testing.T) {
	dir := filepath.Join(corpora(t), "rfc9919-examples")
	root, leaf := must(readCertificate(dir, "root.pem")), must(readCertificate(dir, "ee.pem"))
	serial := must(revocation.SerialFromBig(leaf.SerialNumber))
	id := must(ocspder.CertIDFor(crypto.SHA256, root, serial))
	request := must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil))
	if want := must(os.ReadFile(filepath.Join(dir, "request.der"))); !bytes.Equal(request, want) {
		t.Errorf("request\n%x, want\n%x", request, want)
	}
	response := must(os.ReadFile(filepath.Join(dir, "response.der")))
	r := must(ocspder.ParseResponse(response))
	data := ocspder.ResponseData{ResponderKeyHash: [20]byte(r.ResponderKeyHash), ProducedAt: r.ProducedAt, Singles: r.Singles}
	tbs := ocspder.AppendTBS(nil, &data)
	if !bytes.Equal(tbs, r.TBS) {
		t.Errorf("response data\n%x, want\n%x", tbs, r.TBS)
	}
	if again := ocspder.Assemble(tbs, r.SignatureAlgorithm, r.Signature, r.Certificates[0]); !bytes.Equal(again, response) {
		t.Errorf("response\n%x, want\n%x", again, response)
	}
}
