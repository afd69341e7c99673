package responder_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/responder"
)

// gather registers the collectors and reads counters and gauges as name or name{label value}.
func gather(t *testing.T, r *responder.Responder) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.Metrics().Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "{" + l.GetValue() + "}"
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}
