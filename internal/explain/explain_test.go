package explain

import (
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// scene is a CA that is known, its signer, and a moment.
type scene struct {
	ca, other *pkitest.CA
	signer    *pkitest.Pair
	options   Options
}

func newScene() *scene {
	s := &scene{ca: must(pkitest.NewCA(pkitest.CAOptions{Name: "Corp"})), other: must(pkitest.NewCA(pkitest.CAOptions{Name: "Other"}))}
	s.signer = must(s.ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	s.options = Options{Issuers: []revocation.Issuer{issuerOf("corp", s.ca)}, Now: time.Now().UTC().Truncate(time.Second)}
	return s
}

func issuerOf(name string, ca *pkitest.CA) revocation.Issuer {
	return revocation.Issuer{Name: name, ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate}
}

func certID(hash crypto.Hash, ca *pkitest.CA, serial revocation.Serial) ocspder.CertID {
	return must(ocspder.CertIDFor(hash, ca.Certificate, serial))
}

// wantLines looks for texts in this order, each in a line of its own.
func wantLines(t *testing.T, lines []Line, wants ...string) {
	t.Helper()
	text := Text(lines)
	rest := text
	for _, want := range wants {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("no %q, or not in this order, in\n%s", want, text)
		}
		_, rest, _ = strings.Cut(after, "\n")
	}
}

// fullRequest has everything that RFC 6960 §4.1.1 allows.
func (s *scene) fullRequest() []byte {
	oid := func(b *cryptobyte.Builder, dotted ...uint8) {
		b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(dotted) })
	}
	pkixOCSP := func(n uint8) []uint8 { return []uint8{0x2b, 6, 1, 5, 5, 7, 0x30, 1, n} }
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(asn1.SEQUENCE, f) }
	extension := func(b *cryptobyte.Builder, id []uint8, f func(*cryptobyte.Builder)) {
		sequence(b, func(b *cryptobyte.Builder) {
			oid(b, id...)
			b.AddASN1(asn1.OCTET_STRING, f)
		})
	}
	ecdsaWithSHA256 := func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) { oid(b, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2) })
	}
	var b cryptobyte.Builder
	sequence(&b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) { // tbsRequest
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) {
				b.AddASN1(tag(4), func(b *cryptobyte.Builder) { b.AddBytes(s.other.Certificate.RawSubject) })
			})
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddBytes(certID(crypto.SHA1, s.ca, "\x01").Raw)
					b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
						sequence(b, func(b *cryptobyte.Builder) {
							extension(b, pkixOCSP(7), func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x30, 0}) })
						})
					})
				})
				sequence(b, func(b *cryptobyte.Builder) { b.AddBytes(certID(crypto.SHA256, s.other, "\x02").Raw) })
			})
			b.AddASN1(tag(2), func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					extension(b, pkixOCSP(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString([]byte("12345678")) })
					extension(b, pkixOCSP(4), func(b *cryptobyte.Builder) {
						sequence(b, func(b *cryptobyte.Builder) { oid(b, pkixOCSP(1)...) })
					})
					extension(b, pkixOCSP(8), func(b *cryptobyte.Builder) {
						sequence(b, func(b *cryptobyte.Builder) { sequence(b, ecdsaWithSHA256) })
					})
					extension(b, []uint8{0x2a, 3, 4}, func(b *cryptobyte.Builder) { b.AddBytes([]byte{0xca, 0xfe}) })
				})
			})
		})
		b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				ecdsaWithSHA256(b)
				b.AddASN1BitString([]byte{1})
				b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) { b.AddBytes(s.signer.Certificate.Raw) })
				})
			})
		})
	})
	return must(b.Bytes())
}

func TestARequestInWords(t *testing.T) {
	s := newScene()
	x := OCSP(s.fullRequest(), s.options)
	if x.Kind != Request {
		t.Fatalf("it is taken for %s", x.Kind)
	}
	wantLines(t, x.Lines,
		"An OCSP request, ", "certificate 1: serial 01", "issuer: by SHA-1, name hash ", `that is the issuer corp, "CN=Corp,O=veto"`,
		"extension service locator: ", "certificate 2: serial 02", "issuer: by SHA-256, name hash ",
		`the requestor calls itself "CN=Other,O=veto"`,
		"extension nonce: 3132333435363738, 8 octets; shorter than 16, so that veto answers without it [RFC 9654 §2.1]",
		"extension acceptable responses: the client takes responses of the types id-pkix-ocsp-basic",
		"extension preferred signature algorithms: best first, ecdsa-with-SHA256",
		"extension 1.2.3.4: not known here, 2 octets cafe",
		"signed by ecdsa-with-SHA256", `certificate 1: "CN=ocsp.test", issued by "CN=Corp,O=veto"`, "for OCSP signing, without need to check its own status")
}

