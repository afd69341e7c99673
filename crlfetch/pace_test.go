package crlfetch

import (
	"net/http"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
)

func TestSlowTransfersAreCut(t *testing.T) {
	// sendEvery sends chunks of a size, one every interval, until the client goes away.
	sendEvery := func(first, size int, interval time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(200)
			w.Write(make([]byte, first))
			for {
				if _, err := w.Write(make([]byte, size)); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-time.After(interval):
				case <-req.Context().Done():
					return
				}
			}
		}
	}
	tests := []struct {
		name    string
		serve   http.HandlerFunc
		timeout time.Duration
		rule    string
		after   time.Duration
	}{
		{"a drip of an octet a second is cut after ten", sendEvery(0, 1, time.Second), time.Hour, "slow", 10 * time.Second},
		{"a transfer that stands still is cut after ten seconds", sendEvery(1<<20, 1, time.Hour), time.Hour, "slow", 10 * time.Second},
		{"a good start does not earn a drip", sendEvery(20<<10, 1, time.Second), time.Hour, "slow", 30 * time.Second},
		{"a server that never answers is cut after ten seconds", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			time.Hour, "slow", 10 * time.Second},
		{"a steady transfer is cut at the timeout", sendEvery(0, 2<<10, time.Second), time.Minute, "timeout", time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				r, _, stop := newPipedRig(t)
				defer stop()
				r.hold()
				r.src.Timeout = tt.timeout
				r.serve(tt.serve)
				res := r.refresh()
				if res.Err == nil || ruleOf(res.Err) != tt.rule {
					t.Errorf("the refresh says %v, want rule %s", res.Err, tt.rule)
				}
				if res.Duration.Round(time.Second) != tt.after {
					t.Errorf("it was cut after %s, want %s", res.Duration, tt.after)
				}
				r.wantHeld("5", "01", "02")
			})
		})
	}
}

func TestASteadyTransferAtTheMinimumRateIsNotCut(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r, _, stop := newPipedRig(t)
		defer stop()
		r.src.Timeout = time.Hour
		crl := r.crl(5, 1)
		r.src.MinRate = int64(len(crl)) / 60
		r.serve(func(w http.ResponseWriter, _ *http.Request) {
			for _, octet := range crl {
				w.Write([]byte{octet})
				w.(http.Flusher).Flush()
				time.Sleep(time.Minute / time.Duration(len(crl)))
			}
		})
		if res := r.refresh(); !res.Changed || res.Duration < 59*time.Second {
			t.Errorf("the refresh says %v after %s, want a CRL after a minute", res.Err, res.Duration)
		}
	})
}

func TestNoProxyOfTheEnvironmentIsAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.test:3128")
	t.Setenv("http_proxy", "http://proxy.test:3128")
	bubble.Test(t, func(t *testing.T) {
		r, n, stop := newPipedRig(t)
		defer stop()
		r.hold()
		if len(n.dialed) != 1 || n.dialed[0] != "pki.test:80" {
			t.Errorf("dialed %v, want pki.test:80 only", n.dialed)
		}
	})
}
