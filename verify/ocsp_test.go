package verify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// ocspCase is a response in the making: a change breaks one thing of a good one.
type ocspCase struct {
	now         time.Time
	ca          *pkitest.CA
	signer      crypto.Signer
	certificate *x509.Certificate // of the signer
	carried     []byte            // DER sent along
	data        ocspder.ResponseData
	algorithm   string // hex of the AlgorithmIdentifier
	hash        crypto.Hash
	options     verify.OCSPOptions
	serial      revocation.Serial
	after       func(*ocspder.Response)
}

const (
	ecdsaSHA256 = "300a06082a8648ce3d040302"
	ecdsaSHA1   = "300906072a8648ce3d0401"
	rsaPSS      = "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
)

func newOCSPCase(now time.Time) *ocspCase {
	ca := mustHave(pkitest.NewCA(pkitest.CAOptions{}))
	delegate := mustHave(ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	c := &ocspCase{now: now, ca: ca, algorithm: ecdsaSHA256, hash: crypto.SHA256, serial: "\x2a"}
	c.data = ocspder.ResponseData{ProducedAt: now, Singles: []ocspder.SingleResponse{c.single(revocation.Good)}}
	c.signBy(delegate.Certificate, delegate.Key)
	c.carried = delegate.Certificate.Raw
	return c
}

func (c *ocspCase) single(status revocation.Status) ocspder.SingleResponse {
	s := ocspder.SingleResponse{CertID: mustHave(ocspder.CertIDFor(crypto.SHA256, c.ca.Certificate, c.serial)), Status: status,
		ThisUpdate: c.now.Add(-time.Hour), NextUpdate: c.now.Add(time.Hour)}
	if status == revocation.Revoked {
		s.RevokedAt, s.Reason = c.now.Add(-2*time.Hour), revocation.KeyCompromise
	}
	return s
}

func (c *ocspCase) signBy(certificate *x509.Certificate, key crypto.Signer) {
	c.certificate, c.signer, c.carried = certificate, key, certificate.Raw
	c.data.ResponderKeyHash = mustHave(ocspder.KeyHash(certificate))
}

// delegate signs by a new delegate of ca.
func (c *ocspCase) delegate(ca *pkitest.CA, o pkitest.LeafOptions) {
	pair := mustHave(ca.IssueOCSPSigner(o))
	c.signBy(pair.Certificate, pair.Key)
}

func (c *ocspCase) verify(t *testing.T) (*verify.OCSPAnswer, error) {
	t.Helper()
	tbs := ocspder.AppendTBS(nil, &c.data)
	var options crypto.SignerOpts = c.hash
	if c.algorithm == rsaPSS {
		options = &rsa.PSSOptions{SaltLength: 32, Hash: c.hash}
	}
	octets := tbs
	if c.hash != 0 {
		h := c.hash.New()
		h.Write(tbs)
		octets = h.Sum(nil)
	}
	signature := mustHave(c.signer.Sign(rand.Reader, octets, options))
	der := ocspder.Assemble(tbs, mustHave(hex.DecodeString(c.algorithm)), signature, c.carried)
	resp := mustHave(ocspder.ParseResponse(der))
	if c.after != nil {
		c.after(resp)
	}
	return verify.OCSP(resp, c.ca.Certificate, c.serial, c.now, c.options)
}

func TestOCSPRefuses(t *testing.T) {
	other := mustHave(pkitest.NewCA(pkitest.CAOptions{}))
	nonce := []byte(strings.Repeat("n", 32))
	for name, row := range map[string]struct {
		change func(*ocspCase)
		rule   string
	}{
		"an error":                         {func(c *ocspCase) { c.after = func(r *ocspder.Response) { r.Status = ocspder.TryLater } }, "status"},
		"an answer for another serial":     {func(c *ocspCase) { c.serial = "\x2b" }, "match"},
		"a serial that only begins alike":  {func(c *ocspCase) { c.serial = "\x2a\x00" }, "match"},
		"an answer for another CA's key":   {func(c *ocspCase) { c.ca = other }, "match"},
		"no answer at all":                 {func(c *ocspCase) { c.data.Singles = nil }, "match"},
		"another nonce":                    {func(c *ocspCase) { c.options.Nonce, c.data.Nonce = nonce, nonce[:31] }, "nonce"},
		"a critical response extension":    {func(c *ocspCase) { c.after = addCritical }, "critical"},
		"a critical single extension":      {func(c *ocspCase) { c.after = addCriticalSingle }, "critical"},
		"a changed octet of the data":      {func(c *ocspCase) { c.after = func(r *ocspder.Response) { r.TBS[len(r.TBS)-1] ^= 1 } }, "signature"},
		"a changed octet of the signature": {func(c *ocspCase) { c.after = func(r *ocspder.Response) { r.Signature[9] ^= 1 } }, "signature"},
		"a signer that is not carried":     {func(c *ocspCase) { c.carried = nil }, "signer"},
		"a responder that is someone else": {func(c *ocspCase) { c.data.ResponderKeyHash[0] ^= 1 }, "signer"},
		"a delegate of a CA with the name": {func(c *ocspCase) { c.delegate(other, pkitest.LeafOptions{}) }, "signature"},
		"that CA itself":                   {func(c *ocspCase) { c.signBy(other.Certificate, other.Key) }, "signer"},
		"a delegate of a subordinate CA": {func(c *ocspCase) {
			c.delegate(mustHave(pkitest.NewCA(pkitest.CAOptions{Name: "Sub", Parent: c.ca})), pkitest.LeafOptions{})
		}, "signer"},
		"a TLS certificate of the CA": {func(c *ocspCase) {
			c.delegate(c.ca, pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		}, "signer"},
		"a delegate for any purpose": {func(c *ocspCase) {
			c.delegate(c.ca, pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		}, "signer"},
		"an expired delegate":     {func(c *ocspCase) { c.delegate(c.ca, pkitest.LeafOptions{NotAfter: c.now.Add(-time.Second)}) }, "signer"},
		"a delegate of tomorrow":  {func(c *ocspCase) { c.delegate(c.ca, pkitest.LeafOptions{NotBefore: c.now.Add(time.Hour)}) }, "signer"},
		"SHA-1":                   {func(c *ocspCase) { c.algorithm, c.hash = ecdsaSHA1, crypto.SHA1 }, "algorithm"},
		"an unknown algorithm":    {func(c *ocspCase) { c.algorithm = "300406022a03" }, "algorithm"},
		"RSA with an ECDSA key":   {func(c *ocspCase) { c.algorithm = rsaPSS; c.after = nil; c.hash = crypto.SHA256 }, "key"},
		"made in the future":      {func(c *ocspCase) { c.data.ProducedAt = c.now.Add(6 * time.Minute) }, "future"},
		"holding in the future":   {func(c *ocspCase) { c.data.Singles[0].ThisUpdate = c.now.Add(6 * time.Minute) }, "future"},
		"ending before it begins": {func(c *ocspCase) { c.data.Singles[0].NextUpdate = c.now.Add(-2 * time.Hour) }, "dates"},
		"ended 5 minutes ago":     {func(c *ocspCase) { c.data.Singles[0].NextUpdate = c.now.Add(-5 * time.Minute) }, "expired"},
		"ended now, without skew": {func(c *ocspCase) { c.options.ClockSkew, c.data.Singles[0].NextUpdate = -1, c.now }, "expired"},
		"without nextUpdate":      {func(c *ocspCase) { c.data.Singles[0].NextUpdate = time.Time{} }, "dates"},
		"without nextUpdate, older than allowed": {func(c *ocspCase) {
			c.data.Singles[0].NextUpdate, c.options.MaxAge = time.Time{}, 30*time.Minute
		}, "expired"},
		"two answers, one ended": {func(c *ocspCase) {
			s := c.single(revocation.Revoked)
			s.NextUpdate = c.now.Add(-10 * time.Minute)
			c.data.Singles = append(c.data.Singles, s)
		}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newOCSPCase(time.Now().UTC().Truncate(time.Second))
			row.change(c)
			if c.algorithm == rsaPSS {
				c.signer = mustHave(rsa.GenerateKey(rand.Reader, 2048))
			}
			answer, err := c.verify(t)
			if rule := revocation.RuleOf(err, ""); rule != row.rule || answer != nil {
				t.Errorf("got %+v, %v; want rule %q", answer, err, row.rule)
			}
		})
	}
}

func addCritical(r *ocspder.Response) {
	r.Extensions = append(r.Extensions, ocspder.Extension{OID: []byte{0x2a, 3}, Critical: true})
}

func addCriticalSingle(r *ocspder.Response) {
	r.Singles[0].Extensions = []ocspder.Extension{{OID: []byte{0x2a, 3}, Critical: true}}
}

func TestOCSPAccepts(t *testing.T) {
	nonce := []byte(strings.Repeat("n", 32))
	for name, row := range map[string]struct {
		change func(*ocspCase)
		want   func(*ocspCase, *verify.OCSPAnswer)
	}{
		"good by a delegate": {func(*ocspCase) {}, func(*ocspCase, *verify.OCSPAnswer) {}},
		"good by the CA": {func(c *ocspCase) { c.signBy(c.ca.Certificate, c.ca.Key); c.carried = nil },
			func(_ *ocspCase, a *verify.OCSPAnswer) { a.Delegate, a.NoCheck = nil, false }},
		"good by the CA, which sends its certificate": {func(c *ocspCase) { c.signBy(c.ca.Certificate, c.ca.Key) },
			func(_ *ocspCase, a *verify.OCSPAnswer) { a.Delegate, a.NoCheck = nil, false }},
		"an echoed nonce": {func(c *ocspCase) { c.data.Nonce, c.options.Nonce = nonce, nonce },
			func(_ *ocspCase, a *verify.OCSPAnswer) { a.NonceEchoed = true }},
		"no nonce, though one was sent":   {func(c *ocspCase) { c.options.Nonce = nonce }, func(*ocspCase, *verify.OCSPAnswer) {}},
		"a nonce, though none was sent":   {func(c *ocspCase) { c.data.Nonce = nonce }, func(*ocspCase, *verify.OCSPAnswer) {}},
		"clocks that differ by 5 minutes": {func(c *ocspCase) { c.data.ProducedAt = c.now.Add(5 * time.Minute) }, func(_ *ocspCase, a *verify.OCSPAnswer) { a.ProducedAt = a.ProducedAt.Add(5 * time.Minute) }},
		"without nextUpdate, young enough": {func(c *ocspCase) { c.data.Singles[0].NextUpdate, c.options.MaxAge = time.Time{}, 2*time.Hour },
			func(_ *ocspCase, a *verify.OCSPAnswer) { a.NextUpdate = time.Time{} }},
		"SHA-1, when asked to":         {func(c *ocspCase) { c.algorithm, c.hash, c.options.AcceptSHA1 = ecdsaSHA1, crypto.SHA1, true }, func(*ocspCase, *verify.OCSPAnswer) {}},
		"revoked":                      {func(c *ocspCase) { c.data.Singles[0] = c.single(revocation.Revoked) }, isRevoked},
		"good and revoked, as revoked": {func(c *ocspCase) { c.data.Singles = append(c.data.Singles, c.single(revocation.Revoked)) }, isRevoked},
		"unknown and good, as unknown": {func(c *ocspCase) {
			c.data.Singles = append([]ocspder.SingleResponse{c.single(revocation.Unknown)}, c.data.Singles...)
		}, func(_ *ocspCase, a *verify.OCSPAnswer) { a.Status = revocation.Unknown }},
		"a delegate without nocheck": {func(c *ocspCase) {
			pair := mustHave(c.ca.Issue(pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}))
			c.signBy(pair.Certificate, pair.Key)
		}, func(c *ocspCase, a *verify.OCSPAnswer) { a.NoCheck = false }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newOCSPCase(time.Now().UTC().Truncate(time.Second))
			row.change(c)
			want := &verify.OCSPAnswer{Status: revocation.Good, ThisUpdate: c.now.Add(-time.Hour), NextUpdate: c.now.Add(time.Hour),
				ProducedAt: c.now, Delegate: c.certificate, NoCheck: true}
			row.want(c, want)
			got, err := c.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			sameCertificate := cmp.Comparer(func(a, b *x509.Certificate) bool { return a.Equal(b) })
			if diff := cmp.Diff(want, got, sameCertificate); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func isRevoked(c *ocspCase, a *verify.OCSPAnswer) {
	a.Status, a.Entry = revocation.Revoked, revocation.Entry{RevokedAt: c.now.Add(-2 * time.Hour), Reason: revocation.KeyCompromise}
}

func TestOCSPBelievesEveryKindOfKey(t *testing.T) {
	for _, row := range []struct {
		kind      pkitest.KeyKind
		algorithm string
		hash      crypto.Hash
	}{
		{pkitest.P256, ecdsaSHA256, crypto.SHA256},
		{pkitest.P384, "300a06082a8648ce3d040303", crypto.SHA384},
		{pkitest.P521, "300a06082a8648ce3d040304", crypto.SHA512},
		{pkitest.RSA2048, "300d06092a864886f70d01010b0500", crypto.SHA256},
		{pkitest.RSA2048, rsaPSS, crypto.SHA256},
		{pkitest.Ed25519, "300506032b6570", 0},
	} {
		c := newOCSPCase(time.Now().UTC().Truncate(time.Second))
		c.delegate(c.ca, pkitest.LeafOptions{Key: row.kind})
		c.algorithm, c.hash = row.algorithm, row.hash
		if _, err := c.verify(t); err != nil {
			t.Errorf("%s: %v", row.algorithm, err)
		}
		c.after = func(r *ocspder.Response) { r.Signature[len(r.Signature)-1] ^= 1 }
		if _, err := c.verify(t); revocation.RuleOf(err, "") != "signature" {
			t.Errorf("%s, damaged: %v", row.algorithm, err)
		}
	}
}

func mustHave[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
