package verify_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// peerWorld is a root, a CA below it, and what both revoked.
type peerWorld struct {
	t        testing.TB
	root, ca *pkitest.CA
	now      time.Time
	revoked  map[string]revocation.Entry // by serial
	unknown  map[string]bool
}

func newPeerWorld(t testing.TB) *peerWorld {
	w := &peerWorld{t: t, now: time.Now(), revoked: map[string]revocation.Entry{}, unknown: map[string]bool{}}
	w.root = w.newCA(pkitest.CAOptions{Name: "Root"})
	w.ca = w.newCA(pkitest.CAOptions{Name: "CA", Parent: w.root})
	return w
}

func (w *peerWorld) newCA(o pkitest.CAOptions) *pkitest.CA {
	w.t.Helper()
	ca, err := pkitest.NewCA(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return ca
}

func (w *peerWorld) leaf(ca *pkitest.CA, o pkitest.LeafOptions) *x509.Certificate {
	w.t.Helper()
	pair, err := ca.Issue(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return pair.Certificate
}

// judge stands for a store that knows all but what is in revoked and unknown to be good.
func (w *peerWorld) judge(path []*x509.Certificate) []verify.CertRevocation {
	var list []verify.CertRevocation
	for _, c := range path[:len(path)-1] {
		r := verify.CertRevocation{Certificate: c, Status: revocation.Good}
		serial := c.SerialNumber.String()
		if entry, ok := w.revoked[serial]; ok {
			r.Status, r.Entry = revocation.Revoked, entry
		} else if w.unknown[serial] {
			r.Status, r.Detail = revocation.Unknown, "no CRL was given"
		}
		list = append(list, r)
	}
	return list
}

func identity(t testing.TB, kind verify.IdentityKind, value string) verify.Identity {
	t.Helper()
	i, err := verify.NewIdentity(kind, value)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// tampered is the certificate with one bit of its signature flipped.
func tampered(t testing.TB, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	der := bytes.Clone(c.Raw)
	der[len(der)-1] ^= 1
	bad, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return bad
}

// outcomes are the five as a word: P pass, F fail, S skipped.
func outcomes(r *verify.PeerReport) string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(strings.ToUpper(string(c.Outcome[:1])))
	}
	return b.String()
}

// TestEachCheckFailsAlone: one thing wrong is one check that fails, in either role, and its sentence says what.
func TestEachCheckFailsAlone(t *testing.T) {
	w := newPeerWorld(t)
	const other = x509.ExtKeyUsageEmailProtection
	good := w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test"})
	revoked := w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test"})
	w.revoked[revoked.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now.Add(-time.Hour), Reason: revocation.KeyCompromise}
	held := w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test"})
	w.revoked[held.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now.Add(-time.Hour), Reason: revocation.CertificateHold}
	unknown := w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test"})
	w.unknown[unknown.SerialNumber.String()] = true
	revokedCA := w.newCA(pkitest.CAOptions{Name: "Revoked CA", Parent: w.root})
	w.revoked[revokedCA.Certificate.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now.Add(-time.Hour), Reason: revocation.CACompromise}
	leaf := func(change func(*x509.Certificate)) *x509.Certificate {
		return w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test", Change: change})
	}
	below := func(o pkitest.CAOptions) []*x509.Certificate {
		o.Parent = w.root
		ca := w.newCA(o)
		return []*x509.Certificate{w.leaf(ca, pkitest.LeafOptions{Name: "peer.test"}), ca.Certificate}
	}
	stranger := w.newCA(pkitest.CAOptions{Name: "Stranger"})
	for _, row := range []struct {
		fact    string
		chain   []*x509.Certificate
		want    string // of validity, trust, integrity, identity, revocation
		verdict verify.Verdict
		says    string
	}{
		{"all is well", []*x509.Certificate{good}, "PPPPP", verify.Valid, ""},
		{"expired", []*x509.Certificate{leaf(func(c *x509.Certificate) { c.NotAfter = w.now.Add(-time.Minute) })}, "FPPPP", verify.Invalid, "CN=peer.test expired at"},
		{"not yet valid", []*x509.Certificate{leaf(func(c *x509.Certificate) { c.NotBefore = w.now.Add(time.Hour) })}, "FPPPP", verify.InvalidNow, "CN=peer.test is not valid before"},
		{"the CA expired", below(pkitest.CAOptions{Name: "Old", NotAfter: w.now.Add(-time.Minute)}), "FPPPP", verify.Invalid, "CN=Old,O=veto expired"},
		{"another usage", []*x509.Certificate{w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test", ExtKeyUsage: []x509.ExtKeyUsage{other}})}, "PFPPP", verify.Invalid, "the extended key usage of CN=peer.test does not allow it for a TLS"},
		{"a CA of another usage", below(pkitest.CAOptions{Name: "Mail", Change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{other} }}), "PFPPP", verify.Invalid, "the extended key usage of CN=Mail,O=veto"},
		{"a key for something else", []*x509.Certificate{leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })}, "PFPPP", verify.Invalid, "the key usage of CN=peer.test does not allow"},
		{"issued by no CA", func() []*x509.Certificate {
			no := w.newCA(pkitest.CAOptions{Name: "No CA", Parent: w.root, Change: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }})
			return []*x509.Certificate{w.leaf(no, pkitest.LeafOptions{Name: "peer.test"}), no.Certificate}
		}(), "PFPPP", verify.Invalid, "CN=No CA,O=veto is no CA (basicConstraints)"},
		{"a CA that may not sign certificates", below(pkitest.CAOptions{Name: "CRLs only", KeyUsage: x509.KeyUsageCRLSign}), "PFPPP", verify.Invalid, "the key usage of CN=CRLs only,O=veto does not allow it to sign certificates"},
		{"too long a path", func() []*x509.Certificate {
			short := w.newCA(pkitest.CAOptions{Name: "Short", Parent: w.root, Change: func(c *x509.Certificate) { c.MaxPathLenZero = true }})
			sub := w.newCA(pkitest.CAOptions{Name: "Sub", Parent: short})
			return []*x509.Certificate{w.leaf(sub, pkitest.LeafOptions{Name: "peer.test"}), sub.Certificate, short.Certificate}
		}(), "PFPPP", verify.Invalid, "CN=Short,O=veto allows 0 CA certificates below it and has 1"},
		{"a name its CA may not issue for", below(pkitest.CAOptions{Name: "Narrow", Change: func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"other.test"} }}), "PFPPP", verify.Invalid, "a CA of the path may not issue for these names"},
		{"an unknown critical extension", []*x509.Certificate{w.leaf(w.ca, pkitest.LeafOptions{Name: "peer.test", Extensions: []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}})},
			"PFPPP", verify.Invalid, "has the critical extension 1.2.3.4"},
		{"signed by itself", []*x509.Certificate{stranger.Certificate}, "PFPFS", verify.Invalid, "CN=Stranger,O=veto is signed by itself and is none of the trust anchors"},
		{"of a stranger who came along", []*x509.Certificate{w.leaf(stranger, pkitest.LeafOptions{Name: "peer.test"}), stranger.Certificate}, "PFPPS", verify.Invalid, "is none of the trust anchors"},
		{"of a stranger", []*x509.Certificate{w.leaf(stranger, pkitest.LeafOptions{Name: "peer.test"})}, "PFSPS", verify.Invalid, `CN=peer.test was issued by "CN=Stranger,O=veto"`},
		{"a forged signature", []*x509.Certificate{tampered(t, good)}, "PPFPP", verify.Invalid, "the signature of CN=peer.test does not verify with the key of CN=CA,O=veto"},
		{"a forged CA", []*x509.Certificate{good, tampered(t, w.ca.Certificate)}, "PPPPP", verify.Valid, ""}, // the true one is known
		{"for somebody else", []*x509.Certificate{w.leaf(w.ca, pkitest.LeafOptions{Name: "other.test"})}, "PPPFP", verify.Invalid, "the certificate is for dns other.test, cn other.test, and not for dns peer.test"},
		{"revoked", []*x509.Certificate{revoked}, "PPPPF", verify.Invalid, "CN=peer.test is revoked since"},
		{"on hold", []*x509.Certificate{held}, "PPPPF", verify.InvalidNow, "certificateHold"},
		{"nobody knows whether it is revoked", []*x509.Certificate{unknown}, "PPPPF", verify.InvalidNow, "whether CN=peer.test is revoked is not known: no CRL was given"},
		{"its CA is revoked", []*x509.Certificate{w.leaf(revokedCA, pkitest.LeafOptions{Name: "peer.test"}), revokedCA.Certificate}, "PPPPF", verify.Invalid, "CN=Revoked CA,O=veto is revoked since"},
		{"everything at once", []*x509.Certificate{tampered(t, w.leaf(revokedCA, pkitest.LeafOptions{Name: "other.test", ExtKeyUsage: []x509.ExtKeyUsage{other},
			NotAfter: w.now.Add(-time.Minute)})), revokedCA.Certificate}, "FFFFF", verify.Invalid, ""},
	} {
		for _, role := range []verify.Role{verify.Client, verify.Server} {
			r := verify.Peer(row.chain, w.now, verify.PeerOptions{Role: role, Roots: []*x509.Certificate{w.root.Certificate},
				Untrusted: []*x509.Certificate{w.ca.Certificate}, Expected: []verify.Identity{identity(t, verify.IdentityDNS, "peer.test")}, Revocation: w.judge})
			if got := outcomes(r); got != row.want || r.Verdict != row.verdict {
				t.Errorf("%s, as a %s: got %s %s, want %s %s", row.fact, role, got, r.Verdict, row.want, row.verdict)
				for _, c := range r.Checks {
					t.Logf("    %s: %s: %s (%s)", c.Name, c.Outcome, c.Detail, c.Section)
				}
				continue
			}
			checkReport(t, row.fact, r, row.says)
		}
	}
}

