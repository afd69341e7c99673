package store

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// The crash test of the shrink guard goes through steps, three to a round: a CRL with 400 serials; one with 100 of them, so that 300 are
// retained; an administrator accepts that they go. Each step is one generation.
const retainRound = 3

// retainStep puts a step in force, which follows from its number alone.
func retainStep(s *Store, step int) error {
	round := (step + retainRound - 1) / retainRound
	var err error
	switch step % retainRound {
	case 1:
		_, err = tryPut(s, infoOf(issuerA, scopeA, 2*round-1, 400), retainEntries(round)...)
	case 2:
		_, err = tryPutGuarded(s, infoOf(issuerA, scopeA, 2*round, 100), guard20, retainEntries(round)[300:]...)
	default:
		_, err = s.DropRetained(scopeA, "alice", strconv.Itoa(step), day)
	}
	return err
}

func retainEntries(round int) []revocation.Record {
	list := manyEntries(400, 4)
	for i := range list {
		list[i].RevokedAt = day.Unix() + int64(round)
	}
	return list
}

// stepInForce is the number of the step that a store is at.
func stepInForce(s *Store) int {
	info := s.CRLInfo(scopeA)
	if info == nil {
		return 0
	}
	number := numberInForce(s)
	step := (number + 1) / 2 * retainRound
	switch {
	case number%2 == 1:
		return step - 2
	case info.Retained > 0:
		return step - 1
	}
	return step
}

// childRetains goes through the steps and prints each that was acknowledged.
func childRetains(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	step := stepInForce(s)
	for fmt.Println(step); ; fmt.Println(step) {
		step++
		if err := retainStep(s, step); err != nil {
			return err
		}
	}
}

func TestKilledWhileSerialsAreRetainedAndAcceptedTheOldOrTheNewIsInForce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	last := 0
	times := kills(t, 20)
	for range times {
		for _, line := range killed(t, "retain", dir) {
			if n, err := strconv.Atoi(line); err == nil { // the last line may be cut off, not wrong
				last = n
			}
		}
		s := open(t, dir)
		step := stepInForce(s)
		if step < last || step > last+1 {
			t.Fatalf("step %d is in force, %d was acknowledged last", step, last)
		}
		last = step
		checkRetainStep(t, s, step)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d steps acknowledged", times, last)
}

func checkRetainStep(t *testing.T, s *Store, step int) {
	t.Helper()
	if step == 0 {
		return
	}
	if err := s.VerifyGenerations(t.Context()); err != nil {
		t.Fatal(err)
	}
	audits, _, err := s.VerifyAudit(t.Context())
	if err != nil || int(audits) != step/retainRound || s.Generation() != uint64(step) {
		t.Fatalf("step %d: generation %d, %d audit entries, %v", step, s.Generation(), audits, err)
	}
	want := retainEntries((step + retainRound - 1) / retainRound)
	retained := 0
	switch step % retainRound {
	case 2:
		retained = 300
	case 0:
		want = want[300:]
	}
	if s.RetainedAlarm(scopeA) != (retained > 0) {
		t.Fatalf("step %d: alarm %v", step, s.RetainedAlarm(scopeA))
	}
	rows, err := s.Revocations(issuerA, "", 1000)
	if err != nil || len(rows) != len(want) {
		t.Fatalf("step %d has %d entries, want %d, %v", step, len(rows), len(want), err)
	}
	for i, row := range rows {
		if string(row.Serial) != string(want[i].Serial) || row.RevokedAt.Unix() != want[i].RevokedAt || row.Retained != (i < retained) {
			t.Fatalf("step %d: entry %d is %x since %v, retained %v", step, i, row.Serial, row.RevokedAt, row.Retained)
		}
	}
	checkSigned(t, s, fmt.Sprintf("CRL %d", numberInForce(s)))
}
