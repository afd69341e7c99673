package verify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// requestSpec is a signed request to be made; certificates are those it carries.
type requestSpec struct {
	name         []byte // GeneralName; nil for none
	key          crypto.Signer
	certificates []*x509.Certificate
	garble       bool
}

func directoryName(c *x509.Certificate) []byte { return tlv(0xa4, c.RawSubject) }

// signRequest asks for serial 1 of a CA, signed with a P-256 key.
func signRequest(t *testing.T, ca *pkitest.CA, spec requestSpec) *ocspder.Request {
	t.Helper()
	id := mustHave(ocspder.CertIDFor(crypto.SHA256, ca.Certificate, "\x01"))
	tbs := seq(seq(seq(id.Raw)))
	if spec.name != nil {
		tbs = seq(tlv(0xa1, spec.name), seq(seq(id.Raw)))
	}
	digest := sha256.Sum256(tbs)
	if spec.garble {
		digest[0] ^= 1
	}
	signature := mustHave(spec.key.Sign(rand.Reader, digest[:], crypto.SHA256))
	parts := [][]byte{seq(raw("0608 2a8648ce3d040302")), tlv(3, []byte{0}, signature)}
	if len(spec.certificates) > 0 {
		var list [][]byte
		for _, c := range spec.certificates {
			list = append(list, c.Raw)
		}
		parts = append(parts, tlv(0xa0, seq(list...)))
	}
	return mustHave(ocspder.ParseRequest(seq(tbs, tlv(0xa0, seq(parts...)))))
}

func TestSignedRequests(t *testing.T) {
	ca := mustHave(pkitest.NewCA(pkitest.CAOptions{}))
	clients := mustHave(pkitest.NewCA(pkitest.CAOptions{Name: "Clients"}))
	middle := mustHave(pkitest.NewCA(pkitest.CAOptions{Name: "Middle", Parent: clients}))
	client := mustHave(clients.Issue(pkitest.LeafOptions{Name: "client.test"}))
	below := mustHave(middle.Issue(pkitest.LeafOptions{}))
	expired := mustHave(clients.Issue(pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)}))
	stranger := mustHave(ca.Issue(pkitest.LeafOptions{Name: "client.test"}))
	usage := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: raw("03020520")} // keyEncipherment
	encipherer := mustHave(clients.Issue(pkitest.LeafOptions{Extensions: []pkix.Extension{usage}}))
	dns := tlv(0x82, []byte("client.test"))

	carry := func(list ...*x509.Certificate) []*x509.Certificate { return list }
	of := func(p *pkitest.Pair) requestSpec {
		return requestSpec{name: directoryName(p.Certificate), key: p.Key, certificates: carry(p.Certificate)}
	}
	with := func(s requestSpec, change func(*requestSpec)) requestSpec { change(&s); return s }
	for name, row := range map[string]struct {
		spec  requestSpec
		roots []*x509.Certificate
		rule  string // "" when it is believed
	}{
		"named by its subject":                   {of(client), carry(clients.Certificate), ""},
		"named by its DNS name":                  {with(of(client), func(s *requestSpec) { s.name = dns }), carry(clients.Certificate), ""},
		"the second certificate it carries":      {with(of(client), func(s *requestSpec) { s.certificates = carry(stranger.Certificate, client.Certificate) }), carry(clients.Certificate), ""},
		"by an intermediate it carries":          {with(of(below), func(s *requestSpec) { s.certificates = carry(below.Certificate, middle.Certificate) }), carry(clients.Certificate), ""},
		"configured itself and not carried":      {with(of(client), func(s *requestSpec) { s.certificates = nil }), carry(client.Certificate), ""},
		"without the intermediate":               {of(below), carry(clients.Certificate), "path"},
		"of a CA that is not configured":         {of(stranger), carry(clients.Certificate), "path"},
		"expired":                                {of(expired), carry(clients.Certificate), "path"},
		"expired, although configured itself":    {of(expired), carry(expired.Certificate), "path"},
		"a key that may not sign":                {of(encipherer), carry(clients.Certificate), "usage"},
		"a signature over something else":        {with(of(client), func(s *requestSpec) { s.garble = true }), carry(clients.Certificate), "signature"},
		"a signature of another key":             {with(of(client), func(s *requestSpec) { s.key = below.Key }), carry(clients.Certificate), "signature"},
		"without requestorName":                  {with(of(client), func(s *requestSpec) { s.name = nil }), carry(clients.Certificate), "requestor"},
		"another's name":                         {with(of(client), func(s *requestSpec) { s.name = directoryName(ca.Certificate) }), carry(clients.Certificate), "requestor"},
		"another DNS name":                       {with(of(client), func(s *requestSpec) { s.name = tlv(0x82, []byte("other.test")) }), carry(clients.Certificate), "requestor"},
		"neither carried nor configured":         {with(of(client), func(s *requestSpec) { s.certificates = nil }), carry(clients.Certificate), "requestor"},
		"by no CA, because none is configured":   {of(client), nil, "path"},
		"by a name that another certificate has": {with(of(client), func(s *requestSpec) { s.certificates = carry(stranger.Certificate) }), carry(clients.Certificate), "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := verify.OCSPRequest(signRequest(t, ca, row.spec), row.roots, time.Now())
			if rule := revocation.RuleOf(err, ""); rule != row.rule || (err == nil) != (row.rule == "") {
				t.Fatalf("got %v, want rule %q", err, row.rule)
			}
			if err == nil && !slices.ContainsFunc(row.roots, path[len(path)-1].Equal) {
				t.Errorf("the path ends with %v", path[len(path)-1].Subject)
			}
		})
	}
	id := mustHave(ocspder.CertIDFor(crypto.SHA256, ca.Certificate, "\x01"))
	plain := mustHave(ocspder.ParseRequest(mustHave(ocspder.EncodeRequest([]ocspder.CertID{id}, nil))))
	if _, err := verify.OCSPRequest(plain, carry(clients.Certificate), time.Now()); revocation.RuleOf(err, "") != "unsigned" {
		t.Errorf("an unsigned request: %v", err)
	}
}