func TestAShortRequestInWords(t *testing.T) {
	s := newScene()
	der := must(ocspder.EncodeRequest([]ocspder.CertID{certID(crypto.SHA1, s.ca, "\x01")}, nil))
	wantLines(t, OCSP(der, Options{}).Lines, "about 1 certificate.", "no nonce", "short enough for GET [RFC 9919 §6]")
}

// response signs a response of the scene's signer.
func (s *scene) response(data *ocspder.ResponseData) []byte {
	data.ResponderKeyHash, data.ProducedAt = must(ocspder.KeyHash(s.signer.Certificate)), s.options.Now
	tbs := ocspder.AppendTBS(nil, data)
	h := crypto.SHA256.New()
	h.Write(tbs)
	signature := must(s.signer.Key.Sign(nil, h.Sum(nil), crypto.SHA256))
	return ocspder.Assemble(tbs, must(hex.DecodeString("300a06082a8648ce3d040302")), signature, s.signer.Certificate.Raw)
}

func (s *scene) single(serial revocation.Serial, status revocation.Status) ocspder.SingleResponse {
	return ocspder.SingleResponse{CertID: certID(crypto.SHA1, s.ca, serial), Status: status, ThisUpdate: s.options.Now.Add(-time.Hour), NextUpdate: s.options.Now.Add(time.Hour)}
}

func TestAResponseInWords(t *testing.T) {
	s := newScene()
	revoked, never, old := s.single("\x02", revocation.Revoked), s.single("\x03", revocation.Revoked), s.single("\x04", revocation.Unknown)
	revoked.RevokedAt, revoked.Reason = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), revocation.KeyCompromise
	never.RevokedAt, never.Reason = time.Unix(0, 0), revocation.CertificateHold
	old.NextUpdate = s.options.Now.Add(-10 * time.Minute)
	der := s.response(&ocspder.ResponseData{Singles: []ocspder.SingleResponse{s.single("\x01", revocation.Good), revoked, never, old}, Nonce: make([]byte, 20), ExtendedRevoke: true})
	x := OCSP(der, s.options)
	if x.Kind != Response {
		t.Fatalf("it is taken for %s", x.Kind)
	}
	wantLines(t, x.Lines,
		"An OCSP response, ", "made at ", "by the responder whose key has the SHA-1 hash ", `that is certificate 1 below, "CN=ocsp.test"`,
		"signed by ecdsa-with-SHA256, ", "certificate 1: serial 01 is good", `that is the issuer corp`, "to be used until ",
		"certificate 2: serial 02 is revoked", "revoked since 2026-11-01T10:00:00Z, keyCompromise",
		"certificate 3: serial 03 is revoked", "the CA never issued it [RFC 6960 §4.4.8]",
		"certificate 4: serial 04 is unknown", ", which is over",
		"extension nonce: ", "extension extended revoke: ", `certificate 1: "CN=ocsp.test"`,
		"to be believed about certificate 1: ", "to be believed about certificate 2: ", "to be believed about certificate 3: ",
		"not to be believed about certificate 4: the response held until ")
}

func TestAForgedResponseIsNotToBeBelieved(t *testing.T) {
	s := newScene()
	der := s.response(&ocspder.ResponseData{Singles: []ocspder.SingleResponse{s.single("\x01", revocation.Good)}})
	der[len(der)-len(s.signer.Certificate.Raw)-20] ^= 1 // in the signature
	wantLines(t, OCSP(der, s.options).Lines, "not to be believed about certificate 1: ")
}

func TestErrorsInWords(t *testing.T) {
	for status, want := range map[ocspder.ResponseStatus]string{
		ocspder.MalformedRequest: "could not read the request", ocspder.InternalError: "something failed", ocspder.TryLater: "no answer now",
		ocspder.SigRequired: "signed requests only", ocspder.Unauthorized: "issuer is not one it knows",
	} {
		wantLines(t, OCSP(ocspder.ErrorResponse(status), Options{}).Lines, "without an answer: "+status.String(), want)
	}
}

