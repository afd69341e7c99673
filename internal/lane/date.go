package lane

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Date makes the Date of answers (RFC 9110 §6.6.1), once a second. The zero value is ready, for any number of goroutines.
type Date struct{ last atomic.Pointer[datedText] }

type datedText struct {
	second int64
	text   string
}

// At is the Date at a time.
func (d *Date) At(now time.Time) string {
	second := now.Unix()
	if last := d.last.Load(); last != nil && last.second == second {
		return last.text
	}
	next := &datedText{second, now.UTC().Format(http.TimeFormat)}
	d.last.Store(next)
	return next.text
}