// TestAWSSignedRequests has the 18 rows of aws-lc, whose flags are OpenSSL's: NOINTERN leaves the carried certificates out of
// account, NOVERIFY asks for a right signature alone and TRUSTOTHER takes the other certificate at its word. The certificate
// that is called expired was valid for one second; OpenSSL does not look at that with the last two flags, and veto always does.
func TestAWSSignedRequests(t *testing.T) {
	dir := corpus(t, "aws-lc-ocsp")
	var table struct {
		Requests []struct {
			File, Flags, Verify string
			Other               bool `json:"requires_other_cert"`
		} `json:"signed_requests"`
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &table)
	ca, other := pemCertificate(t, filepath.Join(dir, "ca_cert.pem")), pemCertificate(t, filepath.Join(dir, "ocsp_expired_cert.pem"))
	for _, row := range table.Requests {
		q := mustHave(ocspder.ParseRequest(mustHave(os.ReadFile(filepath.Join(dir, row.File)))))
		now, roots := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), []*x509.Certificate{ca}
		switch {
		case q.Signature == nil:
		case row.Flags == "OCSP_NOINTERN":
			q.Signature.Certificates = nil
		case row.Flags == "OCSP_NOVERIFY":
			now = other.NotBefore
			fallthrough
		case row.Other && row.Flags == "0":
			if row.Other {
				q.Signature.Certificates = append(q.Signature.Certificates, other.Raw)
			}
		case row.Other && row.Flags == "OCSP_TRUSTOTHER":
			if len(q.Signature.Certificates) == 0 { // OpenSSL takes a certificate that is carried first
				now = other.NotBefore
			}
			roots = append(roots, other)
		}
		_, err := verify.OCSPRequest(q, roots, now)
		if (err == nil) != (row.Verify == "ok") {
			t.Errorf("%s, flags %s, other certificate %t: %v, want %s", row.File, row.Flags, row.Other, err, row.Verify)
		}
	}
	if len(table.Requests) != 18 {
		t.Errorf("%d rows, want 18", len(table.Requests))
	}
	for _, file := range []string{"ocsp_request_signed_sha256.der", "ocsp_request_attached_cert.der"} {
		q := mustHave(ocspder.ParseRequest(mustHave(os.ReadFile(filepath.Join(dir, file)))))
		if _, err := verify.OCSPRequest(q, []*x509.Certificate{ca}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
