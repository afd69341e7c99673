package crlfetch

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// tlv makes one DER element of up to 255 octets.
func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	if len(body) < 0x80 {
		return append([]byte{tag, byte(len(body))}, body...)
	}
	return append([]byte{tag, 0x81, byte(len(body))}, body...)
}

func extension(arc int, critical bool, value []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, arc}, Critical: critical, Value: value}
}

func fullName(uris ...string) []byte {
	var names [][]byte
	for _, uri := range uris {
		names = append(names, tlv(0x86, []byte(uri)))
	}
	return tlv(0xa0, tlv(0xa0, names...))
}

// The extensions that make the forms of CRLs. Flags of an issuing distribution point are the numbers of their tags.
func idpOf(name []byte, flags ...byte) pkix.Extension {
	for _, f := range flags {
		name = append(bytes.Clone(name), 0x80|f, 1, 0xff)
	}
	return extension(28, true, tlv(0x30, name))
}

func deltaOn(base byte) pkix.Extension { return extension(27, true, []byte{2, 1, base}) }

func freshestAt(uris ...string) pkix.Extension {
	return extension(46, false, tlv(0x30, tlv(0x30, fullName(uris...))))
}

const (
	onlyUsers, onlyCAs, indirect, onlyAttributes byte = 1, 2, 4, 5
)

// entryOf lists a serial, of another issuer when one is given.
func entryOf(serial int64, issuer *x509.Certificate) x509.RevocationListEntry {
	e := x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: time.Now().Add(-time.Hour)}
	if issuer != nil {
		e.ExtraExtensions = []pkix.Extension{extension(29, true, tlv(0x30, tlv(0xa4, issuer.RawSubject)))}
	}
	return e
}

