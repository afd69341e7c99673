//go:build !pkcs11

package pkcs11key

import (
	"strings"
	"testing"
)

func TestWithoutTheTagOpenSaysHowToBuild(t *testing.T) {
	if _, err := new(Tokens).Open(Options{}); err == nil || !strings.Contains(err.Error(), "go build -tags pkcs11 ./cmd/veto") {
		t.Errorf("got %v", err)
	}
}
