package api_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// anywhere lets httptest's caller in, whose address is 192.0.2.1.
var anywhere = api.Callers{CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}

// profile is one that reads base64 from X-Client-Cert.
func profile(change func(*api.Profile)) api.Profile {
	p := api.Profile{Name: "edge", Header: certheader.Options{Format: certheader.Caddy}, Callers: anywhere, TTL: time.Minute}
	if change != nil {
		change(&p)
	}
	return p
}

func (s *server) profiles(t testing.TB, list ...api.Profile) {
	t.Helper()
	if err := s.api.SetProfiles(list); err != nil {
		t.Fatal(err)
	}
}

// asks sends a gateway's question with a certificate.
func (s *server) asks(t testing.TB, c *x509.Certificate, headers ...header) *httptest.ResponseRecorder {
	t.Helper()
	if c != nil {
		headers = append(headers, header("X-Client-Cert: "+base64.StdEncoding.EncodeToString(c.Raw)))
	}
	return s.do(t, "GET", "/v1/authz/edge", "", headers...)
}

// wantAnswer checks code, decision and reason, and what holds for every answer to a gateway.
func wantAnswer(t testing.TB, fact string, w *httptest.ResponseRecorder, code int, decision, reason string) {
	t.Helper()
	h := w.Header()
	if w.Code != code || h.Get("X-Veto-Decision") != decision || h.Get("X-Veto-Reason") != reason {
		t.Errorf("%s: %d %s %s, want %d %s %s", fact, w.Code, h.Get("X-Veto-Decision"), h.Get("X-Veto-Reason"), code, decision, reason)
	}
	if h.Get("Vary") == "" || h.Get("Cache-Control") == "" {
		t.Errorf("%s: caches are not told what the answer depends on: %v", fact, h)
	}
	if code == 401 && h.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without a challenge", fact)
	}
}

func TestAuthzByPolicy(t *testing.T) {
	s := newServer(t, nil)
	strict, soft, report := revocation.Presets()["strict"], revocation.Presets()["soft"], revocation.Presets()["report"]
	fails, off := strict, strict
	fails.Indeterminate, off.Mode = revocation.Fail, revocation.Off
	stranger, err := pkitest.NewCA(pkitest.CAOptions{Name: "stranger"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := stranger.Issue(pkitest.LeafOptions{Serial: big.NewInt(11)})
	if err != nil {
		t.Fatal(err)
	}
	good, revoked := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{}), s.peerCertificate(t, 0x0a, pkitest.LeafOptions{})
	expired := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)})
	early := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{NotBefore: time.Now().Add(time.Hour)})
	type answer struct {
		code             int
		decision, reason string
	}
	for _, row := range []struct {
		fact                             string
		cert                             *x509.Certificate
		stale                            bool
		strict, soft, report, fails, off answer
	}{
		{"good", good, false, answer{200, "allow", "not_listed"}, answer{200, "allow", "not_listed"}, answer{200, "allow", "not_listed"}, answer{200, "allow", "not_listed"}, answer{200, "allow-degraded", "off"}},
		{"revoked", revoked, false, answer{403, "deny", "keyCompromise"}, answer{403, "deny", "keyCompromise"}, answer{200, "would-deny", "keyCompromise"}, answer{403, "deny", "keyCompromise"}, answer{200, "allow-degraded", "off"}},
		{"revoked by a stale CRL", revoked, true, answer{403, "deny", "keyCompromise"}, answer{403, "deny", "keyCompromise"}, answer{200, "would-deny", "keyCompromise"}, answer{403, "deny", "keyCompromise"}, answer{200, "allow-degraded", "off"}},
		{"stale", good, true, answer{403, "deny", "stale"}, answer{200, "allow-degraded", "stale"}, answer{200, "would-deny", "stale"}, answer{503, "error", "stale"}, answer{200, "allow-degraded", "off"}},
		{"of an unknown issuer", foreign.Certificate, false, answer{403, "deny", "unknown_issuer"}, answer{200, "allow-degraded", "unknown_issuer"}, answer{200, "would-deny", "unknown_issuer"}, answer{403, "deny", "unknown_issuer"}, answer{200, "allow-degraded", "off"}},
		{"expired", expired, false, answer{403, "deny", "expired"}, answer{403, "deny", "expired"}, answer{200, "would-deny", "expired"}, answer{403, "deny", "expired"}, answer{200, "allow-degraded", "off"}},
		{"not yet valid", early, false, answer{403, "deny", "not-yet-valid"}, answer{403, "deny", "not-yet-valid"}, answer{200, "would-deny", "not-yet-valid"}, answer{403, "deny", "not-yet-valid"}, answer{200, "allow-degraded", "off"}},
		{"no certificate", nil, false, answer{401, "deny", "no-certificate"}, answer{401, "deny", "no-certificate"}, answer{200, "would-deny", "no-certificate"}, answer{401, "deny", "no-certificate"}, answer{200, "allow-degraded", "off"}},
	} {
		for name, one := range map[string]struct {
			policy revocation.Policy
			want   answer
		}{"strict": {strict, row.strict}, "soft": {soft, row.soft}, "report": {report, row.report}, "indeterminate: error": {fails, row.fails}, "off": {off, row.off}} {
			s.profiles(t, profile(func(p *api.Profile) { p.Policy = one.policy }))
			s.stale = row.stale
			for _, again := range []string{"", ", from the cache"} {
				wantAnswer(t, row.fact+" under "+name+again, s.asks(t, row.cert), one.want.code, one.want.decision, one.want.reason)
			}
		}
	}
}

