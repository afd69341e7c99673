package responder_test

import (
	"errors"
	"testing"

	"github.com/vetopki/veto/responder"
)

func TestAFailureOfTheKeyIsRememberedUntilItSigns(t *testing.T) {
	w, d := withDevice(t, func(*responder.Options) {})
	signer := w.config.Signers[0]
	if err := signer.Failure(); err != nil {
		t.Fatalf("before anything was signed: %v", err)
	}
	pulled := errors.New("the token was pulled")
	d.fault = pulled
	w.post(w.request("\x01"))
	if err := signer.Failure(); !errors.Is(err, pulled) {
		t.Errorf("after a failure: got %v, want %v", err, pulled)
	}
	d.fault = nil
	w.post(w.request("\x01"))
	if err := signer.Failure(); err != nil {
		t.Errorf("after a success: %v", err)
	}
}
