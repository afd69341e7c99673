package crlder_test

import (
	"testing"

	"github.com/vetopki/veto/revocation"
)

// FuzzDecode looks for input that is neither read nor refused, and for CRLs that crypto/x509 reads differently. The committed
// corpus is written by TestFuzzCorpusIsCurrent.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		crl, list, err := decode(content)
		if err != nil {
			if crl != nil || revocation.RuleOf(err, "") == "" {
				t.Fatalf("got %+v and %v, want a refusal alone", crl, err)
			}
			return
		}
		counted := 0
		for _, n := range crl.Reasons {
			counted += n
		}
		if crl.Entries != len(list) || counted != len(list) {
			t.Fatalf("%d entries passed, %d counted, %d by reason", len(list), crl.Entries, counted)
		}
		compareWithStandardLibrary(t, content, crl, list)
	})
}
