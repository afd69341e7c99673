package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// runs are the entries a build moved out of memory: sorted stretches of records, one after another in one file of the temporary
// directory. The file has no name any more, so that nothing of it outlives the build or the process.
type runs struct {
	file *os.File // nil while there are none
	size int64
	list [serialSlots][2][]run // by serial length; with an invalidity date or without
}

// run is one sorted stretch.
type run struct {
	from, to int64
	sum      uint32 // CRC-32C of its records: what comes back is what was written
}

// runWrite is how much is written at once.
const runWrite = 1 << 20

// open makes the file.
func (s *runs) open(dir string) error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(dir, "runs-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file = f
	return nil
}

// write moves the records of a sorted lane to the file. What was written before is untouched when it fails.
func (s *runs) write(l *lane) error {
	r := run{from: s.size, to: s.size}
	for rest := l.records(); len(rest) > 0; {
		part := rest[:min(runWrite, len(rest))]
		if _, err := s.file.WriteAt(part, r.to); err != nil {
			return err
		}
		r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), part)
		r.to, rest = r.to+int64(len(part)), rest[len(part):]
	}
	of := &s.list[l.serial][wideSlot(l.wide)]
	*of, s.size = append(*of, r), r.to
	return nil
}

func (s *runs) close() {
	if s.file != nil {
		s.file.Close() //nolint:errcheck // it has no name: nothing is lost
	}
	*s = runs{}
}

// runReader reads one run in order.
type runReader struct {
	run
	file *os.File
	at   int64
	seen uint32
}

// read fills b, which holds whole records, as far as the run goes; none at its end.
func (r *runReader) read(b []byte) ([]byte, error) {
	b = b[:min(int64(len(b)), r.to-r.at)]
	if len(b) == 0 {
		return nil, nil
	}
	if _, err := r.file.ReadAt(b, r.at); err != nil {
		return nil, fmt.Errorf("reading entries back that were moved out of memory: %w", err)
	}
	r.at += int64(len(b))
	r.seen = crc32.Update(r.seen, crc32.MakeTable(crc32.Castagnoli), b)
	if r.at == r.to && r.seen != r.sum {
		return nil, errors.New("entries that were moved out of memory do not read back as they were written")
	}
	return b, nil
}
