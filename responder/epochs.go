package responder

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/vetopki/veto/revocation"
)

// stripes is how many counters the serials of an issuer share. A purge costs the answers of the other serials in its
// stripe a signature, one in 2,048, and needs no index of what is kept.
const stripes = 2048

// epochs count the changes to the serials of one issuer. Whoever makes an answer reads the epoch before the evidence and
// keeps it with the answer; the answer may be given only while the epoch has not moved. So a purge, one addition, reaches
// every form of every answer: all hash algorithms, GET and POST, and those that are still being signed.
type epochs struct {
	seed   maphash.Seed
	all    atomic.Uint64 // changes to every serial
	stripe [stripes]atomic.Uint64
}

func newEpochs() *epochs { return &epochs{seed: maphash.MakeSeed()} }

// moment is a position in the history of a serial.
type moment struct {
	epochs *epochs
	stripe *atomic.Uint64
	epoch  uint64
}

// read is the present moment of a serial. To be sure that the issuer's configuration is covered too, read first, then
// check that the table is still in force.
func (e *epochs) read(serial revocation.Serial) moment {
	m := moment{epochs: e, stripe: &e.stripe[maphash.String(e.seed, string(serial))%stripes]}
	m.epoch = m.now()
	return m
}

// now is the sum of two counters that only rise, so it is unchanged exactly when both are.
func (m *moment) now() uint64 { return m.epochs.all.Load() + m.stripe.Load() }

// current says whether nothing has changed since the moment was read.
func (m *moment) current() bool { return m.now() == m.epoch }

func (e *epochs) bump(serial revocation.Serial) {
	e.stripe[maphash.String(e.seed, string(serial))%stripes].Add(1)
}

func (e *epochs) bumpAll() { e.all.Add(1) }
