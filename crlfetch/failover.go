package crlfetch

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// walk tries the URLs of the source in order until one brings what may be used, or still has the CRL in force.
func (a *attempt) walk(ctx context.Context, q *turn) error {
	var failed failures
	for _, url := range a.urls {
		if err := q.take(ctx, url); err != nil {
			return err
		}
		err := a.fetchFrom(ctx, url)
		switch {
		case err == nil:
			a.passed = failed
			return nil
		case ctx.Err() != nil, errors.Is(err, errStore): // no other server would help
			return err
		}
		failed = append(failed, failure{url, err})
		a.track.mirrors = a.track.mirrors.judged(url, err)
	}
	if len(failed) == 1 {
		return failed[0].err
	}
	return failed
}

// failure is why one URL of a source brought nothing.
type failure struct {
	url string
	err error
}

// failures are those of all URLs of a source, in their order.
type failures []failure

// Error names each URL with what went wrong there.
func (f failures) Error() string {
	text := make([]string, len(f))
	for i, one := range f {
		text[i] = fmt.Sprintf("%s: %v", one.url, one.err)
	}
	return "none of the source's URLs brought a CRL: " + strings.Join(text, "; ")
}

// Unwrap makes the first failure the one that names the rule, unless a later one is an alarm.
func (f failures) Unwrap() []error {
	list := make([]error, 0, len(f))
	for _, alarm := range []bool{true, false} {
		for _, one := range f {
			if alarming(ruleOf(one.err)) == alarm {
				list = append(list, one.err)
			}
		}
	}
	return list
}
