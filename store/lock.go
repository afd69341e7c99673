package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vetopki/veto/revocation"
)

// lockRetry is how often a held lock is tried again.
const lockRetry = 20 * time.Millisecond

// dirLock is the hold of this process on a data directory: an flock on veto.lock, which contains the holder's pid. The kernel
// drops it when the process dies, however it dies; the file stays.
type dirLock struct{ file *os.File }

// lockDir takes the lock of a data directory, waiting up to timeout for another holder to leave.
func lockDir(p paths, timeout time.Duration) (*dirLock, error) {
	f, err := os.OpenFile(p.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the data directory: %w", err)
	}
	for deadline := time.Now().Add(timeout); ; time.Sleep(lockRetry) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return writeHolder(f)
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("locking the data directory %s: %w", p.root, err)
		case time.Now().After(deadline):
			holder := readHolder(f)
			f.Close()
			return nil, fmt.Errorf("opening %s: %w by %s; stop it, or give this one a directory of its own",
				p.root, revocation.ErrLocked, holder)
		}
	}
}

func writeHolder(f *os.File) (*dirLock, error) {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("writing the pid into %s: %w", f.Name(), err)
	}
	return &dirLock{f}, nil
}

// readHolder names the process that holds the lock, as it wrote itself into the file.
func readHolder(f *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

// release gives the directory up. The file is not removed: a second process may already have it open.
func (l *dirLock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}
