package store

import (
	"runtime"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// A generation that was replaced answers as before: whoever still reads it maps its pages again.
func TestAReplacedGenerationThatGaveItsPagesBackCanStillBeRead(t *testing.T) {
	for name, entries := range map[string]int{"of a few blocks": 900, "of many": 600_000} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			b, err := s.NewBuild(issuerA, scopeA)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Abort()
			var serials []string
			fillRandom(t, b, entries, func(i int, serial []byte) {
				if i%100 == 0 {
					serials = append(serials, string(serial))
				}
			})
			signed, err := signedFile(s, "signed")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Commit(infoOf(issuerA, scopeA, 1, entries), signed, revocation.SourceState{}, CommitOptions{}); err != nil {
				t.Fatal(err)
			}
			old := s.current(scopeA)
			put(t, s, issuerA, scopeA, 2, manyEntries(10, 4)...)
			if large := len(old.blocks) > forgetStride; large != (entries > 900) {
				t.Fatalf("%d blocks", len(old.blocks))
			}
			for _, serial := range serials {
				var e revocation.Entry
				if found := old.find(serial, &e); found != listed || e.Reason != revocation.Superseded {
					t.Fatalf("%x: %v, %+v", serial, found, e)
				}
			}
			if err := old.verify(); err != nil {
				t.Error(err)
			}
			runtime.KeepAlive(old)
		})
	}
}
