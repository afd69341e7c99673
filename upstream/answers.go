package upstream

import (
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/vetopki/veto/revocation"
)

// key names what is asked about.
type key struct {
	issuer revocation.IssuerID
	serial revocation.Serial
}

// held is what is remembered of a serial: the last answer that was believed, or that there is none, and when to ask again.
type held struct {
	finding *revocation.UpstreamFinding // nil: nothing was learnt
	signed  []byte                      // see reply
	certID  []byte
	renewAt time.Time
	wanted  atomic.Bool // somebody asked since it was made: it is renewed ahead of its end
}

// answers remembers, bounded in octets; what is asked for most stays.
type answers struct {
	cache *otter.Cache[key, *held]
}

// heldOverhead is about what an answer costs besides its octets.
const heldOverhead = 400

func newAnswers(octets uint64) *answers {
	return &answers{otter.Must(&otter.Options[key, *held]{
		MaximumWeight: octets,
		Weigher:       func(k key, h *held) uint32 { return uint32(len(k.serial) + len(h.signed) + heldOverhead) },
		Executor:      func(f func()) { f() }, // upkeep in the caller's goroutine: none that nobody waits for
	})}
}

func (a *answers) get(k key) *held {
	h, _ := a.cache.GetIfPresent(k)
	return h
}

func (a *answers) put(k key, h *held) { a.cache.Set(k, h) }

func (a *answers) len() int { return a.cache.EstimatedSize() }