func TestWhatCannotBeReadIsSaidWhy(t *testing.T) {
	s := newScene()
	request := s.fullRequest()
	response := s.response(&ocspder.ResponseData{Singles: []ocspder.SingleResponse{s.single("\x01", revocation.Good)}})
	for name, row := range map[string]struct {
		der  []byte
		kind string
		want string
	}{
		"a request cut short":   {request[:len(request)-1], Neither, "neither begins like this"},
		"a request with a tail": {append(append([]byte(nil), request...), 0), Request, "the request is not one DER SEQUENCE with nothing after it"},
		"a response of no type": {append(append([]byte(nil), response...), 0), Response, "the response is not one DER SEQUENCE"},
		"a certificate":         {s.ca.Certificate.Raw, Request, "An OCSP request that cannot be read"},
		"nothing":               {nil, Neither, "Neither an OCSP request nor a response, 0 octets"},
	} {
		t.Run(name, func(t *testing.T) {
			x := OCSP(row.der, Options{})
			if x.Kind != row.kind {
				t.Errorf("it is taken for %s, want %s", x.Kind, row.kind)
			}
			wantLines(t, x.Lines, row.want)
		})
	}
}

func TestMessagesAreReadAsPeopleHaveThem(t *testing.T) {
	der := newScene().fullRequest()
	text := base64.StdEncoding.EncodeToString(der)
	var broken strings.Builder
	for i := 0; i < len(text); i += 64 {
		broken.WriteString(text[i:min(i+64, len(text))] + "\n")
	}
	for name, form := range map[string]string{"DER": string(der), "base64": text, "base64 in lines": broken.String(), "base64 of a GET path": url.QueryEscape(text),
		"base64 without padding": strings.TrimRight(text, "=")} {
		if got, err := Decode([]byte(form)); err != nil || string(got) != string(der) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode([]byte("<html>")); err == nil {
		t.Error("HTML is taken for base64")
	}
}

func TestWhyItIsAnsweredSo(t *testing.T) {
	s := newScene()
	now := s.options.Now
	corp := &s.options.Issuers[0]
	crl := &revocation.CRLInfo{Number: "\x05"}
	next := now.Add(time.Hour)
	for name, row := range map[string]struct {
		answered Answered
		response ocspder.ResponseStatus
		wants    []string
	}{
		"not listed":    {Answered{Status: revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, CRL: crl, URL: "http://a/b", NextUpdate: next}}, 0, []string{": good.", "no CRL in force lists it: CRL number 5 from http://a/b, nextUpdate "}},
		"administered":  {Answered{Administered: true, Status: revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed}}, 0, []string{"nobody revoked the certificate"}},
		"listed":        {Answered{Status: revocation.CertStatus{Status: revocation.Revoked, Because: revocation.BecauseCRL, RevokedAt: now, Reason: revocation.Superseded, CRL: crl, URL: "http://a/b"}}, 0, []string{": revoked.", ", superseded, by CRL number 5"}},
		"administrator": {Answered{Status: revocation.CertStatus{Status: revocation.Revoked, Because: revocation.BecauseAdmin, RevokedAt: now}}, 0, []string{"an administrator revoked it"}},
		"retained":      {Answered{Status: revocation.CertStatus{Status: revocation.Revoked, Because: revocation.BecauseRetained, RevokedAt: now, CRL: crl}}, 0, []string{"until an administrator accepts that"}},
		"upstream":      {Answered{Status: revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseUpstream, URL: "http://ocsp"}}, 0, []string{"the CA's own responder says so: http://ocsp"}},
		"not issued":    {Answered{Status: revocation.CertStatus{Because: revocation.BecauseNotIssued}}, ocspder.Unauthorized, []string{"does not have this serial"}},
		"stale":         {Answered{Status: revocation.CertStatus{Because: revocation.BecauseStale, CRL: crl, NextUpdate: now}}, ocspder.TryLater, []string{": unknown.", "the evidence lapsed on ", "so the answer is tryLater"}},
		"no CRL":        {Answered{Status: revocation.CertStatus{Because: revocation.BecauseNoCRL}}, ocspder.TryLater, []string{"no CRL of the issuer was accepted yet", "tryLater"}},
		"not yet valid": {Answered{Status: revocation.CertStatus{Because: revocation.BecauseNotYetValid, CRL: crl}}, ocspder.TryLater, []string{"ahead of the clock here", "tryLater"}},
		"out of scope":  {Answered{Status: revocation.CertStatus{Because: revocation.BecauseOutOfScope}}, ocspder.TryLater, []string{"do not cover", "tryLater"}},
		"fenced":        {Answered{Status: revocation.CertStatus{Because: revocation.BecauseFenced}}, ocspder.TryLater, []string{"cut off", "tryLater"}},
		"no signer":     {Answered{SignerProblem: "no signer is configured", Status: revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed}}, ocspder.TryLater, []string{"but the answer is tryLater: no signer is configured"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := OCSP(must(ocspder.EncodeRequest([]ocspder.CertID{certID(crypto.SHA1, s.ca, "\x01")}, nil)), s.options)
			row.answered.Issuer = corp
			x.Because(ocspder.ErrorResponse(row.response), "", []Answered{row.answered}, s.options)
			wantLines(t, x.Why, append(append([]string{"Certificate 1, serial 01 of the issuer corp"}, row.wants[1:]...), "The answer:")...)
			wantLines(t, x.Why, row.wants[0])
		})
	}
}

