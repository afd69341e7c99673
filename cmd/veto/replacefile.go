package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replaceFile writes a file in one step: whoever opens it finds the old one or the new one, whole. durable waits for the disk, so that it
// is so after a power failure too.
func replaceFile(path string, content []byte, durable bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".veto-new-*") // not after the file's own name, which may be as long as names can be
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644))
	if durable {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
