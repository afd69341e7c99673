package verify_test

import (
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// pointed is a plain world whose leaf has the extensions (nil: none) and whose CA signs a CRL for each IDP, listing the leaf in
// those that are marked.
func pointed(extension []byte, idps [][]byte, listedIn ...int) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.ca("CA")
		c := certificate{subject: "EE", issuer: "CA"}
		if extension != nil {
			c.extensions = [][]byte{extension}
		}
		ee := w.cert(c)
		for i, idp := range idps {
			l := list{issuer: "CA", file: "CA CRL " + string(rune('A'+i)), idp: idp, number: 1}
			for _, n := range listedIn {
				if n == i {
					l.entries = [][]byte{revoked(ee, 1)}
				}
			}
			w.lists = append(w.lists, l)
		}
		return w, ee
	}
}

// kind judges a leaf of a kind by a CRL for one kind.
func kind(idp []byte, c certificate) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.ca("CA")
		w.lists = append(w.lists, list{issuer: "CA", file: "CA CRL", idp: idp})
		c.subject, c.issuer = "EE", "CA"
		return w, w.cert(c)
	}
}

func TestPKITS414DistributionPoints(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	one, other, relative := fullName("CA/CRL1"), fullName("CA/CRL2"), relativeName("CRL1")
	idps := func(list ...[]byte) [][]byte { return list }
	ca := certificate{ca: true, usage: certAndCRLs}
	runWorlds(t, []rowOfWorld{
		{"4.14.1 fullName in both", pointed(cdp(one), idps(one)), good},
		{"4.14.2 fullName in both, revoked", pointed(cdp(one), idps(one), 0), gone},
		{"4.14.3 another fullName", pointed(cdp(other), idps(one)), unknown},
		{"4.14.4 nameRelativeToCRLIssuer in both", pointed(cdp(relative), idps(relative)), good},
		{"4.14.5 nameRelativeToCRLIssuer in the certificate, fullName in the CRL", pointed(cdp(relative), idps(one)), good},
		{"4.14.6 nameRelativeToCRLIssuer in both, revoked", pointed(cdp(relative), idps(relative), 0), gone},
		{"4.14.7 fullName in the certificate, nameRelativeToCRLIssuer in the CRL", pointed(cdp(one), idps(relative)), good},
		{"4.14.8 another nameRelativeToCRLIssuer", pointed(cdp(relativeName("CRL2")), idps(relative)), unknown},
		{"4.14.9 no distribution point in the certificate, one in the CRL", pointed(nil, idps(one)), unknown},
		{"4.14.10 no issuing distribution point", pointed(cdp(one), idps(nil)), good},
		{"one of several names matches", pointed(cdp(fullName("http://a/b", "CA/CRL1")), idps(fullName("CA/CRL9", "CA/CRL1"))), good},
		{"a directory name matches in other case", pointed(cdp(fullName("ca/crl1")), idps(one)), good},
		{"a URI matches octet by octet only", pointed(cdp(fullName("http://A/b")), idps(fullName("http://a/b"))), unknown},
		{"the implied point has the issuer's name", pointed(nil, idps(fullName("CA"))), good},
		{"the implied point is tried after the others", pointed(cdp(other), idps(fullName("CA"))), good},
		{"4.14.11 onlyContainsUserCerts, of a CA", kind(onlyUser, ca), unknown},
		{"4.14.12 onlyContainsCACerts, of an end entity", kind(onlyCA, certificate{}), unknown},
		{"4.14.13 onlyContainsCACerts, of a CA", kind(onlyCA, ca), good},
		{"4.14.14 onlyContainsAttributeCerts", kind(onlyAttribute, certificate{}), unknown},
		{"onlyContainsUserCerts, of an end entity", kind(onlyUser, certificate{}), good},
		{"onlyContainsUserCerts, of a version 1 certificate", kind(onlyUser, certificate{version1: true}), unknown},
		{"a version 1 certificate in a CRL for all", kind(nil, certificate{version1: true}), good},
	})
}

