package ocspder_test

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// The elements below are built by hand so that a table row can break any of them.

func der(tag byte, parts ...string) string {
	content := strings.Join(parts, "")
	switch n := len(content); {
	case n < 0x80:
		return string([]byte{tag, byte(n)}) + content
	case n < 0x100:
		return string([]byte{tag, 0x81, byte(n)}) + content
	case n < 0x10000:
		return string([]byte{tag, 0x82, byte(n >> 8), byte(n)}) + content
	default:
		return string([]byte{tag, 0x83, byte(n >> 16), byte(n >> 8), byte(n)}) + content
	}
}

func seq(parts ...string) string { return der(0x30, parts...) }
func octets(s string) string     { return der(0x04, s) }
func oid(content string) string  { return der(0x06, content) }

const (
	null       = "\x05\x00"
	sha1OID    = "\x2b\x0e\x03\x02\x1a"
	sha256OID  = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
	ocspArc    = "\x2b\x06\x01\x05\x05\x07\x30\x01"
	nonceOID   = ocspArc + "\x02"
	unknownOID = "\x2a\x03\x04"
	isTrue     = "\x01\x01\xff"
)

var (
	sha1ID  = certID(seq(oid(sha1OID), null), "\x2a")
	request = asRequest(seq(seq(sha1ID)))
)

func certID(algorithm, serial string) string {
	return seq(algorithm, octets(strings.Repeat("n", 20)), octets(strings.Repeat("k", 20)), der(0x02, serial))
}

func asRequest(tbs ...string) string { return seq(seq(tbs...)) }

func withExtensions(list ...string) string {
	return asRequest(seq(seq(sha1ID)), der(0xa2, seq(list...)))
}

func extension(id, value string) string { return seq(oid(id), octets(value)) }
func critical(id, value string) string  { return seq(oid(id), isTrue, octets(value)) }