func TestAuthzSaysWhatItRestsOn(t *testing.T) {
	s := newServer(t, nil)
	s.profiles(t, profile(nil))
	h := s.asks(t, s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})).Header()
	for name, want := range map[string]string{"X-Veto-Status": "good", "X-Veto-Serial": "0b", "X-Veto-Issuer": "corp", "X-Veto-Generation": "7",
		"Cache-Control": "max-age=60", "Vary": "X-Client-Cert"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	brief := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{NotAfter: time.Now().Add(20 * time.Second)})
	if got := s.asks(t, brief).Header().Get("Cache-Control"); got != "max-age=19" && got != "max-age=18" {
		t.Errorf("a certificate that expires in 20 seconds may be kept: %s", got)
	}
	if got := s.asks(t, nil).Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("no certificate may be kept: %s", got)
	}
}

// TestAuthzTakesAnyMethodAndPath: gateways pass on those of their clients.
func TestAuthzTakesAnyMethodAndPath(t *testing.T) {
	s := newServer(t, nil)
	s.profiles(t, profile(nil))
	c := header("X-Client-Cert: " + base64.StdEncoding.EncodeToString(s.peerCertificate(t, 0x0b, pkitest.LeafOptions{}).Raw))
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "BREW"} {
		for _, path := range []string{"", "/", "/any/path", "/a%2Fb//c?query=1", "/../x"} {
			if w := s.do(t, method, "/v1/authz/edge"+path, "a body that nobody reads", c); w.Code != 200 {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	wantProblem(t, s.do(t, "GET", "/v1/authz/other", "", c), 404, "not-found")
	wantProblem(t, s.do(t, "GET", "/v1/authz/", "", c), 404, "not-found")
	wantProblem(t, s.do(t, "GET", "/v1/authz", "", c), 404, "not-found")
}

func TestAuthzAsksWhoAsks(t *testing.T) {
	s := newServer(t, nil)
	good := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	gatewayCert := s.peerCertificate(t, 0x0c, pkitest.LeafOptions{Name: "gw.test"})
	revokedGateway := s.peerCertificate(t, 0x0a, pkitest.LeafOptions{Name: "gw.test"})
	dns, err := verify.NewIdentity(verify.IdentityDNS, "gw.test")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	const token = "a-token-for-the-edge"
	for _, row := range []struct {
		fact    string
		callers api.Callers
		client  *x509.Certificate // the caller's own
		headers []header
		allowed bool
	}{
		{"nobody is named", api.Callers{}, nil, nil, false},
		{"its address", anywhere, nil, nil, true},
		{"another address", api.Callers{CIDRs: elsewhere}, nil, nil, false},
		{"its token", api.Callers{Token: token}, nil, []header{"X-Veto-Token: " + token}, true},
		{"its token as Bearer", api.Callers{Token: token}, nil, []header{"Authorization: Bearer " + token}, true},
		{"its token, and what its client sent", api.Callers{Token: token}, nil, []header{"X-Veto-Token: " + token, "Authorization: Bearer other"}, true},
		{"no token", api.Callers{Token: token}, nil, nil, false},
		{"another token", api.Callers{Token: token}, nil, []header{"X-Veto-Token: another-token-altogether"}, false},
		{"two tokens", api.Callers{Token: token}, nil, []header{"X-Veto-Token: " + token, "X-Veto-Token: x"}, false},
		{"its token from another address", api.Callers{Token: token, CIDRs: elsewhere}, nil, []header{"X-Veto-Token: " + token}, false},
		{"its certificate", api.Callers{Certificates: []verify.Identity{dns}}, gatewayCert, nil, true},
		{"another's certificate", api.Callers{Certificates: []verify.Identity{dns}}, good, nil, false},
		{"a revoked certificate of its", api.Callers{Certificates: []verify.Identity{dns}}, revokedGateway, nil, false},
		{"no certificate of its", api.Callers{Certificates: []verify.Identity{dns}}, nil, nil, false},
	} {
		for _, policy := range []string{"strict", "report"} {
			s.profiles(t, profile(func(p *api.Profile) { p.Callers, p.Policy = row.callers, revocation.Presets()[policy] }))
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/authz/edge", nil)
			r.Header.Set("X-Client-Cert", base64.StdEncoding.EncodeToString(good.Raw))
			for _, h := range row.headers {
				name, value, _ := strings.Cut(string(h), ": ")
				r.Header.Add(name, value)
			}
			if row.client != nil {
				r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{row.client, s.corp.Certificate}}}
			}
			w := httptest.NewRecorder()
			s.api.Handler().ServeHTTP(w, r)
			if row.allowed {
				wantAnswer(t, row.fact+" under "+policy, w, 200, "allow", "not_listed")
			} else {
				wantAnswer(t, row.fact+" under "+policy, w, 403, "deny", "untrusted-caller")
			}
		}
	}
}

