package api_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func TestGetStatus(t *testing.T) {
	s := newServer(t, nil)
	for _, c := range []struct {
		fact, path, status, because, serial string
	}{
		{"a listed serial is revoked", "corp/0a", "revoked", "crl", "0a"},
		{"a serial is read with prefix, colons and leading zeros", "corp/0x00:0A", "revoked", "crl", "0a"},
		{"a serial is read in decimal", "corp/dec:10", "revoked", "crl", "0a"},
		{"an escaped serial is the same serial", "corp/0%61", "revoked", "crl", "0a"},
		{"a serial not listed is good", "corp/0b", "good", "not_listed", "0b"},
		{"an issuer is found by its IssuerID", s.corpID.String() + "/0a", "revoked", "crl", "0a"},
		{"an administered issuer answers without a CRL", "home/01", "good", "not_listed", "01"},
	} {
		o := decode[api.StatusObject](t, s.do(t, "GET", "/v1/status/"+c.path, ""), 200)
		if o.Status != c.status || o.Because != c.because || o.Serial != c.serial {
			t.Errorf("%s: got %+v", c.fact, o)
		}
	}
}

func TestGetStatusSaysWhatItRestsOn(t *testing.T) {
	s := newServer(t, nil)
	o := decode[api.StatusObject](t, s.do(t, "GET", "/v1/status/corp/0a", ""), 200)
	if o.Issuer != "corp" || o.IssuerID != s.corpID.String() || o.Reason != "keyCompromise" || !o.RevokedAt.Equal(s.crl.ThisUpdate) ||
		!o.Fresh || o.Generation != 7 || o.TTL != 30 {
		t.Errorf("got %+v", o)
	}
	if e := o.Evidence; e == nil || e.Source != "crl" || e.URL != s.crl.URL || e.CRLNumber != "1042" || len(e.SHA256) != 64 {
		t.Errorf("evidence %+v", e)
	}
}

func TestGetStatusRefuses(t *testing.T) {
	s := newServer(t, nil)
	for _, c := range []struct {
		fact, method, path string
		code               int
		kind               string
	}{
		{"an unknown issuer is 404", "GET", "/v1/status/nobody/0a", 404, "unknown-issuer"},
		{"an unknown IssuerID is 404", "GET", "/v1/status/" + strings.Repeat("ab", 32) + "/0a", 404, "unknown-issuer"},
		{"a malformed serial is 400", "GET", "/v1/status/corp/xyz", 400, "malformed-serial"},
		{"a serial of a megabyte is 400", "GET", "/v1/status/corp/" + strings.Repeat("a", 1<<20), 400, "malformed-serial"},
		{"a serial of 65 octets is 400", "GET", "/v1/status/corp/" + strings.Repeat("11", 65), 400, "malformed-serial"},
		{"a slash in a serial is no serial", "GET", "/v1/status/corp/0a%2f0b", 400, "malformed-serial"},
		{"control characters do not break the answer", "GET", "/v1/status/corp/%0d%0a%22", 400, "malformed-serial"},
		{"an unknown path is 404", "GET", "/v1/nothing", 404, "not-found"},
		{"a trailing slash is another path", "GET", "/v1/status/corp/0a/", 404, "not-found"},
		{"a doubled slash is another path", "GET", "/v1//status/corp/0a", 404, "not-found"},
		{"another method is 405", "PUT", "/v1/status/corp/0a", 405, "method-not-allowed"},
		{"a method HTTP does not know is 405", "BREW", "/v1/status/corp/0a", 405, "method-not-allowed"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			w := s.do(t, c.method, c.path, "")
			wantProblem(t, w, c.code, c.kind)
			if w.Body.Len() > 2000 {
				t.Errorf("an answer of %d octets echoes what was sent", w.Body.Len())
			}
		})
	}
	for path, want := range map[string]string{"/v1/status/corp/0a": "GET, HEAD", "/v1/status": "POST",
		"/v1/issuers/corp/revocations": "GET, HEAD, POST", "/v1/issuers/corp/revocations/0a": "DELETE"} {
		if got := s.do(t, "PATCH", path, "").Header().Get("Allow"); got != want {
			t.Errorf("Allow of %s is %q, want %q", path, got, want)
		}
	}
}