func TestPKITS414OnlySomeReasons(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	idps := func(list ...[]byte) [][]byte { return list }
	two := idps(compromise, otherReasons)
	apart := idps(join(fullName("CA/CRL1"), compromise), join(fullName("CA/CRL2"), otherReasons))
	points := cdp(join(fullName("CA/CRL1"), pointCompromise), join(fullName("CA/CRL2"), pointOthers))
	runWorlds(t, []rowOfWorld{
		{"two CRLs cover all reasons", pointed(nil, two), good},
		{"4.14.15 listed in the first", pointed(nil, two, 0), gone},
		{"4.14.16 listed in the second", pointed(nil, two, 1), gone},
		{"4.14.17 two CRLs do not cover all reasons", pointed(nil, idps(compromise, affiliation)), unknown},
		{"4.14.18 two CRLs, one point without reasons", pointed(cdp(fullName("CA/CRL1")), idps(join(fullName("CA/CRL1"), compromise),
			join(fullName("CA/CRL1"), otherReasons))), good},
		{"4.14.19 two CRLs, two points with reasons", pointed(points, apart), good},
		{"4.14.20 two points, listed in the first", pointed(points, apart, 0), gone},
		{"4.14.21 two points, listed in the second", pointed(points, apart, 1), gone},
		{"one of two points has no CRL", pointed(points, apart[:1]), unknown},
		{"a point's reasons limit a CRL for all reasons", pointed(cdp(join(fullName("CA/CRL1"), pointCompromise)),
			idps(fullName("CA/CRL1"))), unknown},
		{"the unused bit covers nothing, and is in nobody's way", pointed(cdp(join(fullName("CA/CRL1"), raw("8102 05e0"))),
			idps(join(fullName("CA/CRL1"), raw("8303 07ff 80")))), unknown},
		{"the unused bit beside all others", pointed(cdp(fullName("CA/CRL1")), idps(join(fullName("CA/CRL1"), raw("8303 07ff 80")))), good},
		{"the unused bit alone", pointed(nil, idps(raw("8302 0780"))), unknown},
		{"one CRL twice covers nothing more", pointed(nil, idps(compromise, compromise)), unknown},
	})
}

// indirectWorld has CA1, which signs indirect CRLs, and CA2, which signs none; the leaf is of one of them.
func indirectWorld(leafOf string, extension []byte, entries func(ee *x509.Certificate) [][]byte) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.ca("CA1")
		w.ca("CA2")
		c := certificate{subject: "EE", issuer: leafOf}
		if extension != nil {
			c.extensions = [][]byte{extension}
		}
		ee := w.cert(c)
		l := list{issuer: "CA1", file: "CA1 CRL", idp: indirect}
		if entries != nil {
			l.entries = entries(ee)
		}
		w.lists = append(w.lists, l)
		return w, ee
	}
}

func TestPKITS414IndirectCRLs(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	listed := func(before ...string) func(ee *x509.Certificate) [][]byte {
		return func(ee *x509.Certificate) [][]byte {
			var list [][]byte
			for _, issuer := range before {
				other := &x509.Certificate{SerialNumber: new(big.Int).Add(ee.SerialNumber, one)}
				list = append(list, revoked(other, 1, of(issuer)))
			}
			return append(list, revoked(ee, 1))
		}
	}
	byCA1 := cdp(crlIssuer("CA1"))
	runWorlds(t, []rowOfWorld{
		{"4.14.22 of the CRL's own issuer", indirectWorld("CA1", nil, nil), good},
		{"4.14.22 another issuer's certificate of that serial is listed", indirectWorld("CA1", nil, func(ee *x509.Certificate) [][]byte {
			return [][]byte{revoked(ee, 1, of("CA2"))}
		}), good},
		{"4.14.23 of the CRL's own issuer, revoked", indirectWorld("CA1", nil, listed()), gone},
		{"4.14.24 of another issuer by cRLIssuer", indirectWorld("CA2", byCA1, nil), good},
		{"4.14.24 the CRL issuer's own certificate of that serial is listed", indirectWorld("CA2", byCA1, listed()), good},
		{"4.14.25 of another issuer by cRLIssuer, revoked", indirectWorld("CA2", byCA1, func(ee *x509.Certificate) [][]byte {
			return [][]byte{revoked(ee, 1, of("CA2"))}
		}), gone},
		{"4.14.25 the certificate issuer is carried on to the entry", indirectWorld("CA2", byCA1, listed("CA2")), gone},
		{"the carried certificate issuer is the last", indirectWorld("CA2", byCA1, listed("CA2", "CA1")), good},
		{"the certificate issuer matches in other case", indirectWorld("CA2", byCA1, listed("ca2")), gone},
		{"4.14.26 of another issuer without cRLIssuer", indirectWorld("CA2", cdp(fullName("CA1/CRL")), nil), unknown},
		{"4.14.27 the cRLIssuer's CRL is not indirect", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := indirectWorld("CA2", byCA1, nil)(t)
			w.lists[1].idp = nil
			return w, ee
		}, unknown},
		{"the cRLIssuer is named and only the issuer's own CRL is there", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := indirectWorld("CA2", byCA1, nil)(t)
			w.lists[1] = list{issuer: "CA2", file: "CA2 CRL"}
			return w, ee
		}, unknown},
		{"entries of other issuers in a CRL that is not indirect", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := indirectWorld("CA1", nil, listed("CA2"))(t)
			w.lists[1].idp = nil
			return w, ee
		}, unknown},
	})
}