// TestAForgedHeaderNeverAllows: whatever is wrong with the header, strict denies.
func TestAForgedHeaderNeverAllows(t *testing.T) {
	s := newServer(t, nil)
	s.profiles(t, profile(func(p *api.Profile) { p.Header = certheader.Options{Format: certheader.NginxEscaped} }))
	good := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	escape := func(c []byte) string {
		return strings.ReplaceAll(url.QueryEscape(string(pkitest.CertificatePEM(&x509.Certificate{Raw: c}))), "+", "%20")
	}
	text := escape(good.Raw)
	line := strings.LastIndex(text[:len(text)/2], "%0A") // what is cut elsewhere may end in the middle of an escape
	forged := bytes.Clone(good.Raw)
	forged[len(forged)-1] ^= 1
	wantAnswer(t, "as it should be", s.do(t, "GET", "/v1/authz/edge", "", header("X-SSL-Client-Cert: "+text)), 200, "allow", "not_listed")
	for _, row := range []struct {
		fact, reason string
		lines        []string
	}{
		{"forged", "unknown_issuer", []string{escape(forged)}},
		{"cut off", "pem", []string{strings.TrimSuffix(text, "CERTIFICATE-----%0A")}},
		{"cut off in the middle", "pem", []string{text[:line]}},
		{"cut off in an escape", "escape", []string{text[:line+2]}},
		{"twice", "duplicate", []string{text, text}},
		{"once more by the client", "duplicate", []string{text, "x"}},
		{"too long", "too-long", []string{strings.Repeat(text, 200)}},
		{"wrongly escaped", "escape", []string{strings.ReplaceAll(text, "%20", "+")}},
		{"not escaped", "escape", []string{string(pkitest.CertificatePEM(good))}},
		{"escaped twice", "pem", []string{url.QueryEscape(text)}},
		{"of another format", "escape", []string{":" + base64.StdEncoding.EncodeToString(good.Raw) + ":"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/authz/edge", nil)
		r.Header["X-Ssl-Client-Cert"] = row.lines
		w := httptest.NewRecorder()
		s.api.Handler().ServeHTTP(w, r)
		wantAnswer(t, row.fact, w, 403, "deny", row.reason)
	}
	wantAnswer(t, "under another name", s.do(t, "GET", "/v1/authz/edge", "", header("X-Client-Cert: "+text)), 401, "deny", "no-certificate")
}

// TestAuthzSeesARevocationAtOnce: what is cached of a certificate is not its status.
func TestAuthzSeesARevocationAtOnce(t *testing.T) {
	s := newServer(t, nil)
	s.profiles(t, profile(nil))
	c := s.peerCertificate(t, 0x0c, pkitest.LeafOptions{})
	wantAnswer(t, "before", s.asks(t, c), 200, "allow", "not_listed")
	s.revoke(t, `{"serial":"0c","reason":"superseded"}`)
	wantAnswer(t, "after", s.asks(t, c), 403, "deny", "superseded")
}

func TestAuthzJudgesTheChain(t *testing.T) {
	s := newServer(t, nil)
	sub, err := pkitest.NewCA(pkitest.CAOptions{Name: "sub", Parent: s.corp, Change: func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0x0c) }})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := sub.Issue(pkitest.LeafOptions{Serial: big.NewInt(0x77)})
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Certificate
	junk := s.peerCertificate(t, 0x0a, pkitest.LeafOptions{Name: "junk.test"}) // revoked, and not of this path
	binary := func(c *x509.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":" }
	ask := func(rest ...*x509.Certificate) *httptest.ResponseRecorder {
		headers := []header{header("Client-Cert: " + binary(leaf))}
		for _, c := range rest {
			headers = append(headers, header("Client-Cert-Chain: "+binary(c)))
		}
		return s.do(t, "GET", "/v1/authz/edge", "", headers...)
	}
	format := certheader.Options{Format: certheader.RFC9440}
	roots := &api.TrustSet{Name: "corp", Roots: []*x509.Certificate{s.corp.Certificate}}
	// The subordinate CA is not among the issuers, so its own leaf is unknown; what is above it counts by depth.
	soft := revocation.Presets()["soft"]
	softChain := soft
	softChain.Depth = revocation.Chain
	s.profiles(t, profile(func(p *api.Profile) { p.Header, p.Policy = format, softChain }))
	wantAnswer(t, "a chain in order", ask(sub.Certificate, s.corp.Certificate), 200, "allow-degraded", "unknown_issuer")
	wantAnswer(t, "with something else in it", ask(junk, s.corp.Certificate, sub.Certificate), 200, "allow-degraded", "unknown_issuer")
	s.revoke(t, `{"serial":"0c","reason":"cACompromise"}`)
	wantAnswer(t, "a revoked CA", ask(sub.Certificate), 403, "deny", "cACompromise")
	wantAnswer(t, "a revoked CA in any order", ask(s.corp.Certificate, junk, sub.Certificate), 403, "deny", "cACompromise")
	s.profiles(t, profile(func(p *api.Profile) { p.Header, p.Policy = format, soft }))
	wantAnswer(t, "a revoked CA, and only the leaf counts", ask(sub.Certificate), 200, "allow-degraded", "unknown_issuer")
	s.profiles(t, profile(func(p *api.Profile) { p.Header, p.Policy, p.Trust = format, softChain, roots }))
	wantAnswer(t, "a revoked CA on the path to the roots", ask(sub.Certificate), 403, "deny", "cACompromise")
	wantAnswer(t, "without the CA there is no path", ask(), 403, "deny", "anchor")
	known := *roots
	known.Intermediates = []*x509.Certificate{sub.Certificate}
	s.profiles(t, profile(func(p *api.Profile) { p.Header, p.Policy, p.Trust = format, softChain, &known }))
	wantAnswer(t, "the CA is configured, and revoked", ask(), 403, "deny", "cACompromise")
}

