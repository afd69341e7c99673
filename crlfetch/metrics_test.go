package crlfetch

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsTellWhatHappened(t *testing.T) {
	r := newRig(t)
	m, url := r.updater.metrics, r.src.URL
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m.Collectors()...)

	crl := r.crl(5, 1, 2)
	r.serve(serveBytes(crl))
	info := r.refresh().Info
	r.refresh()
	r.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	r.refresh()
	r.refresh()

	for result, want := range map[string]float64{"changed": 1, "not_modified": 1, "http-status": 2} {
		if got := testutil.ToFloat64(m.Fetches.WithLabelValues("corp", url, result)); got != want {
			t.Errorf("fetches with result %s: %v, want %v", result, got, want)
		}
	}
	for name, v := range map[string]struct {
		c    prometheus.Collector
		want float64
	}{
		"failures":   {m.Failures.WithLabelValues("corp", url), 2},
		"bytes":      {m.Bytes.WithLabelValues("corp", url), float64(2 * len(crl))},
		"entries":    {m.Entries.WithLabelValues("corp", url), 2},
		"nextUpdate": {m.NextUpdate.WithLabelValues("corp", url), float64(info.NextUpdate.Unix())},
		"thisUpdate": {m.ThisUpdate.WithLabelValues("corp", url), float64(info.ThisUpdate.Unix())},
	} {
		if got := testutil.ToFloat64(v.c); got != v.want {
			t.Errorf("%s: %v, want %v", name, got, v.want)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("the metrics have problems: %v %v", problems, err)
	}

	m.forget(r.src)
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 1 { // the histogram, which has no labels
		t.Errorf("%d series are left of a source that is gone, want 1 (%v)", n, err)
	}
}
