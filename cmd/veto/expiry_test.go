package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

const day = 24 * time.Hour

func TestTheEndOfASignerIsSpokenOf(t *testing.T) {
	start := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		fact string
		life time.Duration
		own  bool
		want []int // hours before the end
	}{
		{"of a year's delegate at a third, 30, 7 and 1 days, and the end", 366 * day, false, []int{122 * 24, 30 * 24, 7 * 24, 24, 0}},
		{"of 90 days, a third is 30 days: once", 90 * day, false, []int{30 * 24, 7 * 24, 24, 0}},
		{"of a week's delegate not from its first day", 7 * day, false, []int{56, 24, 0}},
		{"of a day's delegate at a third and the end", day, false, []int{8, 0}},
		{"of the CA itself not years ahead", 10 * 365 * day, true, []int{30 * 24, 7 * 24, 24, 0}},
		{"of a short CA not before it begins", 5 * day, true, []int{24, 0}},
	} {
		t.Run(row.fact, func(t *testing.T) {
			cert := &x509.Certificate{NotBefore: start, NotAfter: start.Add(row.life)}
			var got []int
			for _, m := range signerAlarms(cert, row.own) {
				got = append(got, int(cert.NotAfter.Sub(m).Hours()))
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("hours before the end: got %v, want %v", got, row.want)
			}
		})
	}
}

// watchedIssuer is an issuer with a delegated signer that lives for a time from now on.
func watchedIssuer(t *testing.T, life time.Duration) knownIssuer {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	ca, err := pkitest.NewCA(pkitest.CAOptions{NotBefore: now, NotAfter: now.Add(10 * 365 * day)})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ca.IssueOCSPSigner(pkitest.LeafOptions{NotBefore: now, NotAfter: now.Add(life)})
	if err != nil {
		t.Fatal(err)
	}
	ic := config.Issuer{Name: "corp", Certificate: ca.Certificate, Certificates: []*x509.Certificate{ca.Certificate}}
	o := ocspSigner{config: &config.Signer{Certificate: signer.Certificate, Key: signer.Key}, keys: keysOf(ic)}
	if o.signer, _, err = new(signers).make(o.config, o.keys, now); err != nil {
		t.Fatal(err)
	}
	return knownIssuer{Issuer: o.keys[0], keys: o.keys, config: ic, signers: []ocspSigner{o}}
}

// TestEachAlarmIsRaisedOnce lives through the year of a delegate in the clock of synctest.
func TestEachAlarmIsRaisedOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		k := watchedIssuer(t, 366*day)
		end := k.signers[0].config.Certificate.NotAfter
		d := newDirectory(nil)
		d.configure([]knownIssuer{k})
		var log syncedBuffer
		w := newSignerWatch(d, slog.New(slog.NewTextHandler(&log, nil)), func(time.Time) bool { return false })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.run(ctx) }()
		for _, stage := range []struct {
			before  time.Duration // the end of the certificate
			lines   int           // raised until then
			problem string
		}{
			{123 * day, 0, ""},
			{121 * day, 1, "the signing certificate ends in 121 days, on "},
			{31 * day, 1, "ends in 31 days"},
			{29 * day, 2, "ends in 29 days"},
			{8 * day, 2, "ends in 8 days"},
			{6 * day, 3, "ends in 6 days"},
			{20 * time.Hour, 4, "ends in 20 hours"},
			{time.Hour, 4, "ends in less than two hours"},
			{-time.Second, 5, "OCSP answers tryLater: the signing certificate expired on " + stamp(end)},
			{-day, 5, "expired on "},
		} {
			time.Sleep(time.Until(end.Add(-stage.before)))
			w.look() // a reload raises nothing twice
			synctest.Wait()
			if got := strings.Count(log.String(), "ocsp signer ends"); got != stage.lines {
				t.Errorf("%v before the end: %d alarms, want %d:\n%s", stage.before, got, stage.lines, log.String())
			}
			if got := ocspReport(issuerKey{&k, k.Issuer}, time.Now()).Problem; (stage.problem == "") != (got == "") || !strings.Contains(got, stage.problem) {
				t.Errorf("%v before the end: problem %q, want %q", stage.before, got, stage.problem)
			}
		}
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("far alarms are warnings and near ones errors:\n%s", log.String())
		}
		cancel()
		<-ended
	})
}

func TestAReplacedSignerHasAlarmsOfItsOwn(t *testing.T) {
	d := newDirectory(nil)
	var log bytes.Buffer
	w := newSignerWatch(d, slog.New(slog.NewTextHandler(&log, nil)), nil)
	for range 2 {
		d.configure([]knownIssuer{watchedIssuer(t, day)})
		w.alarm(time.Now().Add(20 * time.Hour))
	}
	if got := strings.Count(log.String(), "ocsp signer ends"); got != 2 {
		t.Errorf("%d alarms for two certificates that near their end:\n%s", got, log.String())
	}
}

func TestSignerMetrics(t *testing.T) {
	k, gone := watchedIssuer(t, day), watchedIssuer(t, day)
	gone.Name, gone.signers[0].signer, gone.signers[0].unsigned = "gone", nil, errors.New("the token was pulled")
	d := newDirectory(nil)
	d.configure([]knownIssuer{k, gone, {Issuer: revocation.Issuer{Name: "json-only"}, keys: k.keys}})
	values := gatherSigners(t, d)
	for series, want := range map[string]float64{"veto_ocsp_signer_ready corp": 1, "veto_ocsp_signer_ready gone": 0, "veto_ocsp_signer_ready json-only": 0} {
		if got, ok := values[series]; !ok || got != want {
			t.Errorf("%s: %v, want %v", series, got, want)
		}
	}
	if left := values["veto_ocsp_signer_expires_in_seconds corp"]; left <= 0 || left > day.Seconds() {
		t.Errorf("%v seconds are left of a day", left)
	}
	if _, ok := values["veto_ocsp_signer_expires_in_seconds json-only"]; ok {
		t.Error("an issuer without signer has an expiry")
	}
}
