package verify_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// The cases below have the numbers and the meaning of NIST's PKITS (Public Key Interoperability Test Suite), rebuilt from its
// description.

// plain is a world with one CA and a leaf, and the entries of the CA's CRL to come.
func plain(t testing.TB) (*world, *x509.Certificate) {
	w := newWorld(t)
	w.ca("CA")
	return w, w.cert(certificate{subject: "EE", issuer: "CA"})
}

type rowOfWorld struct {
	name  string
	build func(t *testing.T) (*world, *x509.Certificate)
	want  revocation.Status
}

func runWorlds(t *testing.T, rows []rowOfWorld) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w, leaf := row.build(t)
			w.want(leaf, row.want)
			w.alike(row.name, leaf)
		})
	}
}

// withLists is a plain world with CRLs made for its leaf.
func withLists(lists func(ee *x509.Certificate) []list) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w, ee := plain(t)
		w.lists = append(w.lists, lists(ee)...)
		return w, ee
	}
}

func oneList(change func(l *list, ee *x509.Certificate)) func(t *testing.T) (*world, *x509.Certificate) {
	return withLists(func(ee *x509.Certificate) []list {
		l := list{issuer: "CA", file: "CA CRL", number: 1}
		change(&l, ee)
		return []list{l}
	})
}

func TestPKITS44BasicRevocation(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	unknownCritical := ext(99, true, raw("0500"))
	serial := func(ee, listed string) func(t *testing.T) (*world, *x509.Certificate) {
		return func(t *testing.T) (*world, *x509.Certificate) {
			w, _ := plain(t)
			leaf := w.cert(certificate{subject: "EE", issuer: "CA", serial: raw(ee)})
			other := w.cert(certificate{subject: "Other", issuer: "CA", serial: raw(listed)})
			w.lists = append(w.lists, list{issuer: "CA", file: "CA CRL", entries: [][]byte{revoked(other, 1)}})
			return w, leaf
		}
	}
	const long = "7f02030405060708090a0b0c0d0e0f1011121314"
	runWorlds(t, []rowOfWorld{
		{"4.4.1 no CRL of the CA", withLists(func(*x509.Certificate) []list { return nil }), unknown},
		{"4.4.2 the CA is revoked", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := plain(t)
			w.lists[0].entries = [][]byte{revoked(w.pool[0], 1)}
			w.lists = append(w.lists, list{issuer: "CA"})
			return w, ee
		}, gone},
		{"4.4.3 the certificate is revoked", oneList(func(l *list, ee *x509.Certificate) { l.entries = [][]byte{revoked(ee, 1)} }), gone},
		{"4.4.4 the CRL's signature is bad", oneList(func(l *list, _ *x509.Certificate) { l.broken = true }), unknown},
		{"4.4.5 the CRL's issuer name is another", oneList(func(l *list, _ *x509.Certificate) { l.rawIssuer = name("CB") }), unknown},
		{"4.4.6 the CRL is of the trust anchor", withLists(func(*x509.Certificate) []list { return []list{{issuer: "TA", number: 9}} }), unknown},
		{"4.4.7 two CRLs, one good and one with a bad signature that lists it", withLists(func(ee *x509.Certificate) []list {
			return []list{{issuer: "CA", number: 2, broken: true, entries: [][]byte{revoked(ee, 1)}}, {issuer: "CA", number: 1}}
		}), good},
		{"4.4.8 unknown critical entry extension", oneList(func(l *list, ee *x509.Certificate) {
			l.entries = [][]byte{revoked(ee, 1, unknownCritical)}
		}), unknown},
		{"4.4.9 unknown critical CRL extension", oneList(func(l *list, ee *x509.Certificate) {
			l.extensions = [][]byte{unknownCritical}
			l.entries = [][]byte{revoked(ee, 1)}
		}), unknown},
		{"4.4.10 unknown critical CRL extension, not listed", oneList(func(l *list, _ *x509.Certificate) { l.extensions = [][]byte{unknownCritical} }), unknown},
		{"4.4.11 nextUpdate is past", oneList(func(l *list, _ *x509.Certificate) { l.next = noon.Add(-time.Minute) }), unknown},
		{"4.4.12 nextUpdate is before 2000", oneList(func(l *list, _ *x509.Certificate) {
			l.this, l.next = time.Date(1998, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
		}), unknown},
		{"4.4.14 negative serial, another is listed", serial("ff", "00ff"), good},
		{"4.4.15 negative serial is listed", serial("ff", "ff"), gone},
		{"4.4.16 long serial, a prefix is listed", serial(long, long[:36]), good},
		{"4.4.17 long serial that differs in the last octet", serial(long, long[:38]+"15"), good},
		{"4.4.18 long serial is listed", serial(long, long), gone},
		{"a listing counts when the CRL is past its time", oneList(func(l *list, ee *x509.Certificate) {
			l.next, l.entries = noon.Add(-time.Minute), [][]byte{revoked(ee, 1)}
		}), gone},
		{"a hold of a stale CRL is lifted by a fresh one", withLists(func(ee *x509.Certificate) []list {
			return []list{{issuer: "CA", number: 1, next: noon.Add(-time.Minute), entries: [][]byte{revoked(ee, 6)}}, {issuer: "CA", number: 2}}
		}), good},
		{"a fresh CRL of another key does not lift what a stale one revoked for good", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := rollover("old", "new", "old", "new", false)(t)
			w.lists = append(w.lists, list{issuer: "CA", signer: "old", file: "stale CRL", idp: fullName("CA/EE"), next: noon.Add(-time.Minute),
				entries: [][]byte{revoked(ee, 1)}})
			return w, ee
		}, gone},
		{"a fresh CRL of another key lifts a hold of a stale one", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := rollover("old", "new", "old", "new", false)(t)
			w.lists = append(w.lists, list{issuer: "CA", signer: "old", file: "stale CRL", idp: fullName("CA/EE"), next: noon.Add(-time.Minute),
				entries: [][]byte{revoked(ee, 6)}})
			return w, ee
		}, good},
		{"the newest number counts, whatever the order", withLists(func(ee *x509.Certificate) []list {
			return []list{{issuer: "CA", number: 2, entries: [][]byte{revoked(ee, 1)}}, {issuer: "CA", number: 1}}
		}), gone},
		{"thisUpdate is ahead", oneList(func(l *list, _ *x509.Certificate) { l.this = noon.Add(10 * time.Minute) }), unknown},
		{"without nextUpdate, of today", oneList(func(l *list, _ *x509.Certificate) { l.noNext = true }), good},
		{"without nextUpdate, of last month", oneList(func(l *list, _ *x509.Certificate) { l.noNext, l.this = true, noon.AddDate(0, -1, 0) }), unknown},
		{"older than a maximal age that is given", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := oneList(func(l *list, _ *x509.Certificate) { l.this = noon.Add(-3 * time.Hour) })(t)
			w.o.MaxAge = 2 * time.Hour
			return w, ee
		}, unknown},
		{"version 1", oneList(func(l *list, _ *x509.Certificate) { l.version1 = true }), good},
		{"an empty list of entries", oneList(func(l *list, _ *x509.Certificate) { l.emptyList = true }), unknown},
		{"the issuer's name in other case, type and spaces", oneList(func(l *list, _ *x509.Certificate) {
			l.rawIssuer = seq(tlv(0x31, seq(raw("0603 550403"), tlv(0x0c, []byte("  cA ")))))
		}), good},
		{"removeFromCRL in a complete CRL leaves it revoked", oneList(func(l *list, ee *x509.Certificate) { l.entries = [][]byte{revoked(ee, 8)} }), gone},
		{"noRevAvail", func(t *testing.T) (*world, *x509.Certificate) {
			w := newWorld(t)
			w.ca("CA")
			return w, w.cert(certificate{subject: "EE", issuer: "CA", extensions: [][]byte{ext(56, false, raw("0500"))}})
		}, good},
	})
}

