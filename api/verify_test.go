package api_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/pkitest"
)

func pemText(c *x509.Certificate) string { return string(pkitest.CertificatePEM(c)) }

// peerCertificate issues a certificate with a serial of corp, whose CRL lists 0a.
func (w *world) peerCertificate(t testing.TB, serial int64, o pkitest.LeafOptions) *x509.Certificate {
	t.Helper()
	o.Serial = big.NewInt(serial)
	if o.Name == "" {
		o.Name = "peer.test"
	}
	pair, err := w.corp.Issue(o)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Certificate
}

func (s *server) verify(t testing.TB, body map[string]any) api.VerifyReport {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return decode[api.VerifyReport](t, s.do(t, "POST", "/v1/verify", string(text), jsonBody), 200)
}

func trusting(s *server) {
	s.api.SetTrust([]api.TrustSet{{Roots: []*x509.Certificate{s.corp.Certificate}}})
}

func outcomesOf(r api.VerifyReport) string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(c.Outcome[:1])
	}
	return b.String()
}

func TestVerifyReportsTheFiveChecks(t *testing.T) {
	s := newServer(t, nil)
	trusting(s)
	good := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	forged := bytes.Clone(good.Raw)
	forged[len(forged)-1] ^= 1
	unsigned, err := x509.ParseCertificate(forged)
	if err != nil {
		t.Fatal(err)
	}
	mail := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}})
	for _, row := range []struct {
		fact    string
		body    map[string]any
		want    string // of validity, trust, integrity, identity, revocation
		verdict string
		says    string
	}{
		{"all is well", map[string]any{"chain": []string{pemText(good)}, "role": "client"}, "pppsp", "valid", "not revoked: 1 certificate below the anchor"},
		{"as a server by name", map[string]any{"chain": []string{pemText(good)}, "role": "server", "identity": map[string]any{"dns": "peer.test"}}, "ppppp", "valid", "the certificate is for dns peer.test"},
		{"one of several names", map[string]any{"chain": []string{pemText(good)}, "identity": map[string]any{"dns": []string{"x.test", "peer.test"}}}, "ppppp", "valid", ""},
		{"another name", map[string]any{"chain": []string{pemText(good)}, "identity": map[string]any{"dns": "other.test"}}, "pppfp", "invalid", "not for dns other.test"},
		{"revoked", map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0a, pkitest.LeafOptions{}))}}, "pppsf", "invalid", "is revoked since"},
		{"expired", map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)}))}}, "fppsp", "invalid", "expired at"},
		{"not yet valid", map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{NotBefore: time.Now().Add(time.Hour)}))}}, "fppsp", "invalid_now", "is not valid before"},
		{"another usage", map[string]any{"chain": []string{pemText(mail)}, "role": "client"}, "pfpsp", "invalid", "does not allow it for a TLS client"},
		{"a forged signature", map[string]any{"chain": []string{pemText(unsigned)}}, "ppfss", "invalid", "does not verify"},
		{"revocation not asked for", map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0a, pkitest.LeafOptions{}))}, "revocation": "none"}, "pppss", "valid", "it was not asked for"},
		{"unreadable", map[string]any{"chain": []string{"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"}}, "ssfss", "invalid", "cannot be read"},
		{"a stranger", map[string]any{"chain": []string{pemText(s.home.Certificate)}}, "pfpss", "invalid", "none of the trust anchors"},
		{"at another time", map[string]any{"chain": []string{pemText(good)}, "time": "2020-01-01T00:00:00Z"}, "fppsf", "invalid_now", "is not valid before"},
	} {
		r := s.verify(t, row.body)
		text, _ := json.Marshal(r)
		if got := outcomesOf(r); got != row.want || r.Verdict != row.verdict || !strings.Contains(string(text), row.says) {
			t.Errorf("%s: %s %s, want %s %s and %q:\n%s", row.fact, got, r.Verdict, row.want, row.verdict, row.says, text)
		}
	}
}

func TestVerifyNamesTheEvidence(t *testing.T) {
	s := newServer(t, nil)
	trusting(s)
	r := s.verify(t, map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0a, pkitest.LeafOptions{}))}})
	if len(r.Path) != 2 || !r.Path[1].Anchor || r.Path[1].Status != nil {
		t.Fatalf("path %+v", r.Path)
	}
	st := r.Path[0].Status
	if st == nil || st.Issuer != "corp" || st.Status != "revoked" || st.Evidence.CRLNumber != "1042" || st.Reason != "keyCompromise" {
		t.Errorf("status %+v", st)
	}
	if f := r.Checks[4].Faults; len(f) != 1 || f[0].Rule != "revoked" || f[0].Serial != "0a" || f[0].Section == "" {
		t.Errorf("faults %+v", f)
	}
	s.stale = true
	if r := s.verify(t, map[string]any{"chain": []string{pemText(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{}))}}); r.Verdict != "invalid_now" || !strings.Contains(r.Checks[4].Detail, "is stale since") {
		t.Errorf("stale: %s, %s", r.Verdict, r.Checks[4].Detail)
	}
}

