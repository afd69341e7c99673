package responder

import "sync/atomic"

// failing remembers the failure of the last signature, nil when it succeeded.
type failing struct{ last atomic.Pointer[error] }

func (f *failing) note(err error) {
	switch {
	case err != nil:
		f.last.Store(&err)
	case f.last.Load() != nil: // a store for each signature would be felt
		f.last.Store(nil)
	}
}

// Failure is why the last signature could not be made, nil when it could: answers are tryLater until one succeeds.
func (s *Signer) Failure() error {
	if err := s.failing.last.Load(); err != nil {
		return *err
	}
	return nil
}
