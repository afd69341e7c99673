package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vetopki/veto/internal/snapshot"
)

// readFile takes the copy that was kept. One that is damaged, or of another key, is as good as none: the server has a better one.
func (m *Mirror) readFile() {
	f, err := os.Open(m.o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer f.Close()
		err = m.readFrom(f)
	}
	if err != nil {
		m.note(fmt.Errorf("reading the copy kept in %s: %w", m.o.File, err))
	}
}

func (m *Mirror) readFrom(f *os.File) error {
	r, err := snapshot.NewReader(f, m.o.SnapshotKey)
	if err != nil {
		return err
	}
	defer r.Close()
	d, err := readMirrored(context.Background(), r, m.o.MaxOctets)
	if err == nil {
		m.put(d, r.Header)
	}
	return err
}

// keptFile is a file on its way to replace the one before, in one step at its end. Its errors wait until then: the copy goes on without.
type keptFile struct {
	file *os.File // nil: nothing is kept
	path string
	err  error
}

// newFile begins a file beside the one kept.
func (m *Mirror) newFile() *keptFile {
	if m.o.File == "" {
		return &keptFile{}
	}
	f, err := os.CreateTemp(filepath.Dir(m.o.File), filepath.Base(m.o.File)+".new-*")
	return &keptFile{file: f, path: m.o.File, err: err}
}

// Write implements io.Writer. It never fails.
func (k *keptFile) Write(b []byte) (int, error) {
	if k.file != nil && k.err == nil {
		_, k.err = k.file.Write(b)
	}
	return len(b), nil
}

// keep puts the file in place of the one before.
func (k *keptFile) keep() error {
	if k.file == nil {
		return k.err
	}
	err := k.err
	if err == nil {
		err = k.file.Sync()
	}
	err = errors.Join(err, k.file.Close())
	if err == nil {
		err = os.Rename(k.file.Name(), k.path)
	}
	if err != nil {
		os.Remove(k.file.Name())
		err = fmt.Errorf("keeping the copy in %s: %w", k.path, err)
	}
	k.file, k.err = nil, nil
	return err
}

// discard gives up a file that was not kept.
func (k *keptFile) discard() {
	if k.file != nil {
		k.file.Close()
		os.Remove(k.file.Name())
	}
}
