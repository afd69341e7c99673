package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

// Accept implements api.Acceptor.
func (o *operator) Accept(_ context.Context, r api.AcceptRequest) ([]api.AcceptResult, error) {
	k, known := o.directory.table.Load().byID[r.Issuer]
	if !known { // the configuration changed meanwhile
		return nil, revocation.ErrUnknownIssuer
	}
	if r.URL != "" && !slices.ContainsFunc(k.sources, func(s crlSource) bool { return s.URL == r.URL }) {
		return nil, revocation.Refuse("source", "", "the issuer has no source of complete CRLs with this URL")
	}
	var results []api.AcceptResult
	for i := range k.sources {
		src := &k.sources[i]
		if info := o.store.CRLInfo(src.Scope()); info == nil || info.Retained == 0 || r.URL != "" && r.URL != src.URL {
			continue
		}
		one, err := o.acceptOne(src, r)
		if err != nil && len(results) > 0 {
			err = &api.PartialChange{Done: len(results), Err: fmt.Errorf("%s: %w", src.URL, err)}
		}
		if err != nil {
			return results, err
		}
		results = append(results, one)
	}
	if len(results) == 0 {
		return nil, revocation.ErrNoRetained
	}
	return results, nil
}

func (o *operator) acceptOne(src *crlSource, r api.AcceptRequest) (api.AcceptResult, error) {
	result := api.AcceptResult{URL: src.URL, Outcome: "kept"}
	if r.Keep {
		if info := o.store.CRLInfo(src.Scope()); info != nil {
			result.Serials = info.Retained
		}
		result.Generation = o.store.Generation()
		return result, o.store.KeepRetained(src.Scope(), r.By, r.Comment, r.Now)
	}
	change, err := o.store.DropRetained(src.Scope(), r.By, r.Comment, r.Now)
	if err != nil {
		return result, err
	}
	o.crlChanged(change)
	result.Outcome, result.Serials, result.Generation = "dropped", change.Removed, change.Generation
	return result, nil
}

// retainedMetrics shows what the shrink guard retains, read from the store when it is asked for.
type retainedMetrics struct {
	directory       *directory
	retained, alarm *prometheus.Desc
}

func newRetainedMetrics(d *directory) *retainedMetrics {
	labels := []string{"issuer", "url"}
	return &retainedMetrics{directory: d,
		retained: prometheus.NewDesc("veto_crl_retained", "Serials that stay revoked although the CRL in force does not list them.", labels, nil),
		alarm:    prometheus.NewDesc("veto_crl_retained_alarm", "1 while no administrator accepted or kept what is retained.", labels, nil)}
}

// Describe implements prometheus.Collector.
func (m *retainedMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.retained; ch <- m.alarm }

// Collect implements prometheus.Collector.
func (m *retainedMetrics) Collect(ch chan<- prometheus.Metric) {
	d := m.directory
	t := d.table.Load()
	for i := range t.issuers {
		for n := range t.issuers[i].sources {
			src := &t.issuers[i].sources[n]
			info := d.store.CRLInfo(src.Scope())
			if info == nil {
				continue
			}
			alarm := 0.0
			if d.store.RetainedAlarm(src.Scope()) {
				alarm = 1
			}
			ch <- prometheus.MustNewConstMetric(m.retained, prometheus.GaugeValue, float64(info.Retained), t.issuers[i].Name, src.URL)
			ch <- prometheus.MustNewConstMetric(m.alarm, prometheus.GaugeValue, alarm, t.issuers[i].Name, src.URL)
		}
	}
}
