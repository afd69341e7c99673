package verify_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestWhoMaySignACAsCRLs has a CA with an old and a new key, a key of the CA for CRLs only, a signer with another name, and its
// double with another key.
func TestWhoMaySignACAsCRLs(t *testing.T) {
	k := newKit(t)
	old := k.cert(certificate{subject: "CA", key: "old", issuer: "TA", ca: true, usage: certAndCRLs})
	renewed := k.cert(certificate{subject: "CA", key: "new", issuer: "TA", ca: true, usage: certAndCRLs})
	noCRLs := k.cert(certificate{subject: "CA", key: "certificates only", issuer: "TA", ca: true, usage: certSign})
	crlKey := k.cert(certificate{subject: "CA", key: "CRLs only", issuer: "CA", signer: "old", usage: crlSign})
	signer := k.cert(certificate{subject: "Signer", issuer: "TA", usage: crlSign})
	anyUsage := k.cert(certificate{subject: "Signer", issuer: "TA"})
	certificatesOnly := k.cert(certificate{subject: "Signer", issuer: "TA", usage: certSign})
	expired := k.cert(certificate{subject: "Signer", issuer: "TA", usage: crlSign, from: noon.AddDate(0, -2, 0), until: noon.AddDate(0, -1, 0)})
	early := k.cert(certificate{subject: "Signer", issuer: "TA", usage: crlSign, from: noon.AddDate(0, 1, 0), until: noon.AddDate(0, 2, 0)})
	oldCA := k.cert(certificate{subject: "CA", key: "old", issuer: "TA", ca: true, usage: certAndCRLs, from: noon.AddDate(0, -2, 0), until: noon.AddDate(0, -1, 0)})

	by := func(list ...*x509.Certificate) []*x509.Certificate { return list }
	bySigner := list{issuer: "Signer", idp: indirect}
	otherWriting := list{signer: "old", rawIssuer: seq(tlv(0x31, seq(raw("0603 550403"), tlv(0x0c, []byte("  cA ")))))}
	for _, row := range []struct {
		name       string
		crl        list
		cas        []*x509.Certificate
		signers    []*x509.Certificate
		want       *x509.Certificate
		rule, says string
	}{
		{"the CA", list{issuer: "CA", signer: "old"}, by(old), nil, old, "", ""},
		{"the CA by another writing of its name", otherWriting, by(old), nil, old, "", ""},
		{"the CA, whose certificate has expired", list{issuer: "CA", signer: "old"}, by(oldCA), nil, oldCA, "", ""},
		{"the CA's new key", list{issuer: "CA", signer: "new"}, by(old, renewed), nil, renewed, "", ""},
		{"the CA's old key", list{issuer: "CA", signer: "old"}, by(renewed, old), nil, old, "", ""},
		{"the CA's new key, which is not configured", list{issuer: "CA", signer: "new"}, by(old), nil, nil, "key", "same name with another key"},
		{"a key for CRLs", list{issuer: "CA", signer: "CRLs only"}, by(noCRLs), by(crlKey), crlKey, "", ""},
		{"a key for CRLs that is not configured", list{issuer: "CA", signer: "CRLs only"}, by(old), by(signer), nil, "key", ""},
		{"the CA's key for certificates", list{issuer: "CA", signer: "certificates only"}, by(noCRLs), nil, nil, "usage", "cRLSign"},
		{"a signer of indirect CRLs", bySigner, by(old), by(signer), signer, "", ""},
		{"a signer without key usage", bySigner, by(old), by(anyUsage), anyUsage, "", ""},
		{"a signer of indirect CRLs that is not configured", bySigner, by(old), by(crlKey), nil, "issuer", "or a CRL signer that is configured"},
		{"a signer of its own CRLs", list{issuer: "Signer"}, by(old), by(signer), nil, "issuer", "does not say indirectCRL"},
		{"a signer who may not", bySigner, by(old), by(certificatesOnly), nil, "usage", `"CN=Signer"`},
		{"a signer who may no longer", bySigner, by(old), by(expired), nil, "signer", "configure its successor"},
		{"a signer who may not yet", bySigner, by(old), by(early), nil, "signer", "valid from 2026-04-01"},
		{"one certificate of a signer that may and one that may no longer", bySigner, by(old), by(expired, signer), signer, "", ""},
		{"somebody with the signer's name", list{issuer: "Signer", signer: "mallory", keyID: "Signer", idp: indirect}, by(old), by(signer), nil, "signature", ""},
		{"nobody is configured", list{issuer: "CA", signer: "old"}, nil, nil, nil, "issuer", ""},
		{"a delta", list{issuer: "CA", signer: "old", number: 3, base: 2}, by(old), nil, old, "", ""},
		{"a delta without a number", list{issuer: "CA", signer: "old", base: 2}, by(old), nil, nil, "delta", "no number itself"},
		{"version 1", list{issuer: "CA", signer: "old", version1: true}, by(old), nil, old, "", ""},
		{"an empty list of entries", list{issuer: "CA", signer: "old", emptyList: true}, by(old), nil, old, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			who := verify.CRLIssuer{Certificates: row.cas, Signers: row.signers}
			got, err := verify.CRL(decode(t, k.crlDER(row.crl)), who, noon, verify.CRLOptions{})
			if got != row.want || revocation.RuleOf(err, "") != row.rule || (err == nil) != (row.rule == "") {
				t.Fatalf("signed by %v, %v; want %v and rule %q", got, err, row.want, row.rule)
			}
			if err != nil && !strings.Contains(err.Error(), row.says) {
				t.Errorf("the error is %q, want %q in it", err, row.says)
			}
		})
	}
}

