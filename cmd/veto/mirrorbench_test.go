package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mirror "github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

// BenchmarkRevokeUntilEveryMirrorKnows reports how long after its acknowledgement a revocation is known to all mirrors of a server.
func BenchmarkRevokeUntilEveryMirrorKnows(b *testing.B) {
	for _, n := range []int{1, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newMirrorRig(b, 0)
			defer r.close()
			var all []*running
			for range n {
				m := r.mirror(mirror.MirrorOptions{})
				defer m.end()
				all = append(all, m)
			}
			for _, m := range all {
				<-m.Ready()
			}
			var took []time.Duration
			b.ResetTimer()
			for i := range b.N {
				serial := string([]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})
				r.revoke("home", serial, revocation.Superseded)
				cert, acknowledged := certificateOf("home", serial, false), time.Now()
				for _, m := range all {
					for {
						changed := m.Changed()
						if a, _ := m.Check(b.Context(), cert, rigCAs["home"]); a.Status == revocation.Revoked {
							break
						}
						<-changed
					}
				}
				took = append(took, time.Since(acknowledged))
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
