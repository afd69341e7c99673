package client_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

type fixed struct {
	answer client.Answer
	err    error
	asked  int
}

func (f *fixed) Check(context.Context, *x509.Certificate, *x509.Certificate) (client.Answer, error) {
	f.asked++
	return f.answer, f.err
}

func TestTiersAskUntilOneIsSure(t *testing.T) {
	good := func() *fixed { return &fixed{answer: client.Answer{Status: revocation.Good, From: "good"}} }
	revoked := func() *fixed { return &fixed{answer: client.Answer{Status: revocation.Revoked, From: "revoked"}} }
	stale := func() *fixed { return &fixed{answer: client.Answer{Because: revocation.BecauseStale, From: "stale"}} }
	notIssued := func() *fixed {
		return &fixed{answer: client.Answer{Because: revocation.BecauseNotIssued, From: "not issued"}}
	}
	down := func() *fixed { return &fixed{err: errors.New("connection refused")} }
	for _, row := range []struct {
		fact  string
		tiers []*fixed
		from  string // of the answer; "" wants an error
		asked int    // how many were
	}{
		{"the first is sure", []*fixed{good(), revoked()}, "good", 1},
		{"the first is down", []*fixed{down(), revoked()}, "revoked", 2},
		{"the first is stale", []*fixed{stale(), good()}, "good", 2},
		{"not issued is sure", []*fixed{notIssued(), good()}, "not issued", 1},
		{"one is stale, the other down", []*fixed{stale(), down()}, "stale", 2},
		{"one is down, the other stale", []*fixed{down(), stale()}, "stale", 2},
		{"all are down", []*fixed{down(), down()}, "", 2},
		{"there is none", nil, "", 0},
	} {
		t.Run(row.fact, func(t *testing.T) {
			var list []client.Checker
			for _, f := range row.tiers {
				list = append(list, f)
			}
			got, err := client.Tiers(list...).Check(t.Context(), nil, nil)
			if got.From != row.from || (err != nil) != (row.from == "") {
				t.Errorf("got the answer of %q, %v, want that of %q", got.From, err, row.from)
			}
			if err != nil && got.Status != revocation.Unknown {
				t.Errorf("an error came with status %s", got.Status)
			}
			asked := 0
			for _, f := range row.tiers {
				asked += f.asked
			}
			if asked != row.asked {
				t.Errorf("%d were asked, want %d", asked, row.asked)
			}
		})
	}
	_, err := client.Tiers(down(), down()).Check(t.Context(), nil, nil)
	if err == nil || strings.Count(err.Error(), "connection refused") != 2 {
		t.Errorf("the error of two that are down names not both: %v", err)
	}
}