// checkReport sees that a report says what it should, and that no check is left without a sentence, nor a fault without rule and section.
func checkReport(t *testing.T, fact string, r *verify.PeerReport, says string) {
	t.Helper()
	var all []string
	for _, c := range r.Checks {
		if c.Detail == "" || c.Outcome != verify.Skipped && c.Section == "" {
			t.Errorf("%s: %s has no sentence or section: %+v", fact, c.Name, c)
		}
		if (c.Outcome == verify.Fail) != (len(c.Faults) > 0) {
			t.Errorf("%s: %s is %s with %d faults", fact, c.Name, c.Outcome, len(c.Faults))
		}
		for _, f := range c.Faults {
			all = append(all, f.Err.Detail)
			if f.Err.Rule == "" || f.Err.Section == "" || f.Certificate == nil {
				t.Errorf("%s: a fault without rule, section or certificate: %+v", fact, f)
			}
		}
	}
	if !strings.Contains(strings.Join(all, "\n"), says) {
		t.Errorf("%s: nothing says %q:\n%s", fact, says, strings.Join(all, "\n"))
	}
}

func TestAUsageOfOneRoleIsNotOfTheOther(t *testing.T) {
	w := newPeerWorld(t)
	for usage, row := range map[x509.ExtKeyUsage]struct{ client, server verify.Verdict }{
		x509.ExtKeyUsageClientAuth: {verify.Valid, verify.Invalid}, x509.ExtKeyUsageServerAuth: {verify.Invalid, verify.Valid},
	} {
		c := w.leaf(w.ca, pkitest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{usage}})
		for role, want := range map[verify.Role]verify.Verdict{verify.Client: row.client, verify.Server: row.server, verify.AnyRole: verify.Valid} {
			r := verify.Peer([]*x509.Certificate{c}, w.now, verify.PeerOptions{Role: role, Roots: []*x509.Certificate{w.root.Certificate}, Untrusted: []*x509.Certificate{w.ca.Certificate}})
			if r.Verdict != want {
				t.Errorf("usage %v as %s: %s, want %s", usage, role, r.Verdict, want)
			}
			if r.Checks[verify.CheckRevocation].Outcome != verify.Skipped || r.Checks[verify.CheckIdentity].Outcome != verify.Skipped {
				t.Errorf("what was not asked for was not skipped: %s", outcomes(r))
			}
		}
	}
}

