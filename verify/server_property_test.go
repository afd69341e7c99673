package verify_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestTheServerIsNeverMoreTrustingThanVetoVerify draws leaves, distribution points and CRLs of all forms. What the server calls good
// veto verify calls good, and what that calls revoked the server does. The server says less where a source delivers nothing or
// is stale, and more where a CRL lists a certificate that it need not speak of.
func TestTheServerIsNeverMoreTrustingThanVetoVerify(t *testing.T) {
	k := newKit(t)
	statuses := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w, leaf := drawWorld(t, k)
		r := w.judge(leaf)[0]
		issuer := w.pool[0]
		s := &server{w, map[string]bool{}}
		got := s.status(leaf, issuer)
		complete, _, missing := s.sources(s.who(issuer), leaf)
		statuses[fmt.Sprintf("%s, and %s offline", got.Status, r.Status)]++
		agree := got.Status == r.Status
		switch {
		case got.Status == revocation.Revoked: // listed somewhere
			agree = true
		case got.Status == revocation.Unknown && r.Status == revocation.Good:
			agree = missing > 0 || got.Because == revocation.BecauseStale
		case r.Status == revocation.Revoked: // by an older CRL than the stale one that is held
			agree = overtaken(r.Used[0].CRL, complete)
		}
		if !agree {
			for _, l := range w.lists {
				t.Logf("%+v", l)
			}
			t.Fatalf("the server says %s because %s, veto verify %s %s", got.Status, got.Because, r.Status, r.Detail)
		}
	})
	t.Log(statuses)
}

// overtaken says whether the server holds a newer CRL of the same series.
func overtaken(v *verify.CRLView, complete []*holding) bool {
	return slices.ContainsFunc(complete, func(h *holding) bool {
		return bytes.Equal(h.info.CRLIssuer, v.RawIssuer) && v.Number != "" && h.info.Number.Compare(v.Number) > 0
	})
}

// drawWorld has a CA, another CA that may sign indirect CRLs, and a leaf of the first.
func drawWorld(t *rapid.T, k *kit) (*world, *x509.Certificate) {
	w := &world{kit: k, o: verify.RevocationOptions{Deltas: true}, lists: []list{{issuer: "TA", file: "TA CRL"}}}
	w.root = w.cert(certificate{subject: "TA", issuer: "TA", ca: true, usage: certAndCRLs})
	w.ca("CA")
	w.ca("CB")
	c := certificate{subject: "EE", issuer: "CA"}
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		c.ca, c.usage = true, certAndCRLs
	case 1:
		c.version1 = true
	}
	if points := rapid.SliceOfNDistinct(rapid.IntRange(-4, len(somePoints)-1), 0, 2, rapid.ID).Draw(t, "points"); len(points) > 0 && !c.version1 {
		var list [][]byte
		for _, i := range points {
			list = append(list, somePoints[max(i, 0)])
		}
		c.extensions = [][]byte{cdp(list...)}
	}
	leaf := w.cert(c)
	scopes := map[string]bool{}
	for range rapid.IntRange(1, 3).Draw(t, "series") {
		series := drawSeries(t, leaf)
		if scope := series[0].issuer + string(series[0].idp); !scopes[scope] { // two series of one scope would be equivocation
			w.lists, scopes[scope] = append(w.lists, series...), true
		}
	}
	return w, leaf
}

var (
	somePoints = [][]byte{fullName("CA/CRL1"), fullName("http://a/1"), join(fullName("CA/CRL1"), pointCompromise), join(fullName("CA/CRL2"), pointOthers),
		crlIssuer("CB"), join(fullName("CA/CRL1"), crlIssuer("CB")), relativeName("CRL1")}
	someScopes = [][]byte{nil, nil, fullName("CA/CRL1"), fullName("ca/crl1", "http://a/1"), fullName("CA/CRL2"), relativeName("CRL1"), fullName("CA")}
)

// drawSeries is a complete CRL, perhaps with one before it, and perhaps with a delta.
func drawSeries(t *rapid.T, leaf *x509.Certificate) []list {
	l := list{issuer: rapid.SampledFrom([]string{"CA", "CA", "CB"}).Draw(t, "issuer")}
	names, kind := rapid.SampledFrom(someScopes).Draw(t, "names"), rapid.SampledFrom([][]byte{nil, nil, nil, onlyUser, onlyCA}).Draw(t, "only")
	mask, flags := rapid.SampledFrom([][]byte{nil, nil, compromise, otherReasons}).Draw(t, "reasons"), []byte(nil)
	if l.issuer == "CB" || rapid.IntRange(0, 4).Draw(t, "indirect") == 0 {
		flags = indirect
	}
	if kind == nil && rapid.IntRange(0, 9).Draw(t, "attributes") == 0 {
		flags = join(flags, onlyAttribute)
	}
	if idp := join(names, kind, mask, flags); len(idp) > 0 {
		l.idp = idp
	}
	l.number = int64(rapid.IntRange(0, 3).Draw(t, "number"))
	if rapid.IntRange(0, 5).Draw(t, "stale") == 0 {
		l.next = noon.Add(-time.Minute)
	}
	l.broken = rapid.IntRange(0, 15).Draw(t, "broken") == 0
	complete, before, delta := l, l, l
	complete.entries = drawEntries(t, leaf)
	lists := []list{complete}
	if l.number > 1 && rapid.Bool().Draw(t, "one before") {
		before.number--
		before.entries = drawEntries(t, leaf)
		lists = append(lists, before)
	}
	if rapid.IntRange(0, 2).Draw(t, "delta") == 0 {
		delta.number, delta.base, delta.next = int64(rapid.IntRange(1, 5).Draw(t, "delta number")), int64(rapid.IntRange(1, 4).Draw(t, "base")), time.Time{}
		delta.entries = drawEntries(t, leaf)
		lists = append(lists, delta)
	}
	return lists
}

// drawEntries lists the leaf at most twice, of its own issuer or of another.
func drawEntries(t *rapid.T, leaf *x509.Certificate) [][]byte {
	var entries [][]byte
	for range max(rapid.IntRange(-3, 2).Draw(t, "entries"), 0) {
		var more [][]byte
		if who := rapid.SampledFrom([]string{"", "", "CA", "ca", "CB"}).Draw(t, "of"); who != "" {
			more = append(more, of(who))
		}
		entries = append(entries, revoked(leaf, rapid.SampledFrom([]int{0, 1, 6, 8}).Draw(t, "reason"), more...))
	}
	return entries
}