func TestNoRevAvailBesideDistributionPointsIsInvalid(t *testing.T) {
	w := newWorld(t)
	w.ca("CA")
	leaf := w.cert(certificate{subject: "EE", issuer: "CA", extensions: [][]byte{ext(56, false, raw("0500")), cdp(fullName("http://a/b"))}})
	if r := w.judge(leaf)[0]; r.Invalid == nil || r.Status != revocation.Unknown {
		t.Errorf("got %+v, want it invalid", r)
	}
}

// separate is a CA with one certificate for signing certificates and one for signing CRLs.
func separate(usage byte, signerRevoked, eeRevoked bool) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.add(certificate{subject: "CA", issuer: "TA", ca: true, usage: certSign})
		signer := w.add(certificate{subject: "CA", key: "CRL key", issuer: "TA", usage: usage})
		ee := w.cert(certificate{subject: "EE", issuer: "CA"})
		l := list{issuer: "CA", signer: "CRL key", file: "CA CRL"}
		if eeRevoked {
			l.entries = [][]byte{revoked(ee, 1)}
		}
		if signerRevoked {
			w.lists[0].entries = [][]byte{revoked(signer, 1)}
		}
		w.lists = append(w.lists, l)
		return w, ee
	}
}

func TestPKITS44SeparateKeys(t *testing.T) {
	runWorlds(t, []rowOfWorld{
		{"4.4.19 separate certificate and CRL keys", separate(crlSign, false, false), revocation.Good},
		{"4.4.20 the certificate is revoked", separate(crlSign, false, true), revocation.Revoked},
		{"4.4.21 the CRL signer is revoked", separate(crlSign, true, false), revocation.Unknown},
		{"the CRL signer has no key usage extension", separate(0, false, false), revocation.Good},
		{"the CRL signer may sign certificates only", separate(certSign, false, false), revocation.Unknown},
		{"nobody says whether the CRL signer is revoked", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := separate(crlSign, false, false)(t)
			w.lists[0].idp = onlyCA
			return w, ee
		}, revocation.Unknown},
		{"the CRL signer is of another trust anchor", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := separate(crlSign, false, false)(t)
			w.pool[1] = w.cert(certificate{subject: "CA", key: "CRL key", issuer: "Other TA", usage: crlSign})
			w.add(certificate{subject: "Other TA", issuer: "Other TA", ca: true, usage: certAndCRLs})
			return w, ee
		}, revocation.Unknown},
	})
}