func TestStatusIsCachable(t *testing.T) {
	s := newServer(t, nil)
	first := s.do(t, "GET", "/v1/status/corp/0b", "")
	etag := first.Header().Get("Etag")
	if first.Header().Get("Cache-Control") != "max-age=30" || len(etag) != 34 {
		t.Fatalf("headers %v", first.Header())
	}
	for _, c := range []struct {
		fact, tag string
		code      int
	}{
		{"the same tag is 304", etag, 304},
		{"a weak form of the tag is 304", "W/" + etag, 304},
		{"one tag of a list is 304", `"x", ` + etag, 304},
		{"any tag is 304", "*", 304},
		{"another tag is 200", `"x"`, 200},
		{"half a tag is 200", etag[:20], 200},
	} {
		w := s.do(t, "GET", "/v1/status/corp/0b", "", header("If-None-Match: "+c.tag))
		if w.Code != c.code || w.Header().Get("Etag") != etag || (c.code == 304) != (w.Body.Len() == 0) {
			t.Errorf("%s: code %d, %d octets, ETag %s", c.fact, w.Code, w.Body.Len(), w.Header().Get("Etag"))
		}
	}
	s.stale = true
	w := s.do(t, "GET", "/v1/status/corp/0b", "", header("If-None-Match: "+etag))
	if o := decode[api.StatusObject](t, w, 200); o.Status != "unknown" || o.Because != "stale" || o.Fresh || o.TTL > 5 {
		t.Errorf("stale: %+v", o)
	}
	if o := decode[api.StatusObject](t, s.do(t, "GET", "/v1/status/corp/0a", ""), 200); o.Status != "revoked" || o.Fresh {
		t.Errorf("revoked under a stale CRL: %+v", o)
	}
}

func TestHeadAnswersAsGetWould(t *testing.T) {
	s := newServer(t, nil)
	w := s.do(t, "HEAD", "/v1/status/corp/0a", "")
	if w.Code != 200 || w.Header().Get("Etag") == "" {
		t.Errorf("code %d, headers %v", w.Code, w.Header())
	}
}

