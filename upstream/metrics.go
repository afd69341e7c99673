package upstream

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/revocation"
)

// Metrics are the client's collectors, to be registered by the caller: see Collectors.
type Metrics struct {
	Questions  *prometheus.CounterVec   // by issuer and outcome: good, revoked, unknown, or the rule that refused the answer
	Seconds    *prometheus.HistogramVec // by issuer
	LastAnswer *prometheus.GaugeVec     // by issuer
	Dropped    prometheus.Counter
	Unfollowed prometheus.Counter
	Waiting    prometheus.GaugeFunc
	Held       prometheus.GaugeFunc
}

// NewMetrics makes collectors that count nothing yet.
func NewMetrics() *Metrics {
	return &Metrics{
		Questions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "veto_upstream_questions_total",
			Help: "Questions to the OCSP responders of CAs by what came of them: a status, or the rule that refused the answer."}, []string{"issuer", "outcome"}),
		Seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "veto_upstream_question_seconds",
			Help: "Time until a question was answered, or given up.", Buckets: []float64{5e-3, 20e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30}}, []string{"issuer"}),
		LastAnswer: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "veto_upstream_last_answer_seconds",
			Help: "When an answer of the CA's responder was last verified, Unix time."}, []string{"issuer"}),
		Dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "veto_upstream_questions_dropped_total",
			Help: "Questions that were not asked because too many wait or were asked in this second."}),
		Unfollowed: prometheus.NewCounter(prometheus.CounterOpts{Name: "veto_upstream_unfollowed_total",
			Help: "Answers that are not renewed ahead because too many serials are followed."}),
	}
}

// observe adds the collectors that read the client's state when asked.
func (m *Metrics) observe(c *Client) {
	m.Waiting = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_upstream_questions_waiting",
		Help: "Questions that wait or are under way."}, func() float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return float64(len(c.pending))
	})
	m.Held = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_upstream_answers_held",
		Help: "Serials of which an answer, or that there is none, is remembered, about."}, func() float64 { return float64(c.answers.len()) })
}

// Collectors lists all collectors for registration, once a Client has them.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.Questions, m.Seconds, m.LastAnswer, m.Dropped, m.Unfollowed, m.Waiting, m.Held}
}

func (m *Metrics) asked(issuer string, r *reply, err error, took time.Duration) {
	m.Seconds.WithLabelValues(issuer).Observe(took.Seconds())
	if err != nil {
		m.Questions.WithLabelValues(issuer, revocation.RuleOf(err, "other")).Inc()
		return
	}
	m.Questions.WithLabelValues(issuer, r.finding.Status.String()).Inc()
	m.LastAnswer.WithLabelValues(issuer).SetToCurrentTime()
}

func (m *Metrics) forget(issuer string) {
	label := prometheus.Labels{"issuer": issuer}
	m.Questions.DeletePartialMatch(label)
	m.Seconds.DeletePartialMatch(label)
	m.LastAnswer.DeletePartialMatch(label)
}
