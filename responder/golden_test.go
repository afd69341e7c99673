package responder_test

import (
	"bytes"
	"crypto/ed25519"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// TestGoldenAnswers compares whole signed answers with committed bytes: the key is made from a fixed seed, Ed25519 signs the
// same way twice, and the clock of the bubble begins at midnight of 2000-01-01.
func TestGoldenAnswers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
		w := newWorld(t)
		w.ca = must(pkitest.NewCA(pkitest.CAOptions{UseKey: key, Name: "Golden CA"}))
		w.issuer = issuerOf(w.ca, "golden")
		w.responder.SetIssuers([]responder.Issuer{{Issuer: w.issuer, NotIssued: responder.NotIssuedRevoked,
			Signers: []*responder.Signer{signerOf(t, &pkitest.Pair{Certificate: w.ca.Certificate, Key: key}, w.issuer)}}})
		w.book.set("\x02", crlStatus(revocation.Revoked, revocation.BecauseCRL, -24*time.Hour, 5*time.Minute, true)(time.Now()))
		w.book.set("\x03", unknown(revocation.BecauseNotIssued)(time.Now()))
		for name, request := range map[string][]byte{
			"good":       w.request("\x01"),
			"revoked":    w.request("\x02"),
			"not-issued": w.request("\x03"),
			"nonce":      w.withNonce("\x01", "0123456789abcdef"),
			"several":    w.request("\x01", "\x02", "\x03"),
		} {
			got, file := w.post(request).Body.Bytes(), filepath.Join("testdata", name+".der")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: answered\n%x, want\n%x", name, got, want)
			}
		}
	})
}
