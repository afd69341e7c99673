package crlfetch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/revocation"
)

// Metrics are the collectors of this package; the caller registers them. Labels: issuer is the configured name, url the
// configured URL, result is changed, not_modified or the rule that refused.
type Metrics struct {
	Fetches     *prometheus.CounterVec // issuer, url, result
	Bytes       *prometheus.CounterVec // issuer, url: transferred
	OddTypes    *prometheus.CounterVec // issuer, url: CRLs that came with a Content-Type other than application/pkix-crl
	Duration    prometheus.Histogram   // of a refresh, in seconds
	Failures    *prometheus.GaugeVec   // issuer, url: in a row
	LastSuccess *prometheus.GaugeVec   // issuer, url: when the source last answered usefully, Unix time

	// Of the CRL in force. Its age is time() - ThisUpdate; it lapses at NextUpdate. Without a CRL there is no series.
	ThisUpdate *prometheus.GaugeVec // issuer, url: Unix time
	NextUpdate *prometheus.GaugeVec // issuer, url: Unix time
	Entries    *prometheus.GaugeVec // issuer, url
}

// NewMetrics makes the collectors.
func NewMetrics() *Metrics {
	source := []string{"issuer", "url"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(source, labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, source)
	}
	return &Metrics{
		Fetches:  counter("veto_crl_fetches_total", "CRL fetches by result: changed, not_modified or the rule that refused.", "result"),
		Bytes:    counter("veto_crl_fetched_bytes_total", "Octets of CRLs transferred."),
		OddTypes: counter("veto_crl_odd_content_types_total", "CRLs received with a Content-Type other than application/pkix-crl."),
		Duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "veto_crl_refresh_seconds",
			Help: "Duration of CRL refreshes.", Buckets: prometheus.ExponentialBuckets(0.005, 3, 10)}),
		Failures:    gauge("veto_crl_fetch_failures", "Failed CRL fetches in a row."),
		LastSuccess: gauge("veto_crl_last_success_timestamp_seconds", "When the CRL source last answered usefully."),
		ThisUpdate:  gauge("veto_crl_this_update_timestamp_seconds", "thisUpdate of the CRL in force."),
		NextUpdate:  gauge("veto_crl_next_update_timestamp_seconds", "nextUpdate of the CRL in force: when it lapses."),
		Entries:     gauge("veto_crl_entries", "Entries of the CRL in force."),
	}
}

// Collectors lists them all.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.Fetches, m.Bytes, m.OddTypes, m.Duration, m.Failures, m.LastSuccess, m.ThisUpdate, m.NextUpdate,
		m.Entries}
}

func (m *Metrics) refreshed(src Source, r Result, st revocation.SourceState, odd bool) {
	issuer, url := src.Issuer.Name, src.URL
	m.Fetches.WithLabelValues(issuer, url, r.outcome()).Inc()
	m.Bytes.WithLabelValues(issuer, url).Add(float64(r.Bytes))
	m.Duration.Observe(r.Duration.Seconds())
	if odd {
		m.OddTypes.WithLabelValues(issuer, url).Inc()
	}
	m.show(src, r.Info, st)
}

// show sets the gauges, also before the first fetch after a start.
func (m *Metrics) show(src Source, info *revocation.CRLInfo, st revocation.SourceState) {
	issuer, url := src.Issuer.Name, src.URL
	m.Failures.WithLabelValues(issuer, url).Set(float64(st.Failures))
	setTime(m.LastSuccess, issuer, url, st.CheckedAt)
	if info == nil {
		return
	}
	setTime(m.ThisUpdate, issuer, url, info.ThisUpdate)
	setTime(m.NextUpdate, issuer, url, info.NextUpdate)
	m.Entries.WithLabelValues(issuer, url).Set(float64(info.Entries))
}

// forget drops the series of a source that is no longer configured.
func (m *Metrics) forget(src Source) {
	labels := prometheus.Labels{"issuer": src.Issuer.Name, "url": src.URL}
	for _, c := range []*prometheus.CounterVec{m.Fetches, m.Bytes, m.OddTypes} {
		c.DeletePartialMatch(labels)
	}
	for _, g := range []*prometheus.GaugeVec{m.Failures, m.LastSuccess, m.ThisUpdate, m.NextUpdate, m.Entries} {
		g.DeletePartialMatch(labels)
	}
}

// setTime leaves out a time that is not known: zero would read as 1970.
func setTime(g *prometheus.GaugeVec, issuer, url string, t time.Time) {
	if t.IsZero() {
		g.DeleteLabelValues(issuer, url)
		return
	}
	g.WithLabelValues(issuer, url).Set(float64(t.UnixMilli()) / 1000)
}