func TestAuthzWithRootsChecksThePeer(t *testing.T) {
	s := newServer(t, nil)
	dns, err := verify.NewIdentity(verify.IdentityDNS, "*.clients.test")
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(o pkitest.LeafOptions) *x509.Certificate {
		if o.Name == "" {
			o.Name = "a.clients.test"
		}
		return s.peerCertificate(t, 0x0b, o)
	}
	forged := bytes.Clone(leaf(pkitest.LeafOptions{}).Raw)
	forged[len(forged)-1] ^= 1
	bad, err := x509.ParseCertificate(forged)
	if err != nil {
		t.Fatal(err)
	}
	roots := &api.TrustSet{Roots: []*x509.Certificate{s.corp.Certificate}}
	for _, trust := range []*api.TrustSet{nil, roots} {
		s.profiles(t, profile(func(p *api.Profile) { p.Trust, p.Identities = trust, []verify.Identity{dns} }))
		wantAnswer(t, "all is well", s.asks(t, leaf(pkitest.LeafOptions{})), 200, "allow", "not_listed")
		wantAnswer(t, "somebody else", s.asks(t, leaf(pkitest.LeafOptions{Name: "a.other.test"})), 403, "deny", "identity")
		wantAnswer(t, "expired", s.asks(t, leaf(pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)})), 403, "deny", "expired")
		if trust == nil {
			wantAnswer(t, "forged", s.asks(t, bad), 403, "deny", "unknown_issuer")
			continue
		}
		wantAnswer(t, "forged", s.asks(t, bad), 403, "deny", "signature")
		wantAnswer(t, "a server's certificate", s.asks(t, leaf(pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})), 403, "deny", "extended-key-usage")
	}
}