func TestParseRequestRefuses(t *testing.T) {
	nonce := extension(nonceOID, octets("0123456789abcdef"))
	for name, in := range map[string]string{
		"nothing":                                      "",
		"one octet":                                    "\x30",
		"a cut request":                                request[:len(request)-1],
		"octets after the request":                     request + "\x00",
		"an indefinite length":                         "\x30\x80" + request[2:] + "\x00\x00",
		"a length longer than needed":                  "\x30\x81" + request[1:],
		"an empty message":                             seq(),
		"version 2":                                    asRequest(der(0xa0, der(0x02, "\x01")), seq(seq(sha1ID))),
		"version 1 written out":                        asRequest(der(0xa0, der(0x02, "\x00")), seq(seq(sha1ID))),
		"an empty list":                                asRequest(seq()),
		"no list":                                      asRequest(),
		"a Request without CertID":                     asRequest(seq(seq())),
		"a CertID with a fifth field":                  asRequest(seq(seq(seq(seq(oid(sha1OID)), octets("n"), octets("k"), der(2, "\x01"), null)))),
		"a CertID without serial":                      asRequest(seq(seq(seq(seq(oid(sha1OID)), octets("n"), octets("k"))))),
		"an empty serial":                              asRequest(seq(seq(certID(seq(oid(sha1OID), null), "")))),
		"a serial with a useless zero":                 asRequest(seq(seq(certID(seq(oid(sha1OID), null), "\x00\x01")))),
		"a serial with a useless ff":                   asRequest(seq(seq(certID(seq(oid(sha1OID), null), "\xff\x80")))),
		"a serial of 65 octets":                        asRequest(seq(seq(certID(seq(oid(sha1OID), null), strings.Repeat("\x01", 65))))),
		"a serial of a megabyte":                       asRequest(seq(seq(certID(seq(oid(sha1OID), null), strings.Repeat("\x01", 1<<20))))),
		"SHA-1 with an INTEGER parameter":              asRequest(seq(seq(certID(seq(oid(sha1OID), der(2, "\x01")), "\x01")))),
		"an unending hash identifier":                  asRequest(seq(seq(certID(seq(oid("\x2a\x83")), "\x01")))),
		"17 CertIDs":                                   asRequest(seq(strings.Repeat(seq(sha1ID), 17))),
		"10,000 CertIDs":                               asRequest(seq(strings.Repeat(seq(sha1ID), 10_000))),
		"a requestorName of two names":                 asRequest(der(0xa1, der(0x82, "a")+der(0x82, "b")), seq(seq(sha1ID))),
		"a requestorName that is no GeneralName":       asRequest(der(0xa1, null), seq(seq(sha1ID))),
		"a requestorName with an unknown tag":          asRequest(der(0xa1, der(0x89, "")), seq(seq(sha1ID))),
		"an unknown element after the list":            asRequest(seq(seq(sha1ID)), der(0xa3, null)),
		"an empty extension list":                      withExtensions(),
		"a duplicate extension":                        withExtensions(nonce, nonce),
		"a duplicate unknown extension":                withExtensions(extension(unknownOID, ""), extension(unknownOID, "x")),
		"33 extensions":                                withExtensions(manyExtensions(33)),
		"a critical unknown extension":                 withExtensions(critical(unknownOID, "")),
		"a criticality of FALSE":                       withExtensions(seq(oid(unknownOID), "\x01\x01\x00", octets(""))),
		"a criticality of 1":                           withExtensions(seq(oid(unknownOID), "\x01\x01\x01", octets(""))),
		"a critical unknown extension of one CertID":   asRequest(seq(seq(sha1ID, der(0xa0, seq(critical(unknownOID, "")))))),
		"a duplicate extension of one CertID":          asRequest(seq(seq(sha1ID, der(0xa0, seq(nonce, nonce))))),
		"a critical serviceLocator":                    asRequest(seq(seq(sha1ID, der(0xa0, seq(critical(ocspArc+"\x07", "")))))),
		"a nonce of 0 octets":                          withExtensions(extension(nonceOID, octets(""))),
		"a nonce of 129 octets":                        withExtensions(extension(nonceOID, octets(strings.Repeat("n", 129)))),
		"acceptable responses that are none":           withExtensions(extension(ocspArc+"\x04", octets("x"))),
		"preferred algorithms that are none":           withExtensions(extension(ocspArc+"\x08", octets("x"))),
		"a preferred algorithm with three fields":      withExtensions(extension(ocspArc+"\x08", seq(seq(seq(oid(sha1OID)), seq(oid(sha1OID)), null)))),
		"a preferred algorithm of two parameters":      withExtensions(extension(ocspArc+"\x08", seq(seq(seq(oid(sha1OID), null, null))))),
		"a signature of no octets":                     seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00")))),
		"a signature of a part of an octet":            seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x01\xfe")))),
		"a signature with 17 certificates":             seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00s"), der(0xa0, seq(strings.Repeat(seq(), 17)))))),
		"a signature that is none":                     seq(seq(seq(seq(sha1ID))), der(0xa0, octets("x"))),
		"a signature followed by something":            seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00s"))), null),
		"an OCSP request in place of the message list": asRequest(request, request),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ocspder.ParseRequest([]byte(in))
			if err == nil {
				t.Fatalf("got %+v, want a refusal", got)
			}
			if rule := revocation.RuleOf(err, ""); rule != "malformed" {
				t.Errorf("rule %q of %v, want malformed", rule, err)
			}
		})
	}
}

func manyExtensions(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(extension("\x2a\x03"+string(rune(1+i)), ""))
	}
	return b.String()
}

