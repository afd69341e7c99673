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
	Failovers   *prometheus.CounterVec // issuer, url: URLs that failed before a mirror served
	Mirrors     *prometheus.CounterVec // issuer, url, result: comparisons of a mirror; agrees or the rule that fired
	Disagree    *prometheus.GaugeVec   // issuer, url: how many of its URLs have another CRL with the number of the one in force
	Broken      *prometheus.CounterVec // issuer, url: files of a folder, or values of a directory, of which no CRL could be made
	Pushes      *prometheus.CounterVec // issuer, url, result: CRLs pushed

	// Of the CRL in force. Its age is time() - ThisUpdate; it lapses at NextUpdate. Without a CRL there is no series.
	ThisUpdate *prometheus.GaugeVec // issuer, url: Unix time
	NextUpdate *prometheus.GaugeVec // issuer, url: Unix time
	Entries    *prometheus.GaugeVec // issuer, url
	Late       *prometheus.GaugeVec // issuer, url: 0 in time, 1 past three quarters of its lifetime, 2 past nextUpdate
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
		Failovers:   counter("veto_crl_failovers_total", "URLs of a CRL source that failed before one of its mirrors served."),
		Mirrors:     counter("veto_crl_mirror_checks_total", "Comparisons of mirrors with the CRL in force, by result.", "result"),
		Disagree:    gauge("veto_crl_sources_disagreeing", "URLs of the source that have another CRL with the number of the one in force."),
		Broken:      counter("veto_crl_broken_candidates_total", "Files of a folder, or values of a directory, that are no usable CRL."),
		Pushes:      counter("veto_crl_pushes_total", "CRLs pushed by administrators, by result.", "result"),
		Late:        gauge("veto_crl_lateness", "0: in time, 1: past three quarters of the lifetime, 2: past nextUpdate."),
		ThisUpdate:  gauge("veto_crl_this_update_timestamp_seconds", "thisUpdate of the CRL in force."),
		NextUpdate:  gauge("veto_crl_next_update_timestamp_seconds", "nextUpdate of the CRL in force: when it lapses."),
		Entries:     gauge("veto_crl_entries", "Entries of the CRL in force."),
	}
}

// Collectors lists them all.
func (m *Metrics) Collectors() []prometheus.Collector {
	list := []prometheus.Collector{m.Duration}
	for _, c := range m.counters() {
		list = append(list, c)
	}
	for _, g := range m.gauges() {
		list = append(list, g)
	}
	return list
}

func (m *Metrics) counters() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{m.Fetches, m.Bytes, m.OddTypes, m.Failovers, m.Mirrors, m.Broken, m.Pushes}
}

func (m *Metrics) gauges() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{m.Failures, m.LastSuccess, m.Disagree, m.ThisUpdate, m.NextUpdate, m.Entries, m.Late}
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

// troubled counts what went wrong in a refresh beside its result.
func (m *Metrics) troubled(src Source, passed, broken, disagreeing int) {
	issuer, url := src.Issuer.Name, src.URL
	if passed > 0 {
		m.Failovers.WithLabelValues(issuer, url).Add(float64(passed))
	}
	if broken > 0 {
		m.Broken.WithLabelValues(issuer, url).Add(float64(broken))
	}
	if len(src.Mirrors) > 0 {
		m.Disagree.WithLabelValues(issuer, url).Set(float64(disagreeing))
	}
}

func (m *Metrics) pushed(src Source, r Result, st revocation.SourceState) {
	m.Pushes.WithLabelValues(src.Issuer.Name, src.URL, r.outcome()).Inc()
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
	for _, c := range m.counters() {
		c.DeletePartialMatch(labels)
	}
	for _, g := range m.gauges() {
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
