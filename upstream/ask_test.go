package upstream

import (
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/ocspder"
)

func TestNoncesAreNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		nonce := string(newNonce(NonceSent))
		if len(nonce) != 32 || seen[nonce] {
			t.Fatalf("a nonce of %d octets, seen before: %v", len(nonce), seen[nonce])
		}
		seen[nonce] = true
	}
	if newNonce(NonceOff) != nil {
		t.Error("a nonce is made that nobody wants")
	}
}

func TestTheLongestURLOfAGETHas255Octets(t *testing.T) {
	request := must(ocspder.EncodeRequest([]ocspder.CertID{{Raw: make([]byte, 60)}}, nil))
	rest := len(getURL("http://a", request)) - len("http://a")
	for length, want := range map[int]bool{254: true, 255: true, 256: false} {
		raw := "http://a/" + strings.Repeat("b", length-rest-len("http://a/"))
		if got := getURL(raw, request); (got != "") != want || got != "" && len(got) != length {
			t.Errorf("%d octets: %d octets by GET, want GET %v", length, len(got), want)
		}
	}
}
