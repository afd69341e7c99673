package certheader_test

import (
	"errors"
	"net/http"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

// fuzzFormat feeds a format with any two values: the certificate or serial, and the chain or issuer. What is read is whole and
// within the limits; what is not is refused by a rule.
func fuzzFormat(f *testing.F, o certheader.Options) {
	r := newReader(f, o)
	first, second := r.Names().Certificate+r.Names().Serial, r.Names().Chain+r.Names().Issuer
	for _, v := range vectors {
		if v.options.Format == o.Format {
			h := headersOf(f, v.lines)
			f.Add(h.Get(first), h.Get(second))
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{first: {a}}
		if second != "" {
			h[second] = []string{b}
		}
		got, err := r.Read(h)
		if err != nil {
			if _, refused := errors.AsType[*revocation.Refusal](err); !refused && err != certheader.ErrNone {
				t.Fatalf("%v is neither a refusal nor ErrNone", err)
			}
			return
		}
		if len(got.Chain) > certheader.MaxCertificates || len(a) > certheader.MaxChainHeader || (got.Chain == nil) == (got.Serial == "") {
			t.Fatalf("read %d certificates and serial %q from %d octets", len(got.Chain), got.Serial, len(a))
		}
		for _, der := range got.Chain {
			input := cryptobyte.String(der)
			if !input.SkipASN1(asn1.SEQUENCE) || !input.Empty() {
				t.Fatalf("%x is not one element", der)
			}
		}
	})
}

func FuzzRFC9440(f *testing.F) { fuzzFormat(f, certheader.Options{Format: certheader.RFC9440}) }

func FuzzNginxEscaped(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.NginxEscaped})
}

func FuzzNginxLegacy(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.NginxLegacy})
}

func FuzzApacheCEA(f *testing.F) { fuzzFormat(f, certheader.Options{Format: certheader.ApacheCEA}) }

func FuzzTraefik(f *testing.F) { fuzzFormat(f, certheader.Options{Format: certheader.Traefik}) }

func FuzzEnvoyXFCC(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.EnvoyXFCC, Element: certheader.LastElement})
}

func FuzzHAProxy(f *testing.F) { fuzzFormat(f, certheader.Options{Format: certheader.HAProxy}) }

func FuzzAWSALB(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.AWSALBPassthrough})
}

func FuzzAzure(f *testing.F) { fuzzFormat(f, certheader.Options{Format: certheader.Azure}) }

func FuzzGoogle(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.Google, Radix: certheader.Hex})
}

func FuzzSerialHex(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.Serial, Radix: certheader.Hex})
}

func FuzzSerialDecimal(f *testing.F) {
	fuzzFormat(f, certheader.Options{Format: certheader.Serial, Radix: certheader.Decimal})
}