// makeForm is makeCRL with extensions, and entries as they are.
func makeForm(t testing.TB, ca *pkitest.CA, number int64, entries []x509.RevocationListEntry, list ...pkix.Extension) []byte {
	t.Helper()
	der, err := ca.CRL(pkitest.CRLOptions{Number: big.NewInt(number), ThisUpdate: time.Now().Add(time.Duration(number-100) * time.Second),
		Entries: entries, Extensions: list})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (r *rig) form(number int64, list ...pkix.Extension) []byte {
	r.t.Helper()
	return makeForm(r.t, r.ca, number, []x509.RevocationListEntry{entryOf(number, nil)}, list...)
}

// signerOf is a signer of the CA's CRLs with another name.
func signerOf(t testing.TB, ca *pkitest.CA) *pkitest.CA {
	return newCA(t, pkitest.CAOptions{Name: "CRL signer", Parent: ca, KeyUsage: x509.KeyUsageCRLSign})
}

func TestEveryFormOfCRLIsTaken(t *testing.T) {
	const point = "http://pki.test/1.crl"
	someReasons := extension(28, true, tlv(0x30, []byte{0x83, 2, 5, 0x60}))
	for name, list := range map[string][]pkix.Extension{
		"complete": nil, "of users": {idpOf(nil, onlyUsers)}, "of CAs": {idpOf(nil, onlyCAs)}, "of some reasons": {someReasons},
		"indirect": {idpOf(nil, indirect)}, "at a distribution point": {idpOf(fullName(point))}, "with deltas": {freshestAt("http://a/d.crl")},
	} {
		r := newRig(t)
		r.serve(serveBytes(r.form(5, list...)))
		res := r.refresh()
		if !res.Changed {
			t.Errorf("%s: %v", name, res.Err)
			continue
		}
		r.wantHeld("5", "05")
		if !bytes.Equal(res.Info.CRLIssuer, r.ca.Certificate.RawSubject) || (len(list) > 0 && list[0].Id[3] == 28) != (res.Info.IDP != nil) {
			t.Errorf("%s: the CRL is described as %+v", name, res.Info)
		}
	}
}

func TestASourceTakesItsOwnFormOnly(t *testing.T) {
	r := newRig(t)
	r.src.MaxShrink = 0.25
	r.hold()
	if r.memory.maxShrink != 0.25 {
		t.Errorf("the store was told a largest shrink of %v", r.memory.maxShrink)
	}
	r.serve(serveBytes(r.form(6, deltaOn(5))))
	if res := r.refresh(); ruleOf(res.Err) != "delta" || !strings.Contains(res.Err.Error(), "since CRL number 5") {
		t.Errorf("a delta for a complete source: %v", res.Err)
	}
	r.wantHeld("5", "01", "02")

	d := newRig(t)
	d.src.Delta, d.src.Base = true, r.src.Scope()
	d.serve(serveBytes(d.form(6)))
	if res := d.refresh(); ruleOf(res.Err) != "delta" || !strings.Contains(res.Err.Error(), "a complete CRL") {
		t.Errorf("a complete CRL for a delta source: %v", res.Err)
	}
	d.serve(serveBytes(d.form(6, deltaOn(5))))
	if res := d.refresh(); !res.Changed || res.Info.BaseNumber.String() != "5" {
		t.Errorf("a delta for a delta source: %+v", res)
	}
	d.serve(serveBytes(d.form(5, deltaOn(4))))
	if res := d.refresh(); ruleOf(res.Err) != "rollback" {
		t.Errorf("an older delta: %v", res.Err)
	}
}

func TestOfAnIndirectCRLTheCAsEntriesAreHeld(t *testing.T) {
	r := newRig(t)
	signer, other := signerOf(t, r.ca), newCA(t, pkitest.CAOptions{Name: "Another CA"})
	crl := makeForm(t, signer, 5, []x509.RevocationListEntry{entryOf(1, nil), entryOf(2, r.ca.Certificate), entryOf(3, nil),
		entryOf(4, other.Certificate), entryOf(5, nil), entryOf(6, r.ca.Certificate)}, idpOf(nil, indirect))
	r.serve(serveBytes(crl))
	if res := r.refresh(); ruleOf(res.Err) != "issuer" {
		t.Errorf("of a signer that is not configured: %v, want rule issuer", res.Err)
	}
	r.src.Signers = []*x509.Certificate{signer.Certificate}
	if res := r.refresh(); !res.Changed || res.Info.Entries != 6 {
		t.Fatalf("the result is %+v", res)
	}
	r.wantHeld("5", "02", "03", "06")

	r.serve(serveBytes(makeForm(t, signer, 6, nil)))
	if res := r.refresh(); ruleOf(res.Err) != "issuer" || !strings.Contains(res.Err.Error(), "does not say indirectCRL") {
		t.Errorf("a signer's CRL of its own certificates: %v", res.Err)
	}
	r.serve(serveBytes(makeForm(t, r.ca, 6, []x509.RevocationListEntry{entryOf(1, other.Certificate)})))
	if res := r.refresh(); ruleOf(res.Err) != "indirect" {
		t.Errorf("entries of others in a CRL that is not indirect: %v", res.Err)
	}
	r.serve(serveBytes(makeForm(t, r.ca, 7, []x509.RevocationListEntry{entryOf(1, nil), entryOf(2, other.Certificate), entryOf(3, r.ca.Certificate)}, idpOf(nil, indirect))))
	if res := r.refresh(); ruleOf(res.Err) != "scope" {
		t.Errorf("another CRL issuer: %v", res.Err)
	}
	r.wantHeld("5", "02", "03", "06")
}

// TestSerialsOfAttributeCertificatesAreNotHeld: they are numbers of their own.
func TestSerialsOfAttributeCertificatesAreNotHeld(t *testing.T) {
	r := newRig(t)
	r.serve(serveBytes(r.form(5, idpOf(nil, onlyAttributes))))
	if res := r.refresh(); !res.Changed || res.Info.Coverage() != (revocation.Coverage{}) {
		t.Errorf("the result is %+v", res)
	}
	r.wantHeld("5")
	r.memory.buildErr = os.ErrPermission
	r.serve(serveBytes(r.form(6, idpOf(nil, onlyAttributes))))
	if res := r.refresh(); ruleOf(res.Err) != "store" {
		t.Errorf("a build that cannot begin: %v", res.Err)
	}
}

func TestKeysOfACAInTurn(t *testing.T) {
	r := newRig(t)
	renewed := newCA(t, pkitest.CAOptions{})
	r.hold()
	r.serve(serveBytes(makeCRL(t, renewed, 6, 3)))
	if res := r.refresh(); ruleOf(res.Err) != "key" {
		t.Errorf("a key that is not configured: %v", res.Err)
	}
	r.src.Certificates = []*x509.Certificate{r.ca.Certificate, renewed.Certificate}
	if res := r.refresh(); !res.Changed {
		t.Errorf("the new key: %v", res.Err)
	}
	r.serve(serveBytes(r.crl(7, 4)))
	if res := r.refresh(); !res.Changed {
		t.Errorf("the old key: %v", res.Err)
	}
}

func TestARevokedSignerIsNotBelieved(t *testing.T) {
	r := newRig(t)
	signer := signerOf(t, r.ca)
	r.src.Signers = []*x509.Certificate{signer.Certificate}
	var asked []*x509.Certificate
	verdict := false
	r.updater.revoked = func(c *x509.Certificate) bool { asked = append(asked, c); return verdict }
	r.serve(serveBytes(r.form(4, idpOf(fullName("http://a/1")))))
	if res := r.refresh(); !res.Changed || len(asked) != 0 {
		t.Fatalf("of the CA itself nothing is asked: %+v, asked %d times", res, len(asked))
	}
	r.src.URL += "?signer"
	r.track = track{}
	r.serve(serveBytes(makeForm(t, signer, 5, nil, idpOf(nil, indirect))))
	if res := r.refresh(); !res.Changed || len(asked) != 1 || !asked[0].Equal(signer.Certificate) {
		t.Errorf("a signer that is not revoked: %+v, asked %d times", res, len(asked))
	}
	verdict = true
	r.serve(serveBytes(makeForm(t, signer, 6, nil, idpOf(nil, indirect))))
	if res := r.refresh(); ruleOf(res.Err) != "signer" || !strings.Contains(res.Err.Error(), "is revoked") {
		t.Errorf("a revoked signer: %v", res.Err)
	}
	if !strings.Contains(r.log.String(), "level=ERROR") {
		t.Error("a revoked signer's CRL is no alarm")
	}
	r.wantHeld("5")
}

func TestAShardIsNotReplacedByAnother(t *testing.T) {
	const one, two = "http://pki.test/1.crl", "http://pki.test/2.crl"
	r := newRig(t)
	r.serve(serveBytes(r.form(5, idpOf(fullName(one)))))
	r.refresh()
	r.serve(serveBytes(r.form(6, idpOf(fullName(two)))))
	res := r.refresh()
	if ruleOf(res.Err) != "scope" || !strings.Contains(res.Err.Error(), "distribution_point: "+two) || !strings.Contains(r.log.String(), "level=ERROR") {
		t.Errorf("another shard: %v; log %s", res.Err, r.log.String())
	}
	r.wantHeld("5", "05")
	r.src.DistributionPoint = two
	if res := r.refresh(); !res.Changed {
		t.Errorf("another shard that is pinned: %v", res.Err)
	}
	r.wantHeld("6", "06")
	for what, crl := range map[string][]byte{"the shard before": r.form(7, idpOf(fullName(one))), "a CRL without a distribution point": r.form(7)} {
		r.serve(serveBytes(crl))
		if res := r.refresh(); ruleOf(res.Err) != "distribution_point" || !strings.Contains(res.Err.Error(), two) {
			t.Errorf("%s: %v", what, res.Err)
		}
	}
	r.serve(serveBytes(r.form(7, idpOf(fullName(one, two)))))
	if res := r.refresh(); !res.Changed {
		t.Errorf("one of two names is pinned: %v", res.Err)
	}
	r.src.DistributionPoint = "http://pki.test/3.crl"
	if res := r.refresh(); ruleOf(res.Err) != "distribution_point" || res.Info.Number.String() != "7" {
		t.Errorf("the CRL in force does not have a pin that is new: %+v", res)
	}
}

func TestAFolderOfEveryForm(t *testing.T) {
	const one, two = "http://pki.test/1.crl", "http://pki.test/2.crl"
	r := newRigWithoutServer(t)
	dir := t.TempDir()
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signer := signerOf(t, r.ca)
	put("ca.crl", r.form(5, idpOf(fullName(one))))
	put("ca+.crl", r.form(8, idpOf(fullName(one)), deltaOn(5)))
	put("signer's own.crl", makeForm(t, signer, 9, nil))
	fresh := func(change func(*Source)) (Result, *rig) {
		f := &rig{updater: r.updater, t: t, memory: newMemory(t), ca: r.ca, src: r.src}
		f.updater.store, f.updater.builder = f.memory, f.memory
		f.src.URL, f.src.Signers = "file://"+dir+"/", []*x509.Certificate{signer.Certificate}
		change(&f.src)
		return f.refresh(), f
	}
	complete := func(*Source) {}
	if res, _ := fresh(complete); !res.Changed || res.Info.Number.String() != "5" {
		t.Errorf("the complete CRL beside a delta and a signer's own: %+v", res)
	}
	if res, _ := fresh(func(s *Source) { s.Delta = true }); !res.Changed || res.Info.Number.String() != "8" {
		t.Errorf("the delta beside a complete CRL: %+v", res)
	}
	if got := testutil.ToFloat64(r.updater.metrics.Broken.WithLabelValues("corp", "file://"+dir+"/")); got != 0 {
		t.Errorf("%v broken files were counted, want none: those of others are not broken", got)
	}
	_, held := fresh(complete)
	put("two.crl", r.form(6, idpOf(fullName(two))))
	if res, _ := fresh(complete); ruleOf(res.Err) != "scope" || !strings.Contains(res.Err.Error(), "comparing") {
		t.Errorf("two shards and none is pinned: %v", res.Err)
	}
	r.updater.store, r.updater.builder = held.memory, held.memory
	if res := held.refresh(); !res.NotModified {
		t.Errorf("two shards when one is in force: %+v", res)
	}
	if res, _ := fresh(func(s *Source) { s.DistributionPoint = two }); !res.Changed || res.Info.Number.String() != "6" {
		t.Errorf("two shards and one is pinned: %+v", res)
	}
}

func TestADirectoryHoldsDeltasInAnAttributeOfTheirOwn(t *testing.T) {
	r, d := newDirectoryRig(t, "")
	r.src.Delta = true
	d.hold("deltaRevocationList;binary", r.form(6, deltaOn(5)), r.form(7, deltaOn(5)))
	if res := r.refresh(); !res.Changed || res.Info.Number.String() != "7" {
		t.Errorf("the newest delta was not taken: %+v", res)
	}
	if asked := d.asked[len(d.asked)-1]; !strings.HasSuffix(asked, "deltaRevocationList;binary,deltaRevocationList") {
		t.Errorf("the directory was asked %q", asked)
	}
}

func TestAMirrorOfAnotherShardIsNoEquivocation(t *testing.T) {
	inMirroredRig(t, func(t *testing.T, r *rig, h *hosts) {
		h.serve("a.test", serveBytes(r.form(5, idpOf(fullName("http://pki.test/1.crl")))))
		h.serve("b.test", serveBytes(r.form(5, idpOf(fullName("http://pki.test/2.crl")))))
		for range compareAfter {
			r.refresh()
		}
		if got := testutil.ToFloat64(r.updater.metrics.Mirrors.WithLabelValues("corp", r.src.URL, "scope")); got != 1 {
			t.Errorf("%v comparisons ended with rule scope, want 1", got)
		}
		h.serve("a.test", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		if res := r.refresh(); ruleOf(res.Err) != "scope" {
			t.Errorf("the primary failed, and the mirror has another shard: %v", res.Err)
		}
	})
}
