package api

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// presentedPeer is a client as a gateway presents it, with what does not change from one request to the next: whose it is, and which
// serial numbers are to be asked for.
type presentedPeer struct {
	judged              []judgedCertificate // the first is the client's own
	notBefore, notAfter time.Time           // when that holds; zero: always
}

// judgedCertificate is one that must not be revoked.
type judgedCertificate struct {
	issuers []revocation.Issuer // whose it is: one, or several that share a name; none: one that is not known here
	serial  revocation.Serial
	cert    *verify.Judged // nil when the gateway passes only its serial
	exempt  bool           // its CA says that there is no revocation for it

	serialText, issuerName string
}

func newJudged(serial revocation.Serial, cert *x509.Certificate, exempt bool, issuers ...revocation.Issuer) judgedCertificate {
	j := judgedCertificate{issuers: issuers, serial: serial, exempt: exempt, serialText: serial.String()}
	if cert != nil {
		j.cert = verify.NewJudged(cert)
	}
	if len(issuers) > 0 {
		j.issuerName = issuers[0].Name
		if issuers[0].Name == "" {
			j.issuerName = issuers[0].ID.String()
		}
	}
	return j
}

// within says whether what is known of the peer holds at a moment.
func (p *presentedPeer) within(now time.Time) bool {
	return p.notAfter.IsZero() || !now.Before(p.notBefore) && !now.After(p.notAfter)
}

// peerCache keeps peers by profile and the octets of their headers, so that a certificate is parsed, and its signature verified, once.
type peerCache struct {
	peers *otter.Cache[peerKey, *presentedPeer]
}

type peerKey struct {
	gateway *gateway
	headers certheader.Key
}

// The cache is bounded in octets: about ten thousand certificates.
const (
	peerCacheSize = 64 << 20
	peerOverhead  = 6 << 10 // of a certificate that is parsed
)

func newPeerCache() *peerCache {
	return &peerCache{otter.Must(&otter.Options[peerKey, *presentedPeer]{
		MaximumWeight: peerCacheSize,
		Weigher:       func(k peerKey, p *presentedPeer) uint32 { return uint32(k.headers.Len() + len(p.judged)*peerOverhead) },
		Executor:      func(f func()) { f() },
	})}
}

// peer finds out who the headers present. The error is certheader.ErrNone or a *revocation.Refusal. Only what is in order is kept.
func (a *API) peer(peers *peerCache, g *gateway, h http.Header, now time.Time) (*presentedPeer, error) {
	headers, single := g.reader.Key(h)
	key := peerKey{g, headers}
	if single {
		if p, ok := peers.peers.GetIfPresent(key); ok && p.within(now) {
			return p, nil
		}
	}
	presented, err := g.reader.Read(h)
	if err != nil {
		return nil, err
	}
	p, lasting, err := a.presented(g, &presented, now)
	if err == nil && single && lasting {
		peers.peers.Set(key, p)
	}
	return p, err
}

// presented finds out who it is that is presented. What is lasting need not be found out again within the peer's time.
func (a *API) presented(g *gateway, presented *certheader.Presented, now time.Time) (p *presentedPeer, lasting bool, err error) {
	if presented.Chain == nil {
		name := presented.IssuerDN
		if presented.IssuerDER != nil {
			name = string(presented.IssuerDER)
		}
		return &presentedPeer{judged: []judgedCertificate{newJudged(presented.Serial, nil, false, g.Issuers[name]...)}}, true, nil
	}
	chain := make([]*x509.Certificate, len(presented.Chain))
	for i, der := range presented.Chain {
		if chain[i], err = verify.ParseCertificate(der); err != nil {
			return nil, false, revocation.Refuse("malformed", "RFC 5280 §4.1", "certificate %d of the chain cannot be read: %v", i+1, err)
		}
	}
	if g.Trust != nil {
		return a.byRoots(g, chain, now)
	}
	return a.byIssuers(g, chain, now)
}

