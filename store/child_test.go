package store

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vetopki/veto/revocation"
)

// childEnv names the part this test binary plays when it is started again as a process of its own, childDir its directory.
const (
	childEnv = "VETO_STORE_TEST_CHILD"
	childDir = "VETO_STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	parts := map[string]func(dir string) error{"ingest": childIngests, "revoke": childRevokes, "open": childOpens, "full": childFull,
		"retain": childRetains}
	part, ok := parts[os.Getenv(childEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := part(os.Getenv(childDir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child prepares a process that plays a part on a directory.
func child(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+part, childDir+"="+dir)
	return cmd
}

// killed runs a child, kills it at a random moment soon after one of its first lines, and returns the lines it wrote.
func killed(t *testing.T, part, dir string) (lines []string) {
	t.Helper()
	after := 1 + rand.IntN(4)
	return killedWhen(t, part, dir, func(lines []string) (time.Duration, bool) {
		return time.Duration(rand.Int64N(int64(10 * time.Millisecond))), len(lines) == after
	})
}

// killedWhen runs a child and asks after each of its lines whether it is to be killed, and how much later.
func killedWhen(t *testing.T, part, dir string, when func(lines []string) (later time.Duration, now bool)) (lines []string) {
	t.Helper()
	cmd := child(t, part, dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		lines = append(lines, in.Text())
		if later, now := when(lines); now {
			time.AfterFunc(later, func() { cmd.Process.Kill() }) //nolint:errcheck // if it is gone, its last lines say why
		}
	}
	cmd.Wait() //nolint:errcheck // it was killed
	if len(lines) == 0 || stderr.Len() > 0 {
		t.Fatalf("the child did not come to its work: %s", stderr.String())
	}
	return lines
}

// kills is how often a crash test kills a child: its share, in hundredths, of VETO_KILLS, or of 100 when that is not set, and of 20
// with -short.
func kills(t *testing.T, share int) int {
	t.Helper()
	total := 100
	if v := os.Getenv("VETO_KILLS"); v != "" {
		var err error
		if total, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		total = 20
	}
	return max(1, total*share/100)
}

// numberedCRL is CRL number n of the crash test: what it lists follows from the number alone.
func numberedCRL(n int) []revocation.Record {
	list := manyEntries(300+n%200, 4)
	for i := range list {
		list[i].RevokedAt = day.Unix() + int64(n)
	}
	return list
}

func numberInForce(s *Store) int {
	info := s.CRLInfo(scopeA)
	if info == nil {
		return 0
	}
	n, _ := strconv.Atoi(info.Number.String())
	return n
}

// childRevokes revokes serials from several goroutines and prints each that was acknowledged.
func childRevokes(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("begin")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				serial := revocation.Serial(fmt.Sprintf("\x10%016x", rand.Uint64()))
				if _, _, _, err := s.Revoke(issuerA, serial, adminRecord(revocation.KeyCompromise)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Printf("%s.\n", string(serial))
			}
		})
	}
	wg.Wait()
	return nil
}

func TestKilledDuringRevokesNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	n := kills(t, 30)
	for range n {
		for _, line := range killed(t, "revoke", dir) {
			if serial, whole := strings.CutSuffix(line, "."); whole {
				acknowledged[serial] = true
			}
		}
		s := open(t, dir)
		for serial := range acknowledged {
			if !evidence(s, issuerA, serial).Admin.Stands() {
				t.Fatalf("%s was acknowledged and is lost", serial)
			}
		}
		audits, _, err := s.VerifyAudit(t.Context())
		if err != nil || audits != s.Generation() || audits < uint64(len(acknowledged)) {
			t.Fatalf("%d audit entries for generation %d and %d acknowledged, %v", audits, s.Generation(), len(acknowledged), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d revocations acknowledged", n, len(acknowledged))
}

func childOpens(dir string) error {
	_, err := Open(dir, Options{LockTimeout: 100 * time.Millisecond})
	if errors.Is(err, revocation.ErrLocked) {
		fmt.Println(err)
		return nil
	}
	return fmt.Errorf("Open: %w", err)
}

func TestASecondProcessIsToldWhoHoldsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	revoke(t, s, issuerA, "\x01", revocation.Superseded)
	out, err := child(t, "open", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("the second process: %v, %s", err, out)
	}
	revoke(t, s, issuerA, "\x02", revocation.Superseded)
}

// childFull meets the end of the disk, in the form of a limit on the size of files.
func childFull(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if _, err := tryPut(s, infoOf(issuerA, scopeA, 1, 300), numberedCRL(0)...); err != nil {
		return err
	}
	size, err := os.Stat(s.paths.state())
	if err != nil {
		return err
	}
	if err := atFileLimit(uint64(size.Size()), func() error { return revokeUntilFull(s) }); err != nil {
		return err
	}
	if err := atFileLimit(1<<20, func() error { return commitTooLarge(s) }); err != nil {
		return err
	}
	if err := atFileLimit(64<<10, func() error { return moveTooMuch(s) }); err != nil {
		return err
	}
	if _, _, _, err := s.Revoke(issuerA, "\x01after", adminRecord(0)); err != nil {
		return fmt.Errorf("revoking when there is room again: %w", err)
	}
	if _, err := tryPut(s, infoOf(issuerA, scopeA, 2, 302), numberedCRL(2)...); err != nil {
		return fmt.Errorf("a CRL when there is room again: %w", err)
	}
	return s.Close()
}

// atFileLimit runs f while no file of this process may grow beyond size.
func atFileLimit(size uint64, f func() error) error {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: before.Max}); err != nil {
		return err
	}
	return errors.Join(f(), unix.Setrlimit(unix.RLIMIT_FSIZE, &before))
}