func TestAuthzBySerial(t *testing.T) {
	s := newServer(t, nil)
	issuers := s.issuers()
	corp, home := issuers[0], issuers[1]
	twin := home
	twin.ID = revocation.IssuerID{1}
	s.profiles(t, profile(func(p *api.Profile) {
		p.Header = certheader.Options{Format: certheader.Serial, Radix: certheader.Hex}
		p.Issuers = map[string][]revocation.Issuer{"CN=corp,O=veto": {corp}, "CN=home,O=veto": {home}, "CN=twins": {corp, twin}, "CN=both": {corp, home}}
	}))
	for _, row := range []struct {
		fact, serial, issuer string
		code                 int
		decision, reason     string
	}{
		{"good", "0B", "CN=corp,O=veto", 200, "allow", "not_listed"},
		{"revoked", "0A", "CN=corp,O=veto", 403, "deny", "keyCompromise"},
		{"of another issuer", "0A", "CN=home,O=veto", 200, "allow", "not_listed"},
		{"of an issuer that is not named", "0B", "O=veto,CN=corp", 403, "deny", "unknown_issuer"},
		{"of two issuers of one name, revoked by one", "0A", "CN=twins", 403, "deny", "keyCompromise"},
		{"of two keys of one name, of which one is not configured", "0B", "CN=twins", 403, "deny", "unknown_issuer"},
		{"of two keys of one name, good by both", "0B", "CN=both", 200, "allow", "not_listed"},
		{"of no issuer", "0B", "", 403, "deny", "issuer"},
		{"no number", "xyz", "CN=corp,O=veto", 403, "deny", "serial"},
		{"nothing", "", "", 401, "deny", "no-certificate"},
	} {
		w := s.do(t, "GET", "/v1/authz/edge", "", header("X-SSL-Client-Serial: "+row.serial), header("X-SSL-Client-Issuer: "+row.issuer))
		wantAnswer(t, row.fact, w, row.code, row.decision, row.reason)
	}
	s.profiles(t, profile(func(p *api.Profile) {
		p.Header = certheader.Options{Format: certheader.Serial, Radix: certheader.Decimal, NoName: true}
		p.Issuers = map[string][]revocation.Issuer{"": {corp}}
	}))
	wantAnswer(t, "ten in decimal is 0a in hex", s.do(t, "GET", "/v1/authz/edge", "", header("X-SSL-Client-Serial: 10")), 403, "deny", "keyCompromise")
}