func TestPostStatusAnswersInOrder(t *testing.T) {
	s := newServer(t, nil)
	leaf, err := s.corp.Issue(pkitest.LeafOptions{Serial: big.NewInt(10)})
	if err != nil {
		t.Fatal(err)
	}
	forger, err := pkitest.NewCA(pkitest.CAOptions{Name: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := forger.Issue(pkitest.LeafOptions{Serial: big.NewInt(11)})
	if err != nil {
		t.Fatal(err)
	}
	pemOf := func(p *pkitest.Pair) string { return fmt.Sprintf("%q", pkitest.CertificatePEM(p.Certificate)) }
	rows := []struct{ fact, query, want string }{
		{"a listed serial is revoked", `{"issuer":"corp","serial":"0a"}`, "revoked crl 0a"},
		{"a serial not listed is good", `{"issuer":"corp","serial":"0b"}`, "good not_listed 0b"},
		{"an unknown issuer is unknown", `{"issuer":"<x>","serial":"0b"}`, "unknown unknown_issuer 0b"},
		{"a certificate is found by its signature", `{"certificate":` + pemOf(leaf) + `}`, "revoked crl 0a"},
		{"a certificate another key signed is unknown", `{"certificate":` + pemOf(forged) + `}`, "unknown unknown_issuer 0b"},
		{"a malformed serial is an error of its own", `{"issuer":"corp","serial":"zz"}`, "error malformed-serial"},
		{"a bad certificate is an error of its own", `{"certificate":"no"}`, "error malformed-certificate"},
		{"a private key is refused", `{"certificate":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}`, "error malformed-certificate"},
		{"a query without anything is an error of its own", `{}`, "error invalid-request"},
		{"a query with both is an error of its own", `{"issuer":"corp","serial":"0a","certificate":"x"}`, "error invalid-request"},
	}
	var queries []string
	for _, r := range rows {
		queries = append(queries, r.query)
	}
	body := `{"queries":[` + strings.Join(queries, ",\n") + `]}`
	results := decode[api.StatusResults](t, s.do(t, "POST", "/v1/status", body, jsonBody), 200).Results
	if len(results) != len(rows) {
		t.Fatalf("%d results for %d queries", len(results), len(rows))
	}
	for i, r := range results {
		got := fmt.Sprint(r.Status, " ", r.Because, " ", r.Serial)
		if r.Error != nil {
			got = "error " + strings.TrimPrefix(r.Error.Type, api.ProblemPrefix)
		}
		if got != rows[i].want {
			t.Errorf("%s: got %q, want %q", rows[i].fact, got, rows[i].want)
		}
	}
	if r := results[2]; r.Generation != 7 || r.Issuer != "<x>" || r.Evidence != nil {
		t.Errorf("unknown issuer: %+v", r)
	}
}

func TestPostStatusTakesOneCertificate(t *testing.T) {
	s := newServer(t, nil)
	leaf, err := s.corp.Issue(pkitest.LeafOptions{Serial: big.NewInt(10)})
	if err != nil {
		t.Fatal(err)
	}
	text := string(pkitest.CertificatePEM(leaf.Certificate))
	chain := text + string(pkitest.CertificatePEM(s.corp.Certificate))
	for _, c := range []struct{ fact, mediaType, body string }{
		{"DER", "application/pkix-cert", string(leaf.Certificate.Raw)},
		{"PEM", "application/x-pem-file", text},
		{"PEM after text, as openssl prints it", "text/plain; charset=utf-8", "subject=CN=leaf.test\n" + text},
		{"a chain, of which the first counts", "application/pem-certificate-chain", chain},
	} {
		o := decode[api.StatusObject](t, s.do(t, "POST", "/v1/status", c.body, header("Content-Type: "+c.mediaType)), 200)
		if o.Status != "revoked" || o.Issuer != "corp" || o.Serial != "0a" {
			t.Errorf("%s: %+v", c.fact, o)
		}
	}
}

func TestPostStatusRefuses(t *testing.T) {
	s := newServer(t, nil)
	one := `{"issuer":"corp","serial":"0a"}`
	key := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("secret")}))
	for _, c := range []struct {
		fact, mediaType, body string
		code                  int
		kind, location        string
	}{
		{"no body", "application/json", "", 400, "malformed-request", ""},
		{"no JSON", "application/json", "hello", 400, "malformed-request", "body"},
		{"JSON cut off", "application/json", `{"queries":[` + one, 400, "malformed-request", "body.queries"},
		{"JSON cut off in a query", "application/json", `{"queries":[` + one + `,{"iss`, 400, "malformed-request", "body.queries[1]"},
		{"an array", "application/json", `[` + one + `]`, 422, "invalid-request", "body"},
		{"no queries member", "application/json", `{}`, 422, "invalid-request", "body.queries"},
		{"no query", "application/json", `{"queries":[]}`, 422, "invalid-request", "body.queries"},
		{"queries null", "application/json", `{"queries":null}`, 422, "invalid-request", "body.queries"},
		{"an unknown member", "application/json", `{"query":[]}`, 422, "invalid-request", "body.query"},
		{"an unknown member of a query", "application/json", `{"queries":[` + one + `,{"serail":"0a"}]}`, 422, "invalid-request", "body.queries[1].serail"},
		{"a serial that is a number", "application/json", `{"queries":[{"issuer":"corp","serial":10}]}`, 422, "invalid-request", "body.queries[0].serial"},
		{"a query that is a string", "application/json", `{"queries":["0a"]}`, 422, "invalid-request", "body.queries[0]"},
		{"queries given twice", "application/json", `{"queries":[` + one + `],"queries":[` + one + `]}`, 422, "invalid-request", "body.queries"},
		{"something after the object", "application/json", `{"queries":[` + one + `]} {}`, 400, "malformed-request", "body"},
		{"10,001 queries", "application/json", `{"queries":[` + strings.Repeat(one+",", 10_000) + one + `]}`, 422, "invalid-request", "body.queries"},
		{"a query of 200 KiB", "application/json", `{"queries":[` + one + `,{"serial":"` + strings.Repeat("a", 200<<10) + `"}]}`, 413, "too-large", "body.queries[1]"},
		{"33 MiB", "application/json", `{"queries":[` + one + strings.Repeat(`,{"certificate":"`+strings.Repeat("a", 10_000)+`"}`, 3500) + `]}`, 413, "too-large", ""},
		{"a certificate of 300 KiB", "application/pkix-cert", strings.Repeat("0", 300<<10), 413, "too-large", ""},
		{"an empty certificate", "application/pkix-cert", "", 400, "malformed-certificate", ""},
		{"a certificate that is none", "application/pkix-cert", "0\x82hello", 400, "malformed-certificate", ""},
		{"a private key", "text/plain", key, 400, "malformed-certificate", ""},
		{"a form", "application/x-www-form-urlencoded", one, 415, "unsupported-media-type", ""},
		{"no media type", "", one, 415, "unsupported-media-type", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			var headers []header
			if c.mediaType != "" {
				headers = append(headers, header("Content-Type: "+c.mediaType))
			}
			w := s.do(t, "POST", "/v1/status", c.body, headers...)
			p := wantProblem(t, w, c.code, c.kind)
			if c.location != "" && (len(p.Faults) == 0 || p.Faults[0].Location != c.location || p.Faults[0].Message == "") {
				t.Errorf("faults %+v, want one at %s", p.Faults, c.location)
			}
			if strings.Contains(w.Body.String(), "secret") || w.Body.Len() > 2000 {
				t.Errorf("the answer echoes the body: %.200s", w.Body)
			}
		})
	}
	w := s.do(t, "POST", "/v1/status", "x", jsonBody, "Content-Encoding: gzip")
	wantProblem(t, w, 415, "unsupported-media-type")
}

