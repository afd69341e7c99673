package crlfetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/revocation"
)

// explain turns the error of a transfer into a Refusal that says what happened, but for one of our own disk.
func explain(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, errStore) {
		return err
	}
	return egress.Explain(ctx, err)
}

// errStore marks a failure of our own disk, which no other server or CRL would cure.
var errStore = errors.New("local store")

type storeError struct {
	doing string
	err   error
}

func (e *storeError) Error() string   { return fmt.Sprintf("%s: %v", e.doing, e.err) }
func (e *storeError) Unwrap() []error { return []error{errStore, e.err} }

func storeFailed(doing string, err error) error { return &storeError{doing, err} }

// ruleOf names, for metrics and logs, what refused.
func ruleOf(err error) string {
	if errors.Is(err, errStore) {
		return revocation.RuleOf(err, "store")
	}
	return revocation.RuleOf(err, "other")
}
