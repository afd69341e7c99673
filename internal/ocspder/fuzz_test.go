package ocspder_test

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// FuzzParseRequest compares with x/crypto/ocsp, which reads the first CertID only and is laxer: what is accepted here
// without requestorName and signature it must read the same way.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{request, asRequest(seq(sixteen())), withExtensions(critical(nonceOID, octets("x"))),
		withExtensions(extension(unknownOID, "")), asRequest(der(0xa1, der(0x82, "a")), seq(seq(sha1ID)))} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, err := ocspder.ParseRequest(in)
		if err != nil {
			if revocation.RuleOf(err, "") != "malformed" || len(err.Error()) > 500 {
				t.Fatalf("the error is no short refusal: %v", err)
			}
			return
		}
		if len(ours.CertIDs) == 0 || len(ours.CertIDs) > ocspder.MaxCertIDs || len(ours.Nonce) > ocspder.MaxNonce {
			t.Fatalf("accepted beyond the limits: %+v", ours)
		}
		theirs, err := ocsp.ParseRequest(in)
		if err != nil {
			return // requestorName, signatures, other hash algorithms
		}
		id := &ours.CertIDs[0]
		if id.Hash != theirs.HashAlgorithm || !bytes.Equal(id.NameHash, theirs.IssuerNameHash) ||
			!bytes.Equal(id.KeyHash, theirs.IssuerKeyHash) || id.Serial.Big().Cmp(theirs.SerialNumber) != 0 {
			t.Fatalf("read %+v, x/crypto read %+v", id, theirs)
		}
	})
}

// FuzzParseResponse checks that what is read can be written again: the data of a v1 response without responseExtensions comes
// out as the same octets.
func FuzzParseResponse(f *testing.F) {
	for _, data := range goldens() {
		f.Add(ocspder.Assemble(ocspder.AppendTBS(nil, &data), []byte(seq(oid(sha256OID))), []byte("s"), []byte(seq(null))))
	}
	f.Add(ocspder.ErrorResponse(ocspder.TryLater))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ocspder.ParseResponse(in)
		if err != nil || r.Status != ocspder.Successful || (r.ResponderName == nil && len(r.ResponderKeyHash) != 20) || len(r.Extensions) > 0 {
			return
		}
		for _, s := range r.Singles {
			if s.Status == revocation.Revoked && s.Reason == revocation.Unspecified {
				return
			}
			if s.NextUpdate.IsZero() {
				return // year 1 and absent look alike
			}
		}
		data := ocspder.ResponseData{ResponderName: r.ResponderName, ProducedAt: r.ProducedAt, Singles: r.Singles}
		copy(data.ResponderKeyHash[:], r.ResponderKeyHash)
		if bytes.Contains(r.TBS[:8], []byte("\xa0\x03\x02\x01\x00")) {
			return // v1 written out
		}
		if again := ocspder.AppendTBS(nil, &data); !bytes.Equal(again, r.TBS) {
			t.Fatalf("read\n%x, written again\n%x", r.TBS, again)
		}
	})
}
