package store

import (
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// openBolt opens a bbolt file. bbolt panics on some damaged files while it holds them open and locked; that becomes an error, and
// the file is let go.
func openBolt(path string, o bolt.Options) (*bolt.DB, error) {
	db, _, err := openBoltFile(path, o)
	return db, err
}

// openBoltFile is openBolt; the file is open as long as db is, and belongs to it.
func openBoltFile(path string, o bolt.Options) (db *bolt.DB, file *os.File, err error) {
	o.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		file = f
		return f, err
	}
	o.NoStatistics = true
	err = guarded(func() (err error) {
		db, err = bolt.Open(path, 0o600, &o)
		return err
	})
	if err != nil {
		if file != nil { // closed by bbolt, unless it panicked: then its mapping would keep the lock
			unix.Flock(int(file.Fd()), unix.LOCK_UN) //nolint:errcheck // the error at hand tells more
			file.Close()                             //nolint:errcheck // likewise
		}
		return nil, nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return db, file, nil
}
