package certheader_test

import (
	"testing"

	"github.com/vetopki/veto/internal/certheader"
)

func BenchmarkRead(b *testing.B) {
	for _, f := range []certheader.Format{certheader.RFC9440, certheader.NginxEscaped, certheader.NginxLegacy, certheader.EnvoyXFCC} {
		for _, v := range vectors {
			if v.options.Format != f {
				continue
			}
			r, h := newReader(b, v.options), headersOf(b, v.lines)
			b.Run(string(f), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Read(h); err != nil {
						b.Fatal(err)
					}
				}
			})
			break
		}
	}
}
