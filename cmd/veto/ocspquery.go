package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/ocspder"
)

// ocspQuery is the command veto ocsp query.
type ocspQuery struct {
	url, issuer, hash, signer string
	nonce, get, post, asJSON  bool
	requestOut, responseOut   string
	timeout                   time.Duration
}

func newOCSPQuery() *cobra.Command {
	var q ocspQuery
	cmd := &cobra.Command{
		Use: "query --issuer FILE CERT…", Short: "Ask an OCSP responder, verify the answer and say why it may be believed",
		Long: "Asks any OCSP responder for each certificate, one request each, and verifies the answer fully (RFC 6960 §3.2): who signed it,\n" +
			"whether the issuer let him, its times, and the nonce when one was sent. Prints what the answer says and why it may be\n" +
			"believed or not. veto check --ocsp asks the same way, always by POST with a nonce, and prints the status alone; veto ocsp\n" +
			"explain says what a response contains without judging who asked.\n\n" +
			"Ends with 0 when all are good, 1 when one is revoked, 2 when one is unknown, not believed, or nobody can be asked.",
		Example: "  veto ocsp query --url http://ocsp.corp/ --issuer ca.pem device.pem\n" +
			"  veto ocsp query --issuer ca.pem --nonce --hash sha256 device.pem\n" +
			"  veto ocsp query --url http://ocsp.corp/ --issuer ca.pem --response-out r.der device.pem; veto ocsp explain r.der",
		Args: atLeastOne("certificate file"),
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&q.url, "url", "", "`URL` of the responder; default the one that the certificate names")
	f.StringVar(&q.issuer, "issuer", "", "`FILE` with the issuer's certificate")
	f.BoolVar(&q.nonce, "nonce", false, "send a nonce, so that the answer is made for this request")
	f.StringVar(&q.hash, "hash", "sha1", "name the issuer by `sha1`, which every responder understands, sha256, sha384 or sha512")
	f.BoolVar(&q.get, "get", false, "ask by GET, also when the URL gets long")
	f.BoolVar(&q.post, "post", false, "ask by POST")
	f.StringVar(&q.signer, "signer", "", "`FILE` with certificates of signers to believe whoever issued them")
	f.StringVar(&q.requestOut, "request-out", "", "write the request to `FILE`, DER")
	f.StringVar(&q.responseOut, "response-out", "", "write the response to `FILE`, DER")
	f.DurationVar(&q.timeout, "timeout", 60*time.Second, "give up after")
	f.BoolVar(&q.asJSON, "json", false, "print JSON")
	return cmd
}

func (q *ocspQuery) run(cmd *cobra.Command, files []string) error {
	issuer, all, err := issuedSubjects(q.issuer, files)
	if err != nil {
		return err
	}
	c, err := q.client()
	if err != nil {
		return err
	}
	if (q.requestOut != "" || q.responseOut != "") && len(all) > 1 {
		return usage("--request-out and --response-out go with one certificate; there is a request for each")
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), q.timeout)
	defer cancel()
	var report queryReports
	for _, s := range all {
		r, err := q.ask(ctx, c, issuer, s)
		if err != nil {
			return err
		}
		report.Results = append(report.Results, r)
	}
	return report.print(cmd.OutOrStdout(), q.asJSON)
}

// issuedSubjects reads the certificates of files, all of which must be signed by the issuer in a file.
func issuedSubjects(issuerFile string, files []string) (*x509.Certificate, []subject, error) {
	if issuerFile == "" {
		return nil, nil, usage("--issuer names the file with the issuer's certificate")
	}
	issuer, err := readCertificate(issuerFile)
	if err != nil {
		return nil, nil, err
	}
	all, err := subjects(nil, files)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range all {
		if !isIssuedBy(s.cert, issuer) {
			return nil, nil, withCode(exitNo, fmt.Errorf("%s is not signed by %s: its issuer is %s", s.label, issuer.Subject, s.cert.Issuer))
		}
	}
	return issuer, all, nil
}

func (q *ocspQuery) client() (*ocspClient, error) {
	c := &ocspClient{nonce: q.nonce}
	var err error
	if c.hash, err = certIDHash(q.hash); err != nil {
		return nil, err
	}
	switch {
	case q.get && q.post:
		return nil, usage("--get and --post exclude each other")
	case q.get:
		c.method = http.MethodGet
	case q.post:
		c.method = http.MethodPost
	}
	if q.signer != "" {
		c.trusted, err = readCertificates(q.signer)
	}
	return c, err
}

// certIDHash reads sha1, SHA-256 and the like.
func certIDHash(name string) (crypto.Hash, error) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }
	list := ocspder.Hashes()
	if i := slices.IndexFunc(list, func(h crypto.Hash) bool { return plain(h.String()) == plain(name) }); i >= 0 {
		return list[i], nil
	}
	return 0, usage("--hash %s is none of sha1, sha256, sha384, sha512", name)
}

// ask asks for one certificate. Who cannot be asked ends the command; an answer that is not believed is reported.
func (q *ocspQuery) ask(ctx context.Context, c *ocspClient, issuer *x509.Certificate, s subject) (queryReport, error) {
	responder := q.url
	if responder == "" {
		if len(s.cert.OCSPServer) == 0 {
			return queryReport{}, usage("%s names no OCSP responder; give one with --url", s.label)
		}
		responder = s.cert.OCSPServer[0]
	}
	x, err := c.ask(ctx, responder, issuer, s.serial)
	if err != nil {
		return queryReport{}, err
	}
	for file, der := range map[string][]byte{q.requestOut: x.request, q.responseOut: x.response} {
		if file == "" {
			continue
		}
		if err := os.WriteFile(file, der, 0o644); err != nil {
			return queryReport{}, usage("%v", err)
		}
	}
	return reportExchange(s, c.hash, x), nil
}
