package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// forms makes CAs whose CRLs have every form of RFC 5280 §5: certificates and keys in the script's folder, CRLs in made/. The serial of
// each leaf goes to a variable with its name.
type forms struct {
	ts     *testscript.TestScript
	dir    string
	now    time.Time
	serial map[string]*big.Int
}

// scriptForms makes the forms. After publish, complete CRLs name their delta CRL at $WWW/d.crl.
func scriptForms(ts *testscript.TestScript, neg bool, args []string) {
	f := &forms{ts: ts, dir: ts.Getenv("WORK"), now: time.Now().UTC().Truncate(time.Second), serial: map[string]*big.Int{}}
	for _, dir := range []string{"made", "www"} {
		ts.Check(os.MkdirAll(filepath.Join(f.dir, dir), 0o755))
	}
	ts.Check(os.WriteFile(filepath.Join(f.dir, "admin.token"), []byte("correct-horse-battery-staple\n"), 0o600))
	ca, next, other := f.ca("ca", "Forms CA", nil), f.ca("next", "Forms CA", nil), f.ca("other", "Other CA", nil)
	signer := f.signer("signer", ca, pkitest.LeafOptions{Name: "CRL Signer"})
	twin := f.signer("twin", ca, pkitest.LeafOptions{Subject: ca.Certificate.RawSubject})
	for name, by := range map[string]*pkitest.CA{"ocsp": ca, "ocsp-next": next} {
		p := must(ts, func() (*pkitest.Pair, error) { return by.IssueOCSPSigner(pkitest.LeafOptions{}) })
		writePair(ts, f.dir, name, p.Certificate, p.Key)
	}
	f.ca("sub", "Sub CA", ca)
	f.leaves(ca, next, other, signer)
	f.deltas(ca)
	f.partitions(ca)
	f.crl("next.crl", next, pkitest.CRLOptions{Number: big.NewInt(20), Entries: f.entries("gone:1", "lost:1")})
	f.crl("twin.crl", twin, pkitest.CRLOptions{Entries: f.entries("gone:1")})
	f.indirect(ca, other, signer)
	f.shrinking(ca)
}

func (f *forms) ca(file, name string, parent *pkitest.CA) *pkitest.CA {
	ca := must(f.ts, func() (*pkitest.CA, error) { return pkitest.NewCA(pkitest.CAOptions{Name: name, Parent: parent}) })
	writePair(f.ts, f.dir, file, ca.Certificate, ca.Key)
	f.name(file, ca.Certificate)
	return ca
}

// signer makes somebody who signs CRLs and is no CA.
func (f *forms) signer(file string, ca *pkitest.CA, o pkitest.LeafOptions) *pkitest.CA {
	o.KeyUsage = x509.KeyUsageCRLSign
	p := must(f.ts, func() (*pkitest.Pair, error) { return ca.Issue(o) })
	writePair(f.ts, f.dir, file, p.Certificate, p.Key)
	return &pkitest.CA{Certificate: p.Certificate, Key: p.Key}
}

// leaves are certificates that say nothing of CRLs, some on distribution points, and some whose CRL another issuer signs.
func (f *forms) leaves(ca, next, other, signer *pkitest.CA) {
	for _, name := range []string{"good", "added", "held", "gone"} {
		f.leaf(name, ca, pkitest.LeafOptions{})
	}
	f.leaf("young", next, pkitest.LeafOptions{})
	f.leaf("lost", next, pkitest.LeafOptions{})
	for name, uri := range map[string]string{"one": "http://crl.test/1", "two": "http://crl.test/2", "three": "http://crl.test/3"} {
		f.leaf(name, ca, pkitest.LeafOptions{CRL: []string{uri}})
	}
	elsewhere := []pkix.Extension{pkitest.DistributionPoints(pkitest.Point{CRLIssuer: signer.Certificate.RawSubject})}
	f.leaf("igood", ca, pkitest.LeafOptions{Extensions: elsewhere})
	f.leaf("igone", ca, pkitest.LeafOptions{Extensions: elsewhere})
	f.leaf("ogood", other, pkitest.LeafOptions{Extensions: elsewhere, Serial: f.serial["igone"]}) // one serial, two CAs
	f.leaf("ogone", other, pkitest.LeafOptions{Extensions: elsewhere, Serial: f.serial["igood"]})
}

func (f *forms) leaf(file string, ca *pkitest.CA, o pkitest.LeafOptions) {
	o.Name = file + ".test"
	p := must(f.ts, func() (*pkitest.Pair, error) { return ca.Issue(o) })
	writePair(f.ts, f.dir, file, p.Certificate, p.Key)
	f.name(file, p.Certificate)
}

func (f *forms) name(file string, c *x509.Certificate) {
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	f.ts.Check(err)
	f.serial[file] = c.SerialNumber
	f.ts.Setenv(strings.ToUpper(file), serial.String())
}