// TestWhatIsAllowedWithoutBeingGoodIsCountedAndLogged: invariant of decision.md, policy.
func TestWhatIsAllowedWithoutBeingGoodIsCountedAndLogged(t *testing.T) {
	metrics, registry := api.NewMetrics(), prometheus.NewRegistry()
	registry.MustRegister(metrics.Collectors()...)
	s := newServer(t, func(o *api.Options) { o.Metrics, o.Gatherer = metrics, registry })
	s.profiles(t, profile(func(p *api.Profile) { p.Policy = revocation.Presets()["soft"] }))
	s.stale = true
	good := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	s.asks(t, good)
	s.stale = false
	s.asks(t, good)
	s.profiles(t, profile(func(p *api.Profile) { p.Policy = revocation.Presets()["report"] }))
	s.asks(t, nil)
	text := s.do(t, "GET", "/metrics", "").Body.String()
	for _, line := range []string{
		`veto_api_gateway_answers_total{decision="allow",profile="edge",reason="not_listed"} 1`,
		`veto_api_gateway_answers_total{decision="allow-degraded",profile="edge",reason="stale"} 1`,
		`veto_api_gateway_answers_total{decision="would-deny",profile="edge",reason="no-certificate"} 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	for _, line := range []string{"decision=allow-degraded status=unknown reason=stale issuer=corp serial=0b", "decision=would-deny"} {
		if !strings.Contains(s.log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, s.log)
		}
	}
}

func (failing) JudgedStatus(revocation.IssuerID, *verify.Judged, time.Time) revocation.CertStatus {
	panic("a fault of ours")
}

// failing is a source that panics: a failure of ours.
type failing struct{ api.Source }

func (failing) Status(revocation.IssuerID, revocation.Serial, time.Time) revocation.CertStatus {
	panic("a fault of ours")
}

// TestAFailureOfOursIsUndetermined: it takes the path of a network that is out of reach (vault#25982).
func TestAFailureOfOursIsUndetermined(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.Source = failing{} })
	c := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	fails := revocation.Policy{Indeterminate: revocation.Fail}
	for _, row := range []struct {
		policy   revocation.Policy
		code     int
		decision string
	}{{revocation.Policy{}, 403, "deny"}, {revocation.Presets()["soft"], 200, "allow-degraded"}, {fails, 503, "error"}} {
		s.profiles(t, profile(func(p *api.Profile) { p.Policy = row.policy }))
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/authz/edge", nil)
		r.Header.Set("X-Client-Cert", base64.StdEncoding.EncodeToString(c.Raw))
		w := httptest.NewRecorder()
		s.api.Handler().ServeHTTP(w, r)
		wantAnswer(t, row.decision, w, row.code, row.decision, "internal")
	}
}

func BenchmarkAuthz(b *testing.B) {
	s := newServer(b, nil)
	s.profiles(b, profile(nil))
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/v1/authz/edge", nil)
	r.Header.Set("X-Client-Cert", base64.StdEncoding.EncodeToString(s.peerCertificate(b, 0x0b, pkitest.LeafOptions{}).Raw))
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.api.Handler().ServeHTTP(w, r)
	}
}