// TestOwnEntriesAreTheCAs: the certificate issuer is carried from entry to entry, and matches by RFC 5280 §7.1.
func TestOwnEntriesAreTheCAs(t *testing.T) {
	k := newKit(t)
	ca := k.cert(certificate{subject: "CA", issuer: "TA", ca: true, usage: certAndCRLs})
	signer := k.cert(certificate{subject: "Signer", issuer: "TA", usage: crlSign})
	who := verify.CRLIssuer{Certificates: []*x509.Certificate{ca}, Signers: []*x509.Certificate{signer}}
	var serials [][]byte
	for i := range byte(6) {
		serials = append(serials, []byte{i + 1})
	}
	entry := func(i int, more ...[]byte) []byte {
		e := [][]byte{tlv(0x02, serials[i]), utc(noon)}
		if more != nil {
			e = append(e, seq(more...))
		}
		return seq(e...)
	}
	for _, row := range []struct {
		name    string
		crl     list
		entries [][]byte
		want    string
	}{
		{"of the CA's CRL", list{issuer: "CA"}, [][]byte{entry(0), entry(1)}, "12"},
		{"of the CA's indirect CRL", list{issuer: "CA", idp: indirect}, [][]byte{entry(0), entry(1, of("Other")), entry(2), entry(3, of("CA")), entry(4)}, "145"},
		{"of a signer's CRL", list{issuer: "Signer", idp: indirect},
			[][]byte{entry(0), entry(1, of("ca")), entry(2), entry(3, of("Signer")), entry(4), entry(5, of("CA"))}, "236"},
		{"of nobody", list{issuer: "CA", idp: indirect}, [][]byte{entry(0), entry(1, ext(29, true, seq(tlv(0x86, []byte("x"))))), entry(2)}, "1"},
		{"none", list{issuer: "CA"}, nil, ""},
	} {
		got := ""
		own := verify.NewOwnEntries(who, func(r *revocation.Record) error { got += string('0' + rune(r.Serial[0])); return nil })
		row.crl.entries = row.entries
		if _, err := crlder.Decode(bytes.NewReader(k.crlDER(row.crl)), crlder.Options{Begin: own.Begin}, own.Add); err != nil || got != row.want {
			t.Errorf("%s: got %q, %v; want %q", row.name, got, err, row.want)
		}
	}
	own := verify.NewOwnEntries(who, func(*revocation.Record) error { t.Error("an entry of a stranger was passed on"); return nil })
	stranger := list{issuer: "Stranger", entries: [][]byte{entry(0, of("CA"))}, idp: indirect}
	if _, err := crlder.Decode(bytes.NewReader(k.crlDER(stranger)), crlder.Options{Begin: own.Begin}, own.Add); revocation.RuleOf(err, "") != "issuer" {
		t.Errorf("a stranger's CRL: %v, want rule issuer", err)
	}
}

