package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the API answers. The caller registers its Collectors.
type Metrics struct {
	requests     *prometheus.CounterVec   // by route pattern, method and code
	duration     *prometheus.HistogramVec // seconds, by route pattern
	answers      *prometheus.CounterVec   // status answers by status and because
	changes      *prometheus.CounterVec   // admin changes by action and outcome
	authFailures *prometheus.CounterVec   // by why
	eventClients prometheus.Gauge
	gateways     *prometheus.CounterVec // answers to gateways by profile, decision and reason

	statusOK   prometheus.Counter // of requests, and of duration: GET /v1/status that was answered
	statusTime prometheus.Observer
}

// NewMetrics makes counters that are not registered anywhere.
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "veto", Subsystem: "api", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		requests: counter("requests_total", "HTTP requests by route and code.", "route", "method", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "veto", Subsystem: "api",
			Name: "request_duration_seconds", Help: "Time to answer an HTTP request.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30}}, []string{"route"}),
		answers: counter("answers_total", "Status answers by status and what gave it.", "status", "because"),
		changes: counter("changes_total", "Administrative requests by action and outcome: created, unchanged, upgraded, released, "+
			"started, done, changed, not_modified, dropped, kept, or the name of the problem that refused it.", "action", "outcome"),
		gateways: counter("gateway_answers_total", "Answers to gateways by profile, decision (allow, allow-degraded, would-deny, error, deny) "+
			"and reason.", "profile", "decision", "reason"),
		authFailures: counter("auth_failures_total", "Requests refused for their token.", "why"),
		eventClients: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "veto", Subsystem: "api", Name: "event_clients",
			Help: "Open streams of GET /v1/events."}),
	}
	m.statusOK, m.statusTime = m.requests.WithLabelValues(statusPath, http.MethodGet, "200"), m.duration.WithLabelValues(statusPath)
	return m
}

// Collectors are the metrics, to be registered.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.answers, m.changes, m.authFailures, m.eventClients, m.gateways}
}