// TestAnotherPathIsTaken: a CA with two certificates, of which one is revoked or expired, is trusted by the other; a peer revoked by
// any path is revoked.
func TestAnotherPathIsTaken(t *testing.T) {
	w := newPeerWorld(t)
	twin := w.newCA(pkitest.CAOptions{Name: "CA", Parent: w.root, UseKey: w.ca.Key})
	old := w.newCA(pkitest.CAOptions{Name: "CA", Parent: w.root, UseKey: w.ca.Key, NotAfter: w.now.Add(-time.Minute)})
	c := w.leaf(w.ca, pkitest.LeafOptions{})
	o := verify.PeerOptions{Roots: []*x509.Certificate{w.root.Certificate}, Untrusted: []*x509.Certificate{old.Certificate, w.ca.Certificate, twin.Certificate}, Revocation: w.judge}
	w.revoked[w.ca.Certificate.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now}
	if r := verify.Peer([]*x509.Certificate{c}, w.now, o); r.Verdict != verify.Valid || !r.Path[1].Equal(twin.Certificate) {
		t.Errorf("got %s by %s", r.Verdict, r.Path[1].SerialNumber)
	}
	w.revoked[c.SerialNumber.String()] = revocation.Entry{RevokedAt: w.now}
	if r := verify.Peer([]*x509.Certificate{c}, w.now, o); r.Verdict != verify.Invalid {
		t.Errorf("revoked: got %s", r.Verdict)
	}
}

func TestAnAnchorItselfIsTrusted(t *testing.T) {
	w := newPeerWorld(t)
	c := w.leaf(w.ca, pkitest.LeafOptions{})
	r := verify.Peer([]*x509.Certificate{c}, w.now, verify.PeerOptions{Roots: []*x509.Certificate{c}, Revocation: w.judge})
	if r.Verdict != verify.Valid || outcomes(r) != "PPPSS" || len(r.Path) != 1 {
		t.Errorf("got %s %s", r.Verdict, outcomes(r))
	}
}

