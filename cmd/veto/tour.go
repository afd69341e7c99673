package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/vetopki/veto/revocation"
)

// printTour waits until the first CRL is in force and prints commands that work as they stand.
func (p *playground) printTour(ctx context.Context, s *service, w io.Writer) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.directory.firstProblem() != "" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	_, err := io.WriteString(w, p.tour())
	return err
}

// tour is the text; every line that begins with two spaces is a command, run by a test in this order.
func (p *playground) tour() string {
	serial := func(name string) string {
		s, err := revocation.SerialFromBig(p.leaf[name].SerialNumber)
		if err != nil {
			return ""
		}
		return s.String()
	}
	public, api, auth := "http://"+p.ports.Public, "http://"+p.ports.API, `"Authorization: Bearer $(cat `+p.file("admin.token")+`)"`
	ocsp := func(name string) string {
		return fmt.Sprintf("  openssl ocsp -issuer %s -CAfile %s -cert %s -url %s/ocsp\n", p.file("ca.pem"), p.file("ca.pem"), p.file(name+".pem"), public)
	}
	return "veto is running: OCSP at " + public + ", JSON at " + api + "\n" +
		"\nA good certificate, a revoked one and one on hold, asked by OCSP:\n" +
		ocsp("good") + ocsp("revoked") + ocsp("held") +
		"\nThe same by JSON:\n" +
		fmt.Sprintf("  curl -sS %s/v1/status/dev/%s\n", api, serial("good")) +
		fmt.Sprintf("  curl -sS -H 'Content-Type: application/x-pem-file' --data-binary @%s %s/v1/status\n", p.file("revoked.pem"), api) +
		"\nAs a gateway asks, with what its client presented, and the five checks of mutual TLS:\n" +
		fmt.Sprintf("  curl -sS -i -H \"Client-Cert: :$(openssl x509 -in %s -outform DER | base64 -w 0):\" %s/v1/authz/dev\n", p.file("revoked.pem"), api) +
		fmt.Sprintf("  openssl x509 -in %s | awk '{printf \"%%s\\\\n\", $0}' | sed 's/.*/{\"role\":\"client\",\"chain\":[\"&\"]}/' | "+
			"curl -sS -H 'Content-Type: application/json' -d @- %s/v1/verify\n", p.file("held.pem"), api) +
		"\nRevoke the good one; it holds from the moment this answers, and OCSP says so:\n" +
		fmt.Sprintf("  curl -sS -H %s -H 'Content-Type: application/json' -d '{\"serial\":\"%s\",\"reason\":\"superseded\"}' %s/v1/issuers/dev/revocations\n", auth, serial("good"), api) +
		ocsp("good") +
		"\nThe CRL, its issuer, and how veto fares:\n" +
		fmt.Sprintf("  curl -sS %s/crl/dev.crl | openssl crl -inform DER -noout -text\n", public) +
		fmt.Sprintf("  curl -sS -X POST -H %s '%s/v1/issuers/dev/refresh?wait=true'\n", auth, api) +
		fmt.Sprintf("  curl -sS %s/v1/issuers\n", api) +
		fmt.Sprintf("  curl -sS %s/readyz\n", api) +
		"\nPress Ctrl-C to end it.\n"
}