func TestAnIssuerThatIsNotKnownIsShownBesideThoseThatAre(t *testing.T) {
	s := newScene()
	renewed := must(pkitest.NewCA(pkitest.CAOptions{Name: "Corp"}))
	renamed := must(pkitest.NewCA(pkitest.CAOptions{Name: "Renamed", UseKey: s.ca.Key}))
	for name, row := range map[string]struct {
		asked *pkitest.CA
		want  string
	}{
		"another":          {s.other, "known: corp: name hash "},
		"another key":      {renewed, "the same name with another key"},
		"another name":     {renamed, "the same key under another name"},
		"many are counted": {s.other, "and 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.options
			if name == "many are counted" {
				for range mostShown + 1 {
					o.Issuers = append(o.Issuers, s.options.Issuers[0])
				}
			}
			x := OCSP(must(ocspder.EncodeRequest([]ocspder.CertID{certID(crypto.SHA1, row.asked, "\x01")}, nil)), o)
			x.Because(ocspder.ErrorResponse(ocspder.Unauthorized), "", make([]Answered, 1), o)
			wantLines(t, x.Why, "its issuer is not known here, so the answer is unauthorized", "asked for: SHA-1 name hash ", row.want, "The answer:", "unauthorized (6)")
		})
	}
}

func TestTheAnswerToWhatCannotBeReadOrIsTooLong(t *testing.T) {
	s := newScene()
	x := OCSP(append(s.fullRequest(), 0), s.options)
	x.Because(ocspder.ErrorResponse(ocspder.MalformedRequest), "", nil, s.options)
	wantLines(t, x.Why, "so the answer is malformedRequest", "malformedRequest (1)")
	x = OCSP(s.fullRequest(), s.options)
	x.Because(nil, "HTTP 413, an OCSP request has at most 10000 octets", make([]Answered, 2), s.options)
	wantLines(t, x.Why, "The answer: HTTP 413")
	both := []Answered{{Issuer: &s.options.Issuers[0]}, {Issuer: &s.options.Issuers[0]}}
	x.Because(ocspder.ErrorResponse(ocspder.Unauthorized), "", both, s.options)
	wantLines(t, x.Why, "of several issuers that have no signer in common")
}

// TestRealMessagesAreExplained explains what other projects and CAs have made.
func TestRealMessagesAreExplained(t *testing.T) {
	dir := os.Getenv("VETO_CORPORA")
	if dir == "" {
		t.Skip("VETO_CORPORA is not set: no test data of other projects")
	}
	kinds := map[string]int{}
	for _, folder := range []string{"openssl-ocsp", "pyca-x509", "aws-lc-ocsp", "realworld-ocsp", "rfc9919-examples"} {
		filepath.WalkDir(filepath.Join(dir, folder), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !(strings.HasSuffix(path, ".der") || strings.HasSuffix(path, ".ors")) {
				return err
			}
			der, err := Decode(must(os.ReadFile(path)))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			x := OCSP(der, Options{Now: time.Now()})
			kinds[x.Kind]++
			if len(x.Lines) < 2 {
				t.Errorf("%s: %s", path, Text(x.Lines))
			}
			return nil
		})
	}
	if kinds[Request] < 10 || kinds[Response] < 50 {
		t.Errorf("explained: %v", kinds)
	}
}

// FuzzOCSP holds that no octets crash the explanation, and that every line says something in one line.
func FuzzOCSP(f *testing.F) {
	s := newScene()
	f.Add(s.fullRequest())
	f.Add(s.response(&ocspder.ResponseData{Singles: []ocspder.SingleResponse{s.single("\x01", revocation.Good)}, Nonce: make([]byte, 20)}))
	f.Add(ocspder.ErrorResponse(ocspder.TryLater))
	f.Fuzz(func(t *testing.T, der []byte) {
		x := OCSP(der, s.options)
		if len(x.Lines) == 0 {
			t.Fatal("nothing is said")
		}
		if x.Kind == Request {
			x.Because(ocspder.ErrorResponse(ocspder.TryLater), "", make([]Answered, len(x.CertIDs())), s.options)
		}
		for _, l := range append(x.Lines, x.Why...) {
			if l.Text == "" || strings.ContainsAny(l.Text, "\n\r\x1b") {
				t.Fatalf("a line is %q", l.Text)
			}
		}
	})
}