func TestPostStatusTakesQueriesThatEndWhereABufferEnds(t *testing.T) {
	s := newServer(t, nil)
	one := `{"issuer":"corp","serial":"0a"}`
	for size := api.MaxQuerySize - 4; size <= api.MaxQuerySize+4; size++ {
		body := `{"queries":[` + strings.Repeat(one+",", 100) + one
		body += strings.Repeat(" ", size-len(body)) + "]}"
		if n := len(decode[api.StatusResults](t, s.do(t, "POST", "/v1/status", body, jsonBody), 200).Results); n != 101 {
			t.Errorf("%d results of a body of %d octets", n, len(body))
		}
	}
}

func TestPostStatusAnswersTenThousand(t *testing.T) {
	s := newServer(t, nil)
	var b strings.Builder
	for i := range api.MaxQueries {
		fmt.Fprintf(&b, `,{"issuer":"corp","serial":"%x"}`, i+1)
	}
	w := s.do(t, "POST", "/v1/status", `{"queries":[`+b.String()[1:]+`]}`, jsonBody)
	results := decode[api.StatusResults](t, w, 200).Results
	if len(results) != api.MaxQueries || results[9].Status != "revoked" || results[9_999].Serial != "2710" {
		t.Errorf("%d results, tenth %+v", len(results), results[9])
	}
}

func BenchmarkGetStatus(b *testing.B) {
	s := newServer(b, func(o *api.Options) { o.Source = fixedSource{crl: newWorld(b).crl} })
	h := s.api.Handler()
	r := httptest.NewRequest("GET", "/v1/status/corp/0a1b2c3d4e5f60718293a4b5c6d7e8f9", nil)
	w := &discard{header: map[string][]string{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// fixedSource knows one answer; about certificates it is not asked.
type fixedSource struct {
	api.Source
	crl *revocation.CRLInfo
}

func (s fixedSource) Status(revocation.IssuerID, revocation.Serial, time.Time) revocation.CertStatus {
	return revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, ThisUpdate: s.crl.ThisUpdate,
		NextUpdate: s.crl.NextUpdate, ValidUntil: s.crl.NextUpdate, Fresh: true, Source: revocation.SourceCRL, CRL: s.crl,
		URL: s.crl.URL, Generation: 88123}
}

// TestACertificateIsAskedForAsItIs: what the certificate is, and not only its serial, decides which CRLs speak of it.
func TestACertificateIsAskedForAsItIs(t *testing.T) {
	s := newServer(t, nil)
	sub, err := pkitest.NewCA(pkitest.CAOptions{Name: "sub", Parent: s.corp})
	if err != nil {
		t.Fatal(err)
	}
	text := string(pkitest.CertificatePEM(sub.Certificate))
	if o := decode[api.StatusObject](t, s.do(t, "POST", "/v1/status", text, "Content-Type: application/x-pem-file"), 200); o.Because != "out_of_scope" {
		t.Errorf("bare: %+v", o)
	}
	body, err := json.Marshal(api.StatusQueries{Queries: []api.StatusQuery{{Certificate: text}}})
	if err != nil {
		t.Fatal(err)
	}
	if r := decode[api.StatusResults](t, s.do(t, "POST", "/v1/status", string(body), jsonBody), 200); r.Results[0].Because != "out_of_scope" {
		t.Errorf("among queries: %+v", r)
	}
}
