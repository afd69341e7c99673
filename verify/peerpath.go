package verify

import (
	"cmp"
	"crypto/ed25519"
	"crypto/x509"
	"slices"
	"strings"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// foundPaths are the paths crypto/x509 found, or what comes nearest to one.
type foundPaths struct {
	paths     [][]*x509.Certificate
	anchored  bool
	err       error // why there is no valid path; nil when there is
	structure error // why there would be none even if all dates and signatures were right
}

// find asks crypto/x509 for paths. When there are none, it asks what there would be if the dates were right, then for any usage, then
// if the signatures were right, so that each fault can be told from the others.
func (p *peer) find() *foundPaths {
	anyUsage := []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	paths, err := p.ask(p.usages(), asTheyAre)
	if err == nil {
		return &foundPaths{paths: paths, anchored: true}
	}
	f := &foundPaths{err: err, anchored: true}
	for _, lenient := range [...]leniency{anyDates, anyDates | anySignatures} {
		if f.paths, f.structure = p.ask(p.usages(), lenient); f.structure == nil {
			break
		}
		if f.paths, _ = p.ask(anyUsage, lenient); len(f.paths) > 0 {
			break
		}
		path, anchored := p.walk()
		if f.paths = nil; anchored && p.distance(path) < forgery || lenient&anySignatures != 0 {
			f.paths, f.anchored = [][]*x509.Certificate{path}, anchored
			break
		}
	}
	slices.SortStableFunc(f.paths, func(a, b []*x509.Certificate) int { return cmp.Compare(p.distance(a), p.distance(b)) })
	return f
}

func (p *peer) usages() []x509.ExtKeyUsage {
	return []x509.ExtKeyUsage{[...]x509.ExtKeyUsage{AnyRole: x509.ExtKeyUsageAny, Client: x509.ExtKeyUsageClientAuth,
		Server: x509.ExtKeyUsageServerAuth}[p.o.Role]}
}

// leniency is what crypto/x509 is shown as right, whatever it is.
type leniency uint8

const (
	anyDates leniency = 1 << iota
	anySignatures
	asTheyAre leniency = 0
)

// ask asks crypto/x509 for paths by RFC 5280 §6.1, with names compared by §7.1. To a lenient question it is shown copies of the
// certificates whose dates fit or whose signatures verify, so that it answers for everything else: constraints, usages, critical
// extensions. What is found so explains a refusal and is never a valid path.
func (p *peer) ask(usages []x509.ExtKeyUsage, lenient leniency) ([][]*x509.Certificate, error) {
	b := pathBuilder{original: map[*x509.Certificate]*x509.Certificate{}}
	show := func(c *x509.Certificate) *x509.Certificate { return p.idealize(b.keyed(c), lenient) }
	pool := func(list []*x509.Certificate) *x509.CertPool {
		set := x509.NewCertPool()
		for _, c := range list {
			set.AddCert(show(c))
		}
		return set
	}
	chains, err := show(p.leaf).Verify(x509.VerifyOptions{Roots: pool(p.o.Roots), Intermediates: pool(p.pool), CurrentTime: p.at, KeyUsages: usages})
	for _, chain := range chains {
		for i := range chain {
			chain[i] = b.original[chain[i]]
		}
	}
	return chains, err
}

// anyone is a key that all know and nobody's certificate has.
var anyone = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// idealize makes a copy right in date or signature.
func (p *peer) idealize(c *x509.Certificate, lenient leniency) *x509.Certificate {
	if lenient&anyDates != 0 {
		c.NotBefore, c.NotAfter = p.at, p.at
	}
	if lenient&anySignatures != 0 {
		c.PublicKey, c.PublicKeyAlgorithm = anyone.Public(), x509.Ed25519
		c.SignatureAlgorithm, c.Signature = x509.PureEd25519, ed25519.Sign(anyone, c.RawTBSCertificate)
	}
	return c
}

// forgery is how much a signature that does not verify weighs.
const forgery = 100

// distance is how far a path is from a valid one: forged signatures weigh more than dates.
func (p *peer) distance(path []*x509.Certificate) int {
	d := 0
	for i, c := range path {
		if i+1 < len(path) && checkSignature(c, path[i+1]) != nil {
			d += forgery
		}
		if p.at.Before(c.NotBefore) || p.at.After(c.NotAfter) {
			d++
		}
	}
	return d
}

// maxWalk is how far a walk goes, far above what PKIs have.
const maxWalk = 16

// walk follows the issuers' names from the peer's certificate as far as certificates are given, and says whether it came to an
// anchor. Of several issuers of a name it takes the one whose key verifies, whose key is the one named, or whose dates fit.
func (p *peer) walk() (path []*x509.Certificate, anchored bool) {
	path = []*x509.Certificate{p.leaf}
	for len(path) < maxWalk {
		last := path[len(path)-1]
		if slices.ContainsFunc(p.o.Roots, last.Equal) {
			return path, true
		}
		var best *x509.Certificate
		for _, c := range slices.Concat(p.o.Roots, p.pool) {
			if crlder.NameKey(c.RawSubject) != crlder.NameKey(last.RawIssuer) || slices.ContainsFunc(path, c.Equal) {
				continue
			}
			if best == nil || p.fit(last, c) > p.fit(last, best) {
				best = c
			}
		}
		if best == nil {
			break
		}
		path = append(path, best)
	}
	return path, false
}

// fit is how well a certificate suits as the issuer of another.
func (p *peer) fit(child, c *x509.Certificate) (points int) {
	if checkSignature(child, c) == nil {
		points += 4
	}
	if len(child.AuthorityKeyId) > 0 && string(child.AuthorityKeyId) == string(c.SubjectKeyId) {
		points += 2
	}
	if !p.at.Before(c.NotBefore) && !p.at.After(c.NotAfter) {
		points++
	}
	return points
}

// choose judges the revocation of the paths and takes the best. A peer that is revoked by one path is revoked. Without a valid path,
// the nearest is the only one judged.
func (p *peer) choose(f *foundPaths) (path []*x509.Certificate, anchored bool, results []CertRevocation) {
	candidates := f.paths
	if f.err != nil {
		candidates = candidates[:1]
	}
	best := -1
	for _, one := range candidates {
		var judged []CertRevocation
		if p.o.Revocation != nil && f.anchored && len(one) > 1 {
			judged = p.judged(one)
		}
		if len(judged) > 0 && judged[0].Status == revocation.Revoked {
			return one, f.anchored, judged
		}
		if points := hopeful(judged); points > best {
			best, path, results = points, one, judged
		}
	}
	return path, f.anchored, results
}

// hopeful orders what was found about paths: nothing wrong, nothing known, something wrong.
func hopeful(results []CertRevocation) int {
	points := 2
	for i := range results {
		switch r := &results[i]; {
		case r.Status == revocation.Revoked, r.Invalid != nil:
			return 0
		case r.Status == revocation.Unknown:
			points = 1
		}
	}
	return points
}

// pathRefusal says in our words why crypto/x509 found no path.
func pathRefusal(err error) *revocation.Refusal {
	return revocation.Refuse("path", "RFC 5280 §6.1", "there is no valid path to a trust anchor: %s", strings.TrimPrefix(err.Error(), "x509: "))
}
