package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	mirror "github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

// mirrorPool are the serials of these tests, of several lengths.
var mirrorPool = func() (list []string) {
	for i := range 60 {
		list = append(list, string([]byte{1 + byte(i)}), string([]byte{0x10, byte(i), 7}), string([]byte{0, 0x80 + byte(i), 1, 2, 3, 4, 5, 6, 7, 8, byte(i)}))
	}
	return list
}()

// differs says for which certificate a mirror does not say what the server says, "" for none.
func (r *mirrorRig) differs(m *running) string {
	for issuer, ca := range rigCAs {
		id := revocation.IssuerIDOf(ca)
		for i, serial := range mirrorPool {
			cert := certificateOf(issuer, serial, i%5 == 0)
			want := r.judge.CertificateStatus(id, cert, time.Now())
			got, err := m.Check(context.Background(), cert, ca)
			if err != nil {
				return err.Error()
			}
			if r.lifted(id, serial) && (got.Status == revocation.Unknown && got.Because == revocation.BecauseOutOfScope ||
				got.Status == revocation.Revoked && want.Status == revocation.Revoked) {
				continue // only the server can say; what else revokes it is said by both, and by the server what the CRL says beside
			}
			if got.Status != want.Status || got.Because != want.Because || got.Reason != want.Reason ||
				!got.RevokedAt.Equal(want.RevokedAt.Truncate(time.Second)) || want.Status == revocation.Good && (got.Fresh != want.Fresh ||
				!got.NextUpdate.Equal(want.NextUpdate) || !got.ThisUpdate.Equal(want.ThisUpdate)) {
				return fmt.Sprintf("%s %x: the mirror says %+v, the server %+v", issuer, serial, got, want)
			}
		}
	}
	return ""
}

func (r *mirrorRig) lifted(id revocation.IssuerID, serial string) bool {
	var ev revocation.Evidence
	r.store.Evidence(id, revocation.Serial(serial), &ev)
	return slices.ContainsFunc(ev.CRLs, func(f revocation.CRLFinding) bool { return f.Lifted })
}

// drawCRL draws what a CRL lists.
func drawCRL(t *rapid.T, reasons ...revocation.Reason) map[string]revocation.Reason {
	m := map[string]revocation.Reason{}
	for range rapid.IntRange(0, 12).Draw(t, "entries") {
		m[rapid.SampledFrom(mirrorPool).Draw(t, "serial")] = rapid.SampledFrom(reasons).Draw(t, "reason")
	}
	return m
}

// step makes a random change.
func (r *mirrorRig) step(t *rapid.T) {
	issuer := rapid.SampledFrom([]string{"corp", "users", "home", "spare"}).Draw(t, "issuer")
	serial := rapid.SampledFrom(mirrorPool).Draw(t, "serial")
	lasts := rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, time.Hour, -time.Minute}).Draw(t, "lasts")
	switch rapid.SampledFrom([]string{"crl", "crl", "users", "delta", "revoke", "revoke", "release", "configure"}).Draw(t, "step") {
	case "crl":
		r.put(crl{issuer: "corp", url: corpURL, lasts: lasts, entries: drawCRL(t, 0, 1, 4, 6)})
	case "users":
		r.put(crl{issuer: "users", url: usersURL, lasts: lasts, entries: drawCRL(t, 0, 1, 4, 6)})
	case "delta":
		r.put(crl{issuer: "corp", url: deltaURL, base: max(1, r.number-rapid.IntRange(0, 2).Draw(t, "back")), lasts: lasts, entries: drawCRL(t, 1, 6, 8)})
	case "revoke":
		r.revoke(issuer, serial, rapid.SampledFrom([]revocation.Reason{1, 4, 6, 6}).Draw(t, "reason"))
	case "release":
		r.release(issuer, serial)
	case "configure":
		r.spare = rapid.Bool().Draw(t, "spare")
		r.grace = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "grace")
		r.configure()
	}
}

// Whatever changes, however the connection breaks, whoever is restarted and how much was missed: the mirror says what the server says.
func TestAMirrorSaysWhatTheServerSays(t *testing.T) {
	runs, most := 0, 30
	if testing.Short() {
		most = 8
	}
	rapid.Check(t, func(t *rapid.T) {
		if runs++; runs > most { // each waits for connections to come back
			return
		}
		r := newMirrorRig(t, 12)
		defer r.close()
		o := mirror.MirrorOptions{File: filepath.Join(r.dir, "mirror"), Poll: rapid.Bool().Draw(t, "poll")}
		m := r.mirror(o)
		defer func() { m.end() }()
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			switch rapid.SampledFrom([]string{"", "", "cut", "mirror", "server", "other data"}).Draw(t, "event") {
			case "cut":
				r.server.CloseClientConnections()
			case "mirror":
				m.end()
				for range rapid.IntRange(0, 20).Draw(t, "missed") { // more than the change log holds, or fewer
					r.step(t)
				}
				m = r.mirror(o)
			case "server":
				r.restart("data")
			case "other data": // with another history
				r.restart(fmt.Sprint("data", r.number))
				for range rapid.IntRange(0, 3).Draw(t, "already there") {
					r.step(t)
				}
			}
			for range rapid.IntRange(1, 4).Draw(t, "changes") {
				r.step(t)
			}
			r.eventually(m, func() string { return r.differs(m) })
		}
	})
}