func TestIdentities(t *testing.T) {
	w := newPeerWorld(t)
	c := w.leaf(w.ca, pkitest.LeafOptions{Change: func(c *x509.Certificate) {
		c.Subject.CommonName = "Device  17"
		c.DNSNames = []string{"host.test", "*.wild.test", "xn--bcher-kva.test", "UPPER.test", "*.test", "a*.part.test"}
		c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1")}
		spiffe, _ := url.Parse("spiffe://td.test/ns/prod/sa/web")
		dots, _ := url.Parse("spiffe://td.test/ns/dev/../prod")
		c.URIs = []*url.URL{spiffe, dots}
		c.EmailAddresses = []string{"Bob@Example.test"}
	}})
	for _, row := range []struct {
		kind  verify.IdentityKind
		value string
		want  bool
	}{
		{"dns", "host.test", true}, {"dns", "HOST.test.", true}, {"dns", "other.test", false}, {"dns", "sub.host.test", false},
		{"dns", "a.wild.test", true}, {"dns", "a.b.wild.test", false}, {"dns", "wild.test", false}, {"dns", "*.wild.test", true},
		{"dns", "bücher.test", true}, {"dns", "xn--bcher-kva.test", true}, {"dns", "upper.TEST", true},
		{"dns", "anything.test", false}, // *.test is too wide
		{"dns", "ab.part.test", false}, {"dns", "*.part.test", false},
		{"dns", "Device 17x", false}, {"dns", "192.0.2.1", false},
		{"ip", "192.0.2.1", true}, {"ip", "::ffff:192.0.2.1", true}, {"ip", "192.0.2.2", false}, {"ip", "2001:DB8:0::1", true},
		{"uri", "spiffe://td.test/ns/prod/sa/web", true}, {"uri", "spiffe://td.test/ns/prod/sa/we", false}, {"uri", "spiffe://TD.test/ns/prod/sa/web", false},
		{"uri", "spiffe://td.test/ns/prod/*", true}, {"uri", "spiffe://td.test/ns/pro/*", false}, {"uri", "spiffe://td.test/*", true},
		{"uri", "spiffe://td.test/ns/dev/*", false}, {"uri", "spiffe://td.test/ns/prod/sa/web/*", false},
		{"email", "Bob@example.TEST", true}, {"email", "bob@example.test", false}, {"email", "Bob@other.test", false},
		{"cn", "device 17", true}, {"cn", "Device 18", false},
	} {
		i, err := verify.NewIdentity(row.kind, row.value)
		if err != nil {
			if row.want {
				t.Errorf("%s %s: %v", row.kind, row.value, err)
			}
			continue
		}
		if got := i.Matches(c); got != row.want {
			t.Errorf("%s: matches %t, want %t", i, got, row.want)
		}
	}
	for _, row := range [][2]string{{"dns", ""}, {"dns", "a..b"}, {"dns", "a.*.b"}, {"dns", "*"}, {"dns", "-a.test"}, {"dns", "a b"}, {"ip", "host"},
		{"ip", "fe80::1%eth0"}, {"uri", "no-scheme"}, {"uri", "spiffe:"}, {"email", "nobody"}, {"email", "@host.test"}, {"email", "a@*.test"}, {"cn", " "}, {"other", "x"}} {
		if i, err := verify.NewIdentity(verify.IdentityKind(row[0]), row[1]); err == nil {
			t.Errorf("%s %q is an identity: %s", row[0], row[1], i)
		}
	}
}

// TestExpectedIsOneOfEachKindAndAllowedOneOfAll says how several identities add up.
func TestExpectedIsOneOfEachKindAndAllowedOneOfAll(t *testing.T) {
	w := newPeerWorld(t)
	c := w.leaf(w.ca, pkitest.LeafOptions{Name: "a.test"})
	a, b, cn, ip := identity(t, "dns", "a.test"), identity(t, "dns", "b.test"), identity(t, "cn", "a.test"), identity(t, "ip", "192.0.2.1")
	type list = []verify.Identity
	for _, row := range []struct {
		expected, allowed list
		want              verify.Outcome
	}{
		{list{a}, nil, verify.Pass}, {list{a, b}, nil, verify.Pass}, {list{b, a, cn}, nil, verify.Pass}, {list{a, ip}, nil, verify.Fail},
		{nil, list{ip, a}, verify.Pass}, {nil, list{ip, b}, verify.Fail}, {list{a}, list{b}, verify.Fail}, {nil, nil, verify.Skipped},
	} {
		r := verify.Peer([]*x509.Certificate{c}, w.now, verify.PeerOptions{Roots: []*x509.Certificate{w.ca.Certificate}, Expected: row.expected, Allowed: row.allowed})
		if got := r.Checks[verify.CheckIdentity]; got.Outcome != row.want {
			t.Errorf("expected %v, allowed %v: %s, want %s: %s", row.expected, row.allowed, got.Outcome, row.want, got.Detail)
		}
	}
}