// byRoots asks for a valid path to the profile's anchors.
func (a *API) byRoots(g *gateway, chain []*x509.Certificate, now time.Time) (*presentedPeer, bool, error) {
	status := func(id revocation.IssuerID, c *x509.Certificate) revocation.CertStatus {
		return a.source.CertificateStatus(id, c, now)
	}
	r := verify.Peer(chain, now, verify.PeerOptions{Role: verify.Client, Roots: g.Trust.Roots, Untrusted: g.Trust.Intermediates,
		Allowed: g.Identities, Revocation: verify.ByStatus(status, g.Policy.Depth == revocation.Leaf)})
	for i := range verify.CheckRevocation { // which the policy has its own word on
		if f := r.Checks[i].Faults; len(f) > 0 {
			return nil, false, f[0].Err
		}
	}
	p := &presentedPeer{}
	for i, c := range r.Path {
		p.narrow(c)
		if i < len(r.Revocations) {
			p.judge(a, c, r.Path[i+1], &r.Revocations[i])
		}
	}
	return p, r.Paths == 1, p.contradiction(r.Revocations)
}

// contradiction is what makes a certificate invalid whatever is held of its revocation.
func (p *presentedPeer) contradiction(results []verify.CertRevocation) error {
	for i := range results {
		if refusal, ok := errors.AsType[*revocation.Refusal](results[i].Invalid); ok && refusal.Rule != "not-issued" {
			return refusal
		}
	}
	return nil
}

func (p *presentedPeer) judge(a *API, c, issuer *x509.Certificate, found *verify.CertRevocation) {
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	if err != nil {
		return // found.Invalid says so
	}
	id := revocation.IssuerIDOf(issuer)
	known, ok := a.directory.Resolve(id.String())
	if !ok {
		known = revocation.Issuer{ID: id}
	}
	p.judged = append(p.judged, newJudged(serial, c, found.Exempt != "", known))
}

func (p *presentedPeer) narrow(c *x509.Certificate) {
	if c.NotBefore.After(p.notBefore) {
		p.notBefore = c.NotBefore
	}
	if p.notAfter.IsZero() || c.NotAfter.Before(p.notAfter) {
		p.notAfter = c.NotAfter
	}
}

// byIssuers asks for the signature of an issuer that is known here, and follows the chain up from it.
func (a *API) byIssuers(g *gateway, chain []*x509.Certificate, now time.Time) (*presentedPeer, bool, error) {
	leaf := chain[0]
	p := &presentedPeer{}
	p.narrow(leaf)
	switch {
	case now.Before(leaf.NotBefore):
		return nil, false, revocation.Refuse("not-yet-valid", "RFC 5280 §6.1.3(a)(2)", "the certificate is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(leaf.NotAfter):
		return nil, false, revocation.Refuse("expired", "RFC 5280 §6.1.3(a)(2)", "the certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case !oneMatches(g.Identities, leaf):
		return nil, false, revocation.Refuse("identity", "RFC 9525 §6", "the certificate is not for anybody whom the profile lets in")
	}
	known := true
	for _, c := range signersOf(chain, g.Policy.Depth) {
		exempt, err := verify.Exemption(c)
		if err != nil {
			return nil, false, err
		}
		serial, err := revocation.SerialFromBig(c.SerialNumber)
		if err != nil {
			return nil, false, revocation.Refuse("serial", "RFC 5280 §4.1.2.2", "%v", err)
		}
		if issuer, ok := a.directory.ByCertificate(c); ok {
			p.judged = append(p.judged, newJudged(serial, c, exempt != "", issuer))
		} else {
			known = false
			p.judged = append(p.judged, newJudged(serial, c, false))
		}
	}
	return p, known, nil
}

func oneMatches(identities []verify.Identity, c *x509.Certificate) bool {
	for _, i := range identities {
		if i.Matches(c) {
			return true
		}
	}
	return len(identities) == 0
}

// signersOf is the leaf and, of the certificates that came along, those that signed it one after the other. A root, which signed
// itself, is not among them: nobody but itself could revoke it.
func signersOf(chain []*x509.Certificate, depth revocation.Depth) []*x509.Certificate {
	path := chain[:1:1]
	if depth == revocation.Leaf {
		return path
	}
	rest := chain[1:]
	for i := 0; i < len(rest); i++ {
		last, c := path[len(path)-1], rest[i]
		if !bytes.Equal(c.RawSubject, last.RawIssuer) || bytes.Equal(c.RawSubject, c.RawIssuer) || c.Equal(last) ||
			c.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) != nil {
			continue
		}
		path = append(path, c)
		i = -1 // from the start again: they come in any order
		if len(path) > len(rest) {
			break
		}
	}
	return path
}