func TestParseRequestReads(t *testing.T) {
	nonce := strings.Repeat("n", 32)
	signature := der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00s"), der(0xa0, seq())))
	for name, row := range map[string]struct {
		in   string
		want func(*ocspder.Request) bool
	}{
		"one SHA-1 CertID": {request, func(r *ocspder.Request) bool {
			return len(r.CertIDs) == 1 && string(r.CertIDs[0].Raw) == sha1ID && r.CertIDs[0].Hash == crypto.SHA1 &&
				r.CertIDs[0].Serial == "\x2a" && string(r.CertIDs[0].NameHash) == strings.Repeat("n", 20)
		}},
		"SHA-256 with absent parameters, kept as received": {
			asRequest(seq(seq(certID(seq(oid(sha256OID)), "\x01")))), func(r *ocspder.Request) bool {
				return r.CertIDs[0].Hash == crypto.SHA256 && string(r.CertIDs[0].Raw) == certID(seq(oid(sha256OID)), "\x01")
			}},
		"an unknown hash algorithm as 0": {
			asRequest(seq(seq(certID(seq(oid(unknownOID), seq(null)), "\x01")))), func(r *ocspder.Request) bool {
				return r.CertIDs[0].Hash == 0
			}},
		"16 CertIDs in order": {asRequest(seq(sixteen())), func(r *ocspder.Request) bool {
			for i, id := range r.CertIDs {
				if id.Serial != revocation.Serial(rune(1+i)) {
					return false
				}
			}
			return len(r.CertIDs) == 16
		}},
		"a negative serial": {asRequest(seq(seq(certID(seq(oid(sha1OID), null), "\x80")))), func(r *ocspder.Request) bool {
			return r.CertIDs[0].Serial.Negative()
		}},
		"over a dNSName requestorName": {asRequest(der(0xa1, der(0x82, "a.test")), seq(seq(sha1ID))), func(r *ocspder.Request) bool {
			return len(r.CertIDs) == 1 && string(r.RequestorName) == der(0x82, "a.test")
		}},
		"over a directoryName requestorName": {asRequest(der(0xa1, der(0xa4, seq())), seq(seq(sha1ID))), func(r *ocspder.Request) bool {
			return len(r.CertIDs) == 1
		}},
		"a signed request": {seq(seq(seq(seq(sha1ID))), signature), func(r *ocspder.Request) bool {
			s := r.Signature
			return s != nil && string(s.TBS) == seq(seq(seq(sha1ID))) && string(s.Algorithm) == seq(oid(sha1OID)) &&
				string(s.Value) == "s" && len(s.Certificates) == 0 && !r.Plain
		}},
		"the certificates of a signed request in order": {seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00s"),
			der(0xa0, seq(seq("a"), seq("b")))))), func(r *ocspder.Request) bool {
			c := r.Signature.Certificates
			return len(c) == 2 && string(c[0]) == seq("a") && string(c[1]) == seq("b")
		}},
		"a nonce": {withExtensions(extension(nonceOID, octets(nonce))), func(r *ocspder.Request) bool {
			return string(r.Nonce) == nonce && r.NonceSent
		}},
		"a critical nonce": {withExtensions(critical(nonceOID, octets("x"))), func(r *ocspder.Request) bool {
			return string(r.Nonce) == "x"
		}},
		"a nonce of 128 octets": {withExtensions(extension(nonceOID, octets(strings.Repeat("n", 128)))), func(r *ocspder.Request) bool {
			return len(r.Nonce) == 128
		}},
		"over an unwrapped nonce": {withExtensions(extension(nonceOID, nonce)), func(r *ocspder.Request) bool {
			return r.Nonce == nil && r.NonceSent
		}},
		"over an unknown extension": {withExtensions(extension(unknownOID, "x")), func(r *ocspder.Request) bool {
			return !r.NonceSent
		}},
		"over a serviceLocator": {asRequest(seq(seq(sha1ID, der(0xa0, seq(extension(ocspArc+"\x07", "x")))))), func(r *ocspder.Request) bool {
			return len(r.CertIDs) == 1
		}},
		"a client that accepts basic": {withExtensions(extension(ocspArc+"\x04", seq(oid(unknownOID), oid(ocspArc+"\x01")))), func(r *ocspder.Request) bool {
			return !r.AcceptsOther
		}},
		"a client that accepts only another type": {withExtensions(extension(ocspArc+"\x04", seq(oid(unknownOID)))), func(r *ocspder.Request) bool {
			return r.AcceptsOther
		}},
		"preferred algorithms": {withExtensions(extension(ocspArc+"\x08", seq(seq(seq(oid(unknownOID)), seq(oid(sha1OID)))))), func(r *ocspder.Request) bool {
			return len(r.PreferredSignatures) == 1 && string(r.PreferredSignatures[0].Algorithm) == unknownOID &&
				r.PreferredSignatures[0].Parameters == nil && string(r.PreferredSignatures[0].KeyAlgorithm) == sha1OID
		}},
		"preferred algorithms with NULL and with parameters": {withExtensions(extension(ocspArc+"\x08",
			seq(seq(seq(oid(unknownOID), null)), seq(seq(oid(sha1OID), seq()), seq(oid(sha256OID), oid(sha1OID)))))), func(r *ocspder.Request) bool {
			p := r.PreferredSignatures
			return len(p) == 2 && p[0].Parameters == nil && p[0].KeyAlgorithm == nil && string(p[1].Parameters) == seq() &&
				string(p[1].KeyParameters) == oid(sha1OID)
		}},
		"the first 16 of many preferred algorithms": {withExtensions(extension(ocspArc+"\x08", seq(strings.Repeat(seq(seq(oid(sha1OID))), 20)))), func(r *ocspder.Request) bool {
			return len(r.PreferredSignatures) == 16
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := ocspder.ParseRequest([]byte(row.in))
			if err != nil {
				t.Fatal(err)
			}
			if !row.want(r) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestPlainRequestsAreOneCertIDAlone(t *testing.T) {
	for in, want := range map[string]bool{
		request: true,
		asRequest(seq(seq(certID(seq(oid(sha256OID)), "\x01")))):                       true,
		asRequest(seq(seq(sha1ID), seq(sha1ID))):                                       false,
		asRequest(der(0xa1, der(0x82, "a")), seq(seq(sha1ID))):                         false,
		withExtensions(extension(unknownOID, "")):                                      false,
		withExtensions(extension(nonceOID, octets("0123456789abcdef"))):                false,
		asRequest(seq(seq(sha1ID, der(0xa0, seq(extension(ocspArc+"\x07", "")))))):     false,
		seq(seq(seq(seq(sha1ID))), der(0xa0, seq(seq(oid(sha1OID)), der(3, "\x00s")))): false,
	} {
		if got := must(ocspder.ParseRequest([]byte(in))).Plain; got != want {
			t.Errorf("%x: plain %t, want %t", in, got, want)
		}
	}
}

func sixteen() string {
	var b strings.Builder
	for i := range 16 {
		b.WriteString(seq(certID(seq(oid(sha1OID), null), string(rune(1+i)))))
	}
	return b.String()
}

func TestRefusingAHugeRequestAllocatesLittle(t *testing.T) {
	huge := []byte(asRequest(seq(strings.Repeat(seq(sha1ID), 10_000))))
	serial := []byte(asRequest(seq(seq(certID(seq(oid(sha1OID), null), strings.Repeat("\x01", 1<<20))))))
	for name, in := range map[string][]byte{"10,000 CertIDs": huge, "a serial of a megabyte": serial} {
		if n := testing.AllocsPerRun(10, func() { ocspder.ParseRequest(in) }); n > 40 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestRequestsAgreeWithXCrypto(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	leaf := must(ca.Issue(pkitest.LeafOptions{}))
	serial := must(revocation.SerialFromBig(leaf.Certificate.SerialNumber))
	for _, hash := range ocspder.Hashes() {
		theirs := must(ocsp.CreateRequest(leaf.Certificate, ca.Certificate, &ocsp.RequestOptions{Hash: hash}))
		id := must(ocspder.CertIDFor(hash, ca.Certificate, serial))
		ours := must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil))
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%v: encoded\n%x, x/crypto encodes\n%x", hash, ours, theirs)
		}
		parsed := must(ocspder.ParseRequest(theirs))
		if got := &parsed.CertIDs[0]; !got.Names(ca.Certificate, serial) || got.Hash != hash {
			t.Errorf("%v: parsed CertID %+v does not name the leaf", hash, got)
		}
	}
}

func TestEncodeRequestRoundTripsSeveralCertIDsAndANonce(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	var ids []ocspder.CertID
	for _, serial := range []revocation.Serial{"\x01", "\x00\x80", "\x80"} {
		ids = append(ids, must(ocspder.CertIDFor(crypto.SHA256, ca.Certificate, serial)))
	}
	nonce := []byte(strings.Repeat("r", 32))
	r := must(ocspder.ParseRequest(must(ocspder.EncodeRequest(ids, nonce))))
	if len(r.CertIDs) != 3 || !bytes.Equal(r.Nonce, nonce) {
		t.Fatalf("got %+v", r)
	}
	for i := range ids {
		if !bytes.Equal(r.CertIDs[i].Raw, ids[i].Raw) || r.CertIDs[i].Serial != ids[i].Serial {
			t.Errorf("CertID %d: got %+v, want %+v", i, r.CertIDs[i], ids[i])
		}
	}
	if _, err := ocspder.EncodeRequest(nil, nil); err == nil {
		t.Error("a request for nothing was encoded")
	}
	if _, err := ocspder.EncodeRequest(ids, make([]byte, 129)); err == nil {
		t.Error("a nonce of 129 octets was encoded")
	}
}

// TestTheNonceOfRFC9654 is the extension of the example in RFC 9654 §2.1, whose head is 30 2f 06 09 … 04 22 04 20.
func TestTheNonceOfRFC9654(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	id := must(ocspder.CertIDFor(crypto.SHA256, ca.Certificate, "\x01"))
	got := must(ocspder.EncodeRequest([]ocspder.CertID{id}, make([]byte, 32)))
	want := must(hex.DecodeString("302f06092b0601050507300102042204200000"))
	if !bytes.Contains(got, want) {
		t.Errorf("%x does not contain %x", got, want)
	}
}

func TestRequestsOfOtherProjects(t *testing.T) {
	dir := corpora(t)
	for file, row := range map[string]struct {
		certIDs int // 0: refused
		nonce   bool
		signed  bool
	}{
		"pyca-x509/ocsp/req-sha1.der":                          {certIDs: 1},
		"pyca-x509/ocsp/req-multi-sha1.der":                    {certIDs: 2},
		"pyca-x509/ocsp/req-ext-nonce.der":                     {certIDs: 1, nonce: true},
		"pyca-x509/ocsp/req-ext-unknown-oid.der":               {certIDs: 1},
		"pyca-x509/ocsp/req-invalid-hash-alg.der":              {certIDs: 1},
		"pyca-x509/ocsp/req-acceptable-responses.der":          {certIDs: 1},
		"pyca-x509/ocsp/req-duplicate-ext.der":                 {},
		"pyca-x509/ocsp/ocsp-army.valid-req.der":               {certIDs: 1},
		"pyca-x509/ocsp/ocsp-army.revoked-req.der":             {certIDs: 1},
		"pyca-x509/ocsp/ocsp-army.inapplicable-req.der":        {certIDs: 1},
		"aws-lc-ocsp/ocsp_request.der":                         {certIDs: 1, nonce: true},
		"aws-lc-ocsp/ocsp_request_no_nonce.der":                {certIDs: 1},
		"aws-lc-ocsp/ocsp_request_signed.der":                  {certIDs: 1, nonce: true, signed: true},
		"aws-lc-ocsp/ocsp_request_signed_sha256.der":           {certIDs: 1, nonce: true, signed: true},
		"aws-lc-ocsp/ocsp_request_attached_cert.der":           {certIDs: 1, nonce: true, signed: true},
		"aws-lc-ocsp/ocsp_request_expired_signer_no_certs.der": {certIDs: 1, nonce: true, signed: true},
		"aws-lc-ocsp/ocsp_request_wrong_signer.der":            {certIDs: 1, nonce: true, signed: true},
		"rfc9919-examples/request.der":                         {certIDs: 1},
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := ocspder.ParseRequest(must(os.ReadFile(filepath.Join(dir, file))))
			if row.certIDs == 0 {
				if err == nil {
					t.Fatal("accepted, want a refusal")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(r.CertIDs) != row.certIDs || r.Nonce != nil != row.nonce || (r.Signature != nil) != row.signed {
				t.Errorf("got %d CertIDs, nonce %x, signed %t; want %+v", len(r.CertIDs), r.Nonce, r.Signature != nil, row)
			}
		})
	}
}

// corpora is the folder with test data of other projects, which is not part of this tree.
func corpora(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("VETO_CORPORA")
	if dir == "" {
		t.Skip("VETO_CORPORA is not set: no test data of other projects")
	}
	return dir
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