// rollover is a CA with an old and a new key and a certificate of one by the other.
func rollover(caKey, otherKey, eeSigner, crlSigner string, eeRevoked bool) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.add(certificate{subject: "CA", key: caKey, issuer: "TA", ca: true, usage: certAndCRLs})
		w.add(certificate{subject: "CA", key: otherKey, issuer: "CA", signer: caKey, ca: true, usage: certAndCRLs,
			extensions: [][]byte{cdp(fullName("CA/Self-issued"))}})
		ee := w.cert(certificate{subject: "EE", issuer: "CA", signer: eeSigner, extensions: [][]byte{cdp(fullName("CA/EE"))}})
		l := list{issuer: "CA", signer: crlSigner, file: "CA CRL", idp: fullName("CA/EE")}
		if eeRevoked {
			l.entries = [][]byte{revoked(ee, 1)}
		}
		w.lists = append(w.lists, l, list{issuer: "CA", signer: caKey, file: "self-issued CRL", idp: fullName("CA/Self-issued")})
		return w, ee
	}
}

func TestPKITS45SelfIssued(t *testing.T) {
	crlKey := func(eeRevoked bool) func(t *testing.T) (*world, *x509.Certificate) {
		return func(t *testing.T) (*world, *x509.Certificate) {
			w := newWorld(t)
			w.add(certificate{subject: "CA", issuer: "TA", ca: true, usage: certSign})
			w.add(certificate{subject: "CA", key: "CRL key", issuer: "CA", usage: crlSign, extensions: [][]byte{cdp(fullName("CA/CRL key"))}})
			ee := w.cert(certificate{subject: "EE", issuer: "CA"})
			l := list{issuer: "CA", signer: "CRL key", file: "CA CRL"}
			if eeRevoked {
				l.entries = [][]byte{revoked(ee, 1)}
			}
			w.lists = append(w.lists, l)
			return w, ee
		}
	}
	runWorlds(t, []rowOfWorld{
		{"4.5.1 old with new", rollover("new", "old", "old", "new", false), revocation.Good},
		{"4.5.2 old with new, revoked", rollover("new", "old", "old", "new", true), revocation.Revoked},
		{"4.5.3 new with old", rollover("old", "new", "new", "new", false), revocation.Good},
		{"4.5.4 new with old, certificate of the old key", rollover("old", "new", "old", "new", false), revocation.Good},
		{"4.5.5 new with old, revoked", rollover("old", "new", "old", "new", true), revocation.Revoked},
		{"4.5.6 a key for CRLs only, whose status is in a CRL it signed", crlKey(false), revocation.Good},
		{"4.5.7 a key for CRLs only, revoked", crlKey(true), revocation.Revoked},
	})
	t.Run("4.5.8 a key for CRLs only signs no certificates", func(t *testing.T) {
		w, _ := crlKey(false)(t)
		ee := w.cert(certificate{subject: "EE", issuer: "CA", signer: "CRL key"})
		if paths, err := verify.Paths(ee, w.pool, []*x509.Certificate{w.root}, noon); err == nil {
			t.Errorf("got %d paths", len(paths))
		}
	})
}

func TestPKITS47KeyUsage(t *testing.T) {
	noCRLs := func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.add(certificate{subject: "CA", issuer: "TA", ca: true, usage: certSign})
		w.lists = append(w.lists, list{issuer: "CA", file: "CA CRL"})
		return w, w.cert(certificate{subject: "EE", issuer: "CA"})
	}
	runWorlds(t, []rowOfWorld{{"4.7.4, 4.7.5 the CA may not sign CRLs", noCRLs, revocation.Unknown}})
}