func TestVerifyTakesAStapledResponse(t *testing.T) {
	s := newServer(t, nil)
	trusting(s)
	s.stale = true
	c := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	der, err := ocsp.CreateResponse(s.corp.Certificate, s.corp.Certificate, ocsp.Response{Status: ocsp.Good, SerialNumber: c.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}, s.corp.Key)
	if err != nil {
		t.Fatal(err)
	}
	r := s.verify(t, map[string]any{"chain": []string{pemText(c)}, "ocsp_response": base64.StdEncoding.EncodeToString(der)})
	if r.Verdict != "valid" {
		t.Errorf("%s: %s", r.Verdict, r.Checks[4].Detail)
	}
}

func TestVerifyChoosesTheTrustAnchors(t *testing.T) {
	s := newServer(t, nil)
	corp := api.TrustSet{Name: "corp", Roots: []*x509.Certificate{s.corp.Certificate}}
	home := api.TrustSet{Name: "home", Roots: []*x509.Certificate{s.home.Certificate}}
	all := api.TrustSet{Roots: []*x509.Certificate{s.corp.Certificate, s.home.Certificate}}
	chain := []string{pemText(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{}))}
	body, _ := json.Marshal(map[string]any{"chain": chain})
	wantProblem(t, s.do(t, "POST", "/v1/verify", string(body), jsonBody), 404, "unknown-trust")
	for _, row := range []struct {
		fact  string
		sets  []api.TrustSet
		trust string
		want  string
	}{
		{"none with a name", []api.TrustSet{all}, "", "valid"},
		{"the only one with a name", []api.TrustSet{all, home}, "", "invalid"},
		{"by name", []api.TrustSet{all, home, corp}, "corp", "valid"},
		{"by another name", []api.TrustSet{all, home, corp}, "home", "invalid"},
	} {
		s.api.SetTrust(row.sets)
		if r := s.verify(t, map[string]any{"chain": chain, "trust": row.trust}); r.Verdict != row.want {
			t.Errorf("%s: %s, want %s", row.fact, r.Verdict, row.want)
		}
	}
	wantProblem(t, s.do(t, "POST", "/v1/verify", string(body), jsonBody), 422, "invalid-request")
	other, _ := json.Marshal(map[string]any{"chain": chain, "trust": "other"})
	wantProblem(t, s.do(t, "POST", "/v1/verify", string(other), jsonBody), 404, "unknown-trust")
}

func TestVerifyRefusesWhatIsNoQuestion(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.ReadTokens = tokens(t, "reader "+readToken) })
	trusting(s)
	good := strings.ReplaceAll(pemText(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})), "\n", `\n`)
	key := `-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n`
	auth := header("Authorization: Bearer " + readToken)
	for _, row := range []struct {
		fact, body string
		code       int
		kind       string
	}{
		{"nothing", ``, 400, "malformed-request"}, {"no JSON", `{`, 400, "malformed-request"}, {"no chain", `{}`, 422, "invalid-request"},
		{"an empty chain", `{"chain":[]}`, 422, "invalid-request"}, {"no PEM", `{"chain":["x"]}`, 400, "malformed-certificate"},
		{"a key", `{"chain":["` + key + `"]}`, 400, "malformed-certificate"}, {"a key after the certificate", `{"chain":["` + good + key + `"]}`, 400, "malformed-certificate"},
		{"a second one that cannot be read", `{"chain":["` + good + `","-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"]}`, 400, "malformed-certificate"},
		{"eleven in one", `{"chain":["` + strings.Repeat(good, 11) + `"]}`, 422, "invalid-request"},
		{"another role", `{"chain":["` + good + `"],"role":"peer"}`, 422, "invalid-request"},
		{"no name", `{"chain":["` + good + `"],"identity":{"dns":"a..b"}}`, 422, "invalid-request"},
		{"a name of another kind", `{"chain":["` + good + `"],"identity":{"dns":7}}`, 422, "invalid-request"},
		{"an unknown member", `{"chain":["` + good + `"],"rolle":"client"}`, 422, "invalid-request"},
	} {
		t.Run(row.fact, func(t *testing.T) {
			wantProblem(t, s.do(t, "POST", "/v1/verify", row.body, jsonBody, auth), row.code, row.kind)
		})
	}
	wantProblem(t, s.do(t, "POST", "/v1/verify", `{}`, jsonBody), 401, "token-required")
	wantProblem(t, s.do(t, "POST", "/v1/verify", `{}`, "Content-Type: text/plain", auth), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "POST", "/v1/verify", `{"chain":["`+strings.Repeat("a", 600<<10)+`"]}`, jsonBody, auth), 413, "too-large")
}
