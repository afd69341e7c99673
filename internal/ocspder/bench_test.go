package ocspder_test

import (
	"testing"

	"github.com/vetopki/veto/internal/ocspder"
)

func BenchmarkParseRequest(b *testing.B) {
	in := []byte(request)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ocspder.ParseRequest(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRequestWithNonce(b *testing.B) {
	in := []byte(withExtensions(extension(nonceOID, octets("0123456789abcdef"))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ocspder.ParseRequest(in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeResponse is everything but the signature.
func BenchmarkEncodeResponse(b *testing.B) {
	data := goldens()["revoked-key-compromise"]
	algorithm, signature := []byte(seq(oid(sha256OID))), make([]byte, 72)
	b.ReportAllocs()
	for b.Loop() {
		tbs := ocspder.AppendTBS(make([]byte, 0, 512), &data)
		ocspder.Assemble(tbs, algorithm, signature, nil)
	}
}
