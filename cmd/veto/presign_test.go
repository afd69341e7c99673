package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// presigning is a presigner of an issuer with an inventory, two serials of which are revoked. It tells what it has signed.
type presigning struct {
	*presigner
	issuer revocation.Issuer
	signed chan string
}

func newPresigning(t *testing.T, mode string, issued int) *presigning {
	t.Helper()
	tu := newTurning(t)
	known := slices.Clone(tu.directory.table.Load().issuers)
	known[0].config.OCSP.Presign, known[0].keys = mode, known[0].keys[:1]
	tu.directory.configure(known)
	build, err := tu.store.NewInventory(tu.old.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range issued {
		err = errors.Join(err, build.Add([]byte(numbered(i))))
	}
	if err == nil {
		_, err = build.Put([32]byte{}, revocation.ChangeNote{At: time.Now()})
	}
	for _, serial := range []revocation.Serial{"\x11\x11\x11", numbered(1)} {
		_, rerr := tu.revoke(tu.old, serial, revocation.Superseded, time.Now())
		err = errors.Join(err, rerr)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &presigning{presigner: newPresigner(tu.judge, tu.directory, tu.responder, 1), issuer: tu.old, signed: make(chan string)}
	p.limit.SetLimit(rate.Inf)
	p.configure(known)
	return p
}

func numbered(i int) revocation.Serial { return revocation.Serial(fmt.Sprintf("\x10%04d", i)) }

// start runs it until the test ends. It signs one when one is taken from signed.
func (p *presigning) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := map[revocation.Serial]bool{}
	p.presign = func(_ revocation.IssuerID, serial revocation.Serial) (made, more bool) {
		select {
		case p.signed <- string(serial):
		case <-ctx.Done():
		}
		defer func() { done[serial] = true }()
		return !done[serial], true
	}
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func (p *presigning) next(t *testing.T, n int) (list []string) {
	t.Helper()
	for range n {
		select {
		case serial := <-p.signed:
			list = append(list, serial)
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing more was signed after %q", list)
		}
	}
	return list
}

func TestRevokedSerialsAreSignedFirst(t *testing.T) {
	revoked := []string{"\x11\x11\x11", string(numbered(1))}
	all := append(slices.Clone(revoked), string(numbered(0)), string(numbered(1)), string(numbered(2)))
	for mode, want := range map[string][]string{config.PresignRevoked: revoked, config.PresignIssued: all} {
		p := newPresigning(t, mode, 3)
		p.start(t)
		if got := p.next(t, len(want)); !slices.Equal(got, want) {
			t.Errorf("%s: signed %q, want %q", mode, got, want)
		}
	}
}

func TestADroppedAnswerWaitsForNoRound(t *testing.T) {
	p := newPresigning(t, config.PresignIssued, 5000)
	p.start(t)
	p.next(t, 100)
	last := numbered(4999)
	p.dropped([]revocation.IssuerID{p.issuer.ID}, last)
	p.dropped([]revocation.IssuerID{{1}}, "\x42")         // of an issuer that nobody knows
	p.dropped([]revocation.IssuerID{p.issuer.ID}, "\x43") // neither issued nor revoked
	if got := p.next(t, 3); !slices.Contains(got, string(last)) || slices.Contains(got, "\x42") || slices.Contains(got, "\x43") {
		t.Errorf("signed %q, want %q among them", got, last)
	}
	if got := p.next(t, 1); got[0] >= string(numbered(200)) {
		t.Errorf("the round went on with %q", got)
	}
}

// What is added to an inventory drops answers too; only revoked serials are kept signed here.
func TestADroppedAnswerThatIsNotKeptIsNotSigned(t *testing.T) {
	p := newPresigning(t, config.PresignRevoked, 3)
	p.start(t)
	p.next(t, 2)
	p.dropped([]revocation.IssuerID{p.issuer.ID}, numbered(0), numbered(1))
	if got := p.next(t, 1); got[0] != string(numbered(1)) {
		t.Errorf("signed %q, want the revoked serial", got)
	}
}

func TestWhatIsTooMuchAtOnceWaitsForARound(t *testing.T) {
	p := newPresigning(t, config.PresignIssued, 1)
	<-p.again // of the configuration
	keys := []revocation.IssuerID{p.issuer.ID}
	p.dropped(keys, slices.Repeat([]revocation.Serial{"\x01"}, presignUrgent)...)
	if len(p.again) != 0 {
		t.Error("a round was asked for although all serials are known")
	}
	p.dropped(keys, "\x02")
	if len(p.again) != 1 || len(p.urgent) != presignUrgent {
		t.Errorf("%d rounds were asked for with %d serials waiting", len(p.again), len(p.urgent))
	}
	<-p.again
	p.dropped(keys)
	if len(p.again) != 1 {
		t.Error("no round was asked for when all answers were dropped")
	}
}

func TestNothingIsKeptOfWhatIsNotPresigned(t *testing.T) {
	p := newPresigning(t, config.PresignNone, 1)
	p.dropped([]revocation.IssuerID{p.issuer.ID}, "\x01")
	p.dropped([]revocation.IssuerID{p.issuer.ID})
	if len(p.urgent)+len(p.again) != 0 {
		t.Error("it waits for an issuer that is not configured so")
	}
}