func TestAMirrorReadFromDiskIsStaleUntilTheServerIsHeard(t *testing.T) {
	r := testRig(t, 0)
	file := filepath.Join(t.TempDir(), "mirror")
	r.put(crl{issuer: "corp", url: corpURL, lasts: time.Hour, entries: map[string]revocation.Reason{"\x01": 1}})
	m := r.mirror(mirror.MirrorOptions{File: file})
	<-m.Ready()
	m.end()
	listed, other := certificateOf("corp", "\x01", false), certificateOf("corp", "\x02", false)
	check := func(m *mirror.Mirror, want revocation.Status, because revocation.Because) {
		t.Helper()
		if a, err := m.Check(t.Context(), other, rigCAs["corp"]); err != nil || a.Status != want || a.Because != because {
			t.Errorf("a serial that is not listed: %s because %s, %v; want %s because %s", a.Status, a.Because, err, want, because)
		}
		if a, err := m.Check(t.Context(), listed, rigCAs["corp"]); err != nil || a.Status != revocation.Revoked || a.Reason != revocation.KeyCompromise {
			t.Errorf("a serial that is listed: %s, %v; want revoked", a.Status, err)
		}
	}
	check(m.Mirror, revocation.Good, revocation.BecauseNotListed)
	kept, err := mirror.NewMirror(mirror.MirrorOptions{URL: r.server.URL, File: file})
	if err != nil {
		t.Fatal(err)
	}
	check(kept, revocation.Unknown, revocation.BecauseStale)
	if s := kept.Status(); !s.Stale || s.Entries != 1 {
		t.Errorf("status %+v", s)
	}
	m = r.mirror(mirror.MirrorOptions{File: file})
	defer m.end()
	<-m.Ready()
	check(m.Mirror, revocation.Good, revocation.BecauseNotListed)

	// a damaged file is as good as none, and says so
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, b, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged, err := mirror.NewMirror(mirror.MirrorOptions{URL: r.server.URL, File: bad})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := damaged.Check(t.Context(), other, rigCAs["corp"]); err == nil || damaged.Status().Problem == nil {
		t.Error("a damaged file was believed, or nothing is said of it")
	}
}

func TestAMirrorThatHearsNothingForLongSaysNothingIsGood(t *testing.T) {
	r := testRig(t, 0)
	m := r.mirror(mirror.MirrorOptions{MaxLag: time.Nanosecond})
	defer m.end()
	r.revoke("home", "\x01", revocation.CertificateHold)
	r.eventually(m, func() string {
		a, _ := m.Check(t.Context(), certificateOf("home", "\x01", false), rigCAs["home"])
		b, _ := m.Check(t.Context(), certificateOf("home", "\x02", false), rigCAs["home"])
		c, _ := m.Check(t.Context(), certificateOf("stranger", "\x02", false), rigCAs["stranger"])
		if a.Status != revocation.Revoked || b.Because != revocation.BecauseStale || b.Definite() || c.Because != revocation.BecauseStale {
			return fmt.Sprintf("%+v, %+v, %+v", a, b, c)
		}
		return ""
	})
}

// TestTwoHundredMirrorsOnOneServerMissNothing: changes come while connections are cut and some mirrors come late.
func TestTwoHundredMirrorsOnOneServerMissNothing(t *testing.T) {
	r := testRig(t, 0)
	n := 200
	if testing.Short() {
		n = 40
	}
	mirrors := make([]*running, n)
	var lock sync.Mutex // guards what the changes are
	revoked := map[string]bool{}
	var wait sync.WaitGroup
	for i := range mirrors {
		wait.Go(func() { mirrors[i] = r.mirror(mirror.MirrorOptions{Poll: i%10 == 0}) })
	}
	for i, serial := range mirrorPool {
		r.revoke("home", serial, revocation.Superseded)
		lock.Lock()
		revoked[serial] = true
		lock.Unlock()
		if i == len(mirrorPool)/2 {
			r.server.CloseClientConnections()
		}
	}
	wait.Wait()
	for _, m := range mirrors {
		defer m.end()
	}
	for _, m := range mirrors {
		r.eventually(m, func() string {
			if s := m.Status(); s.Generation != r.store.Generation() {
				return fmt.Sprintf("at generation %d", s.Generation)
			}
			for serial := range maps.Keys(revoked) {
				if a, err := m.Check(t.Context(), certificateOf("home", serial, false), rigCAs["home"]); err != nil || a.Status != revocation.Revoked {
					return fmt.Sprintf("%x is %s, %v", serial, a.Status, err)
				}
			}
			return ""
		})
	}
}
