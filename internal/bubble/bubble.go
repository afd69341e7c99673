// Package bubble runs tests in time of their own.
package bubble

import (
	"runtime"
	"testing"
	"testing/synctest"
)

// Test is [synctest.Test]; under the race detector on one processor. Go runs the timers of a bubble that come due on several
// processors as if they were one goroutine, and the detector then damages its own state and ends the process ("CHECK failed",
// or a segmentation fault): https://go.dev/issue/78156. What happens before what is found on one processor too.
func Test(t *testing.T, f func(*testing.T)) {
	if race {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	synctest.Test(t, f)
}
