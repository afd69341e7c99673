package store

// Changed returns a channel that is closed when the generation rises next. Take it first, then read what is there, then wait: so no change
// is missed. It costs next to nothing when nobody waits, and who gives up waiting has nothing to undo. Closing the store does not
// close it.
func (s *Store) Changed() <-chan struct{} {
	for {
		if c := s.changed.Load(); c != nil {
			return *c
		}
		if c := make(chan struct{}); s.changed.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

// publishGeneration tells lookups, and those who wait, up to where changes have been published. Whoever takes the channel after the
// exchange sees the generation that was stored before it.
func (s *Store) publishGeneration(n uint64) {
	if s.generation.Swap(n) == n {
		return
	}
	if c := s.changed.Swap(nil); c != nil {
		close(*c)
	}
}