// issuerWorld has a CA whose CRLs a signer of its own issues; the signer's status is on the CA's CRL, or on its own.
func issuerWorld(point []byte, ownStatus bool, change func(w *world, ee *x509.Certificate)) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w := newWorld(t)
		w.ca("CA3")
		c := certificate{subject: "CA3/Signer", issuer: "CA3", usage: crlSign}
		if ownStatus {
			c.extensions = [][]byte{cdp(join(fullName("CA3/Signer/CRL"), crlIssuer("CA3/Signer")))}
		} else {
			w.lists = append(w.lists, list{issuer: "CA3", file: "CA3 CRL"})
		}
		w.add(c)
		ee := w.cert(certificate{subject: "EE", issuer: "CA3", extensions: [][]byte{cdp(point)}})
		w.lists = append(w.lists, list{issuer: "CA3/Signer", file: "signer's CRL", idp: join(fullName("CA3/Signer/CRL"), indirect)})
		if change != nil {
			change(w, ee)
		}
		return w, ee
	}
}

func TestPKITS414CRLIssuer(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	full := join(fullName("CA3/Signer/CRL"), crlIssuer("CA3/Signer"))
	relative := join(relativeName("CRL"), crlIssuer("CA3/Signer"))
	list := func(index int, entry func(w *world, ee *x509.Certificate) []byte) func(w *world, ee *x509.Certificate) {
		return func(w *world, ee *x509.Certificate) {
			w.lists[index].entries = append(w.lists[index].entries, entry(w, ee))
		}
	}
	runWorlds(t, []rowOfWorld{
		{"4.14.28 the signer's status is on the CA's CRL", issuerWorld(full, false, nil), good},
		{"4.14.29 a name relative to the cRLIssuer", issuerWorld(relative, false, nil), good},
		{"4.14.30 the signer's status is on its own CRL", issuerWorld(full, true, nil), good},
		{"the signer lists itself", issuerWorld(full, true, list(1, func(w *world, _ *x509.Certificate) []byte {
			return revoked(w.pool[1], 1, of("CA3"))
		})), unknown},
		{"the CA lists the signer", issuerWorld(full, false, list(1, func(w *world, _ *x509.Certificate) []byte {
			return revoked(w.pool[1], 1)
		})), unknown},
		{"4.14.31 revoked by an entry with its issuer", issuerWorld(full, true, list(1, func(_ *world, ee *x509.Certificate) []byte {
			return revoked(ee, 1, of("CA3"))
		})), gone},
		{"4.14.33 the serial is listed for the signer's own certificates", issuerWorld(full, true, list(1, func(_ *world, ee *x509.Certificate) []byte {
			return revoked(ee, 1)
		})), good},
		{"4.14.35 the point has another name than the CRL", issuerWorld(join(fullName("CA3/Signer/Other"), crlIssuer("CA3/Signer")), false, nil), unknown},
		{"a cRLIssuer alone stands for the point's name", issuerWorld(crlIssuer("CA3/Signer"), false, func(w *world, _ *x509.Certificate) {
			w.lists[2].idp = join(fullName("CA3/Signer"), indirect)
		}), good},
	})
}