// deltas are the complete CRLs 10 and 12, the delta CRL 11 on top of 10, and 13 on top of 12.
func (f *forms) deltas(ca *pkitest.CA) {
	freshest := []pkix.Extension{pkitest.FreshestCRL(f.ts.Getenv("WWW") + "/d.crl")}
	f.crl("10.crl", ca, pkitest.CRLOptions{Number: big.NewInt(10), ThisUpdate: f.ago(4), Extensions: freshest, Entries: f.entries("gone:1", "held:6")})
	f.crl("11d.crl", ca, pkitest.CRLOptions{Number: big.NewInt(11), ThisUpdate: f.ago(3), NextUpdate: f.now.Add(6 * time.Hour),
		Extensions: []pkix.Extension{pkitest.DeltaIndicator(10)}, Entries: f.entries("added:4", "held:8")})
	f.crl("12.crl", ca, pkitest.CRLOptions{Number: big.NewInt(12), ThisUpdate: f.ago(2), Extensions: freshest, Entries: f.entries("gone:1", "added:4")})
	f.crl("13d.crl", ca, pkitest.CRLOptions{Number: big.NewInt(13), ThisUpdate: f.ago(1), NextUpdate: f.now.Add(6 * time.Hour),
		Extensions: []pkix.Extension{pkitest.DeltaIndicator(12)}, Entries: f.entries("good:1", "gone:8")})
	f.crl("14.crl", ca, pkitest.CRLOptions{Number: big.NewInt(14)})
}

// partitions are CRLs of one kind of certificate, of some reasons, and of one distribution point.
func (f *forms) partitions(ca *pkitest.CA) {
	const compromise = 1<<1 | 1<<2
	for file, part := range map[string]struct {
		scope   pkitest.Scope
		entries []string
		next    time.Time
	}{
		"users.crl":      {scope: pkitest.Scope{OnlyUser: true}, entries: []string{"gone:1"}},
		"cas.crl":        {scope: pkitest.Scope{OnlyCA: true}},
		"compromise.crl": {scope: pkitest.Scope{OnlyReasons: compromise}, entries: []string{"gone:1"}},
		"others.crl":     {scope: pkitest.Scope{OnlyReasons: 0x1fe &^ compromise}, entries: []string{"added:4"}},
		"1.crl":          {scope: pkitest.Scope{URIs: []string{"http://crl.test/1"}}},
		"2.crl":          {scope: pkitest.Scope{URIs: []string{"http://crl.test/2"}}, entries: []string{"two:1"}, next: f.now.Add(-time.Hour)},
	} {
		f.crl(file, ca, pkitest.CRLOptions{ThisUpdate: f.ago(2), NextUpdate: part.next, Extensions: []pkix.Extension{part.scope.IDP()}, Entries: f.entries(part.entries...)})
	}
}

// indirect is one CRL for two CAs, signed by neither.
func (f *forms) indirect(ca, other, signer *pkitest.CA) {
	entries := f.entries("igone:1", "ogone:4")
	for i, of := range []*pkitest.CA{ca, other} {
		entries[i].ExtraExtensions = []pkix.Extension{pkitest.CertificateIssuer(of.Certificate)}
	}
	scope := []pkix.Extension{pkitest.Scope{Indirect: true}.IDP()}
	f.crl("indirect.crl", signer, pkitest.CRLOptions{ThisUpdate: f.ago(1), Extensions: scope, Entries: entries})
	f.crl("later.crl", signer, pkitest.CRLOptions{Number: big.NewInt(2), Extensions: scope})
}

// shrinking are a CRL of 600 entries and one that drops 500 of them.
func (f *forms) shrinking(ca *pkitest.CA) {
	all := f.entries("gone:1")
	for i := range 600 {
		all = append(all, x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i + 1)), RevocationTime: f.ago(5)})
	}
	f.crl("600.crl", ca, pkitest.CRLOptions{Number: big.NewInt(1), ThisUpdate: f.ago(3), Entries: all})
	f.crl("100.crl", ca, pkitest.CRLOptions{Number: big.NewInt(2), ThisUpdate: f.ago(2), Entries: all[:101]})
	f.crl("again.crl", ca, pkitest.CRLOptions{Number: big.NewInt(3), ThisUpdate: f.ago(1), Entries: all[:201]})
}

// entries makes an entry of each "leaf:reason".
func (f *forms) entries(list ...string) (entries []x509.RevocationListEntry) {
	for _, text := range list {
		name, reason, _ := strings.Cut(text, ":")
		entries = append(entries, x509.RevocationListEntry{SerialNumber: f.serial[name], ReasonCode: int(reason[0] - '0'), RevocationTime: f.ago(5)})
	}
	return entries
}

func (f *forms) ago(hours int) time.Time { return f.now.Add(-time.Duration(hours) * time.Hour) }

func (f *forms) crl(file string, by *pkitest.CA, o pkitest.CRLOptions) {
	der := must(f.ts, func() ([]byte, error) { return by.CRL(o) })
	f.ts.Check(os.WriteFile(filepath.Join(f.dir, "made", file), der, 0o644))
}
