package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// signerMetrics are read off the directory when they are asked for.
type signerMetrics struct {
	directory      *directory
	expires, ready *prometheus.Desc
}

func newSignerMetrics(d *directory) *signerMetrics {
	return &signerMetrics{directory: d,
		expires: prometheus.NewDesc("veto_ocsp_signer_expires_in_seconds",
			"Time until the OCSP signer's certificate ends, of several the first; negative when it has.", []string{"issuer"}, nil),
		ready: prometheus.NewDesc("veto_ocsp_signer_ready",
			"1 while the issuer's OCSP signer, of each of its keys, can sign: configured, within its time, its private key not failing.", []string{"issuer"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *signerMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.expires
	ch <- m.ready
}

// Collect implements prometheus.Collector.
func (m *signerMetrics) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	t := m.directory.table.Load()
	for i := range t.issuers {
		k := &t.issuers[i]
		if len(k.signers) > 0 {
			first := k.signers[0].config.Certificate.NotAfter
			for _, o := range k.signers {
				if end := o.config.Certificate.NotAfter; end.Before(first) {
					first = end
				}
			}
			ch <- prometheus.MustNewConstMetric(m.expires, prometheus.GaugeValue, first.Sub(now).Seconds(), k.Name)
		}
		ready := 0.0
		if k.canSign(now) {
			ready = 1
		}
		ch <- prometheus.MustNewConstMetric(m.ready, prometheus.GaugeValue, ready, k.Name)
	}
}