func TestOneSeriesIsNotReplacedByAnother(t *testing.T) {
	k := newKit(t)
	info := func(l list) *revocation.CRLInfo {
		l.extensions = append(l.extensions, ext(99, false, raw("0500")))
		return verify.CRLInfo(decode(t, k.crlDER(l)), revocation.IssuerID{}, revocation.ScopeID{}, "")
	}
	at := func(number int64, idp ...[]byte) list {
		l := list{issuer: "CA", number: number, this: noon.Add(time.Duration(number-60) * time.Minute)}
		if len(idp) > 0 {
			l.idp = join(idp...)
		}
		return l
	}
	a, b, both := fullName("http://a/1"), fullName("http://a/2"), fullName("http://a/2", "http://a/1")
	directory := fullName("CA/CRL1")
	other, cased := at(2), at(2)
	other.issuer, cased.issuer = "CB", "ca"
	delta := at(2)
	delta.base = 1
	for _, row := range []struct {
		name       string
		prev, next list
		pin        string
		rule, says string
	}{
		{"the next", at(1), at(2), "", "", ""},
		{"the issuer's name in other case", at(1), cased, "", "", ""},
		{"a delta after a complete one", at(1), delta, "", "scope", "configure them apart"},
		{"a complete one after a delta", delta, at(3), "", "scope", "a complete CRL, and the one it would replace is a delta CRL"},
		{"another CRL issuer", at(1), other, "", "scope", `issued by "CN=CB", and the one it would replace by "CN=CA"`},
		{"the same distribution point", at(1, a), at(2, a), "", "", ""},
		{"another distribution point", at(1, a), at(2, b), "", "scope", "pin it with distribution_point: http://a/2"},
		{"another distribution point, which is pinned", at(1, a), at(2, b), "http://a/2", "", ""},
		{"another distribution point, and the one in force is pinned", at(1, a), at(2, b), "http://a/1", "scope", "http://a/1"},
		{"one more distribution point", at(1, a), at(2, both), "", "", ""},
		{"one distribution point fewer", at(1, both), at(2, a), "", "", ""},
		{"a distribution point by another kind of name", at(1, a), at(2, directory), "", "scope", "with a directory name"},
		{"the same directory name, relative", at(1, directory), at(2, relativeName("CRL1")), "", "", ""},
		{"a distribution point where there was none", at(1), at(2, a), "", "", ""},
		{"no distribution point where there was one", at(1, a), at(2), "", "", ""},
		{"users only where there were all", at(1), at(2, onlyUser), "", "scope", "lists end-entity certificates only, and the one it would replace certificates of any kind"},
		{"CAs only where there were users", at(1, onlyUser), at(2, onlyCA), "", "scope", "in another way"},
		{"CAs only where there were users, at a point that is pinned", at(1, a, onlyUser), at(2, a, onlyCA), "http://a/1", "scope", ""},
		{"users again", at(1, onlyUser), at(2, onlyUser), "", "", ""},
		{"all where there were users", at(1, onlyUser), at(2), "", "", ""},
		{"some reasons where there were all", at(1), at(2, compromise), "", "scope", "not affiliationChanged"},
		{"other reasons", at(1, compromise), at(2, otherReasons), "", "scope", "not keyCompromise, cACompromise"},
		{"the same reasons", at(1, compromise), at(2, compromise), "", "", ""},
		{"all reasons where there were some", at(1, compromise), at(2), "", "", ""},
	} {
		same, err := verify.Newer(info(row.prev), info(row.next), row.pin)
		if same || revocation.RuleOf(err, "") != row.rule || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: got %v, want rule %q saying %q", row.name, err, row.rule, row.says)
		}
	}
}
