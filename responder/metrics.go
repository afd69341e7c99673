package responder

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Metrics are the responder's collectors, to be registered by the caller: see Collectors.
type Metrics struct {
	Responses      *prometheus.CounterVec // by result
	CacheLookups   *prometheus.CounterVec // by result: hit or miss
	CacheBytes     prometheus.GaugeFunc
	SignSeconds    prometheus.Histogram
	SignFailures   prometheus.Counter
	Overloaded     prometheus.Counter
	SigningWaiting prometheus.GaugeFunc
	Panics         prometheus.Counter
	SignerNotAfter *prometheus.GaugeVec // by issuer

	hits, misses prometheus.Counter
	results      [resultCount]prometheus.Counter // children of Responses, resolved once
}

// result is the label under which a response is counted.
type result uint8

const (
	resultGood result = iota
	resultRevoked
	resultUnknown
	resultSeveral
	resultMalformed
	resultInternalError
	resultTryLater
	resultUnauthorized
	resultSigRequired
	resultRefused
	resultCount
)

// String is the label's value.
func (r result) String() string {
	return [...]string{"good", "revoked", "unknown", "several", "malformed_request", "internal_error", "try_later", "unauthorized", "sig_required", "http_error"}[r]
}

func newMetrics() *Metrics {
	m := &Metrics{
		Responses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "veto_ocsp_responses_total",
			Help: "OCSP responses by result; several = one response about several certificates."}, []string{"result"}),
		CacheLookups: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "veto_ocsp_cache_lookups_total",
			Help: "Well-formed OCSP requests by whether the very same request was found in the cache."}, []string{"result"}),
		SignSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "veto_ocsp_sign_seconds",
			Help: "Time to sign one OCSP response.", Buckets: []float64{50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 10e-3, 50e-3, 250e-3, 1, 5}}),
		SignFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "veto_ocsp_sign_failures_total",
			Help: "Signatures that a key refused to make or made wrongly; the answer was tryLater."}),
		Overloaded: prometheus.NewCounter(prometheus.CounterOpts{Name: "veto_ocsp_overloaded_total",
			Help: "Requests answered tryLater because too many waited for a signature."}),
		Panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "veto_ocsp_panics_total",
			Help: "Requests that ended in a fault of ours, answered internalError."}),
		SignerNotAfter: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "veto_ocsp_signer_not_after_seconds",
			Help: "End of the OCSP signer's certificate, Unix time; of several signers the one that lasts longest."}, []string{"issuer"}),
	}
	m.hits, m.misses = m.CacheLookups.WithLabelValues("hit"), m.CacheLookups.WithLabelValues("miss")
	for r := range resultCount {
		m.results[r] = m.Responses.WithLabelValues(r.String())
	}
	return m
}

// observe adds the collectors that read the responder's state when asked.
func (m *Metrics) observe(r *Responder) {
	m.CacheBytes = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_ocsp_cache_bytes",
		Help: "Memory held by signed answers, about."}, func() float64 { return float64(r.cache.answers.WeightedSize()) })
	m.SigningWaiting = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_ocsp_signing_waiting",
		Help: "Requests that wait for their turn to sign."}, func() float64 { return float64(r.gate.waiting.Load()) })
}

// Metrics are the responder's collectors.
func (r *Responder) Metrics() *Metrics { return r.metrics }

// Collectors lists all collectors for registration.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.Responses, m.CacheLookups, m.CacheBytes, m.SignSeconds, m.SignFailures, m.Overloaded,
		m.SigningWaiting, m.Panics, m.SignerNotAfter}
}

func (m *Metrics) count(r result) { m.results[r].Inc() }

func (m *Metrics) setSigners(t *table) {
	m.SignerNotAfter.Reset()
	for _, e := range t.byID {
		if len(e.Signers) > 0 {
			last := slices.MaxFunc(e.Signers, func(s, t *Signer) int { return s.NotAfter().Compare(t.NotAfter()) })
			m.SignerNotAfter.WithLabelValues(e.Name).Set(float64(last.NotAfter().Unix()))
		}
	}
}

func resultOf(singles []ocspder.SingleResponse) result {
	if len(singles) > 1 {
		return resultSeveral
	}
	switch singles[0].Status {
	case revocation.Good:
		return resultGood
	case revocation.Revoked:
		return resultRevoked
	}
	return resultUnknown
}

func resultOfError(status ocspder.ResponseStatus) result {
	switch status {
	case ocspder.MalformedRequest:
		return resultMalformed
	case ocspder.TryLater:
		return resultTryLater
	case ocspder.Unauthorized:
		return resultUnauthorized
	case ocspder.SigRequired:
		return resultSigRequired
	}
	return resultInternalError
}