// revokeUntilFull revokes until there is no room, printing what was acknowledged.
func revokeUntilFull(s *Store) error {
	var full error
	for i := 0; full == nil; i++ {
		r := adminRecord(revocation.KeyCompromise)
		r.Comment = strings.Repeat("x", 200_000)
		serial := fmt.Sprintf("\x10%d", i)
		if _, _, _, full = s.Revoke(issuerA, revocation.Serial(serial), r); full == nil {
			fmt.Printf("%s.\n", serial)
		}
		if stands := evidence(s, issuerA, serial).Admin.Stands(); stands != (full == nil) {
			return fmt.Errorf("%q stands: %v, Revoke: %w", serial, stands, full)
		}
	}
	if !errors.Is(full, revocation.ErrNotDurable) {
		return fmt.Errorf("revoking on a full disk: %w", full)
	}
	return nil
}

// commitTooLarge tries a CRL for which there is no room.
func commitTooLarge(s *Store) error {
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		return err
	}
	n := 0
	for ; n < 200_000; n++ {
		if err := b.Add(&revocation.Record{Serial: fmt.Appendf(nil, "\x10%015d", n), RevokedAt: day.Unix()}); err != nil {
			return err
		}
	}
	signed, err := signedFile(s, "x")
	if err != nil {
		return err
	}
	if _, err := b.Commit(infoOf(issuerA, scopeA, 2, n), signed, revocation.SourceState{}, CommitOptions{}); !errors.Is(err, revocation.ErrNotDurable) ||
		!strings.Contains(err.Error(), "no room left") {
		return fmt.Errorf("a CRL on a full disk: %w", err)
	}
	if rows, err := s.Revocations(issuerA, "", 300); err != nil || numberInForce(s) != 1 || len(rows) != 300 {
		return fmt.Errorf("the CRL in force after that: %d, %d rows, %w", numberInForce(s), len(rows), err)
	}
	return nil
}

// moveTooMuch begins a CRL for which there is neither memory nor room to move its entries to.
func moveTooMuch(s *Store) error {
	memory := s.memory
	defer func() { s.memory = memory }()
	s.memory = &account{share: 16 * pageOctets}
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		return err
	}
	added := 0
	for ; err == nil && added < 20_000; added++ {
		err = b.Add(&revocation.Record{Serial: fmt.Appendf(nil, "\x10%015d", added), RevokedAt: day.Unix()})
	}
	if !errors.Is(err, revocation.ErrNotDurable) || !strings.Contains(err.Error(), "no room left") || added < 5000 {
		return fmt.Errorf("adding entry %d on a full disk: %w", added, err)
	}
	b.Abort()
	if left, err := os.ReadDir(s.paths.tmp()); err != nil || len(left) > 0 || s.memory.used.Load() > 0 {
		return fmt.Errorf("%d files and %d octets are left: %w", len(left), s.memory.used.Load(), err)
	}
	return nil
}

func TestAFullDiskAcknowledgesNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := child(t, "full", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := open(t, dir)
	lines := strings.Fields(string(out))
	for _, line := range lines {
		if serial := strings.TrimSuffix(line, "."); !evidence(s, issuerA, serial).Admin.Stands() {
			t.Errorf("%q was acknowledged and is lost", serial)
		}
	}
	if uint64(len(lines)+3) != s.Generation() || !evidence(s, issuerA, "\x01after").Admin.Stands() {
		t.Errorf("generation %d after %d revocations and what came later", s.Generation(), len(lines))
	}
	checkNumberedCRLInForce(t, s)
}

func checkNumberedCRLInForce(t *testing.T, s *Store) {
	t.Helper()
	if n := numberInForce(s); n != 2 || !lists(s, issuerA, string(numberedCRL(2)[0].Serial)) {
		t.Errorf("CRL %d is in force, want 2", n)
	}
	checkNoLeftovers(t, s, "1.crl", "1.db", "2.crl", "2.db")
}
