package api

import (
	"fmt"
	"testing"
	"time"
)

func TestGuardKeepsMemoryBounded(t *testing.T) {
	g, now := newGuard(), time.Unix(1_800_000_000, 0)
	for i := range 3 * g.most {
		g.judge(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), false, now.Add(time.Duration(i)*time.Microsecond))
	}
	if len(g.failures) > g.most {
		t.Errorf("%d addresses remembered, at most %d", len(g.failures), g.most)
	}
	before := len(g.failures)
	g.judge("192.0.2.1:1", false, now.Add(time.Hour))
	if len(g.failures) >= before {
		t.Errorf("%d addresses remembered, before %d: ended windows were not dropped", len(g.failures), before)
	}
}

func TestGuardCountsUnreadableAddressesTogether(t *testing.T) {
	g, now := newGuard(), time.Unix(1_800_000_000, 0)
	for i := range g.limit {
		if wait := g.judge(fmt.Sprint("@", i), false, now); wait != 0 {
			t.Fatalf("attempt %d waits %v", i, wait)
		}
	}
	if g.judge("@", false, now) != time.Minute || g.judge("192.0.2.1:1", false, now) != 0 || g.judge("[::ffff:192.0.2.1%eth0]:1", false, now) != 0 {
		t.Error("addresses are not told apart")
	}
}
