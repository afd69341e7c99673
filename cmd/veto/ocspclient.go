package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// ocspClient asks OCSP responders and verifies what they answer (RFC 6960 §3.2, RFC 9919 §5).
type ocspClient struct {
	hash    crypto.Hash         // that CertIDs are made with
	nonce   bool                // send a fresh one (RFC 9654)
	method  string              // GET or POST; "": GET when the request is short, as RFC 9919 §6 asks
	trusted []*x509.Certificate // signers believed whoever issued them
}

// ocspExchange is one question with what came of it.
type ocspExchange struct {
	url, method       string
	request, response []byte
	nonceSent         bool
	parsed            *ocspder.Response  // nil when it could not be read
	answer            *verify.OCSPAnswer // nil when it is not believed
	refused           error              // why not
}

// longestGet is the longest URL asked by GET (RFC 9919 §6).
const longestGet = 255

// maxOCSPAnswer bounds what is read of a responder's answer, in octets.
const maxOCSPAnswer = 1 << 20

// ask sends one request, for one certificate: few responders answer several. The error is that of asking; an answer that is
// not believed is no error.
func (c *ocspClient) ask(ctx context.Context, responder string, issuer *x509.Certificate, serial revocation.Serial) (*ocspExchange, error) {
	id, err := ocspder.CertIDFor(c.hash, issuer, serial)
	if err != nil {
		return nil, usage("%v", err)
	}
	var nonce []byte
	if c.nonce {
		nonce = make([]byte, 32) // RFC 9654 §2.1
		rand.Read(nonce)
	}
	x := &ocspExchange{url: responder, nonceSent: c.nonce}
	if x.request, err = ocspder.EncodeRequest([]ocspder.CertID{id}, nonce); err != nil {
		return nil, err
	}
	if err := c.exchange(ctx, x); err != nil {
		return nil, err
	}
	if x.parsed, x.refused = ocspder.ParseResponse(x.response); x.refused != nil {
		return x, nil
	}
	x.answer, x.refused = verify.OCSP(x.parsed, issuer, serial, time.Now(), verify.OCSPOptions{Nonce: nonce, Trusted: c.trusted})
	return x, nil
}

// exchange sends the request and reads the response.
func (c *ocspClient) exchange(ctx context.Context, x *ocspExchange) error {
	req, err := c.httpRequest(ctx, x)
	if err != nil {
		return usage("the responder's URL: %v", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return withCode(exitUnknown, fmt.Errorf("asking the OCSP responder: %w", err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return withCode(exitUnknown, fmt.Errorf("the OCSP responder answered HTTP %s", resp.Status))
	}
	x.response, err = io.ReadAll(io.LimitReader(resp.Body, maxOCSPAnswer+1))
	switch {
	case err != nil:
		return withCode(exitUnknown, fmt.Errorf("reading the OCSP response: %w", err))
	case len(x.response) > maxOCSPAnswer:
		return withCode(exitUnknown, fmt.Errorf("the OCSP responder answered with more than %d octets", maxOCSPAnswer))
	}
	return nil
}

func (c *ocspClient) httpRequest(ctx context.Context, x *ocspExchange) (*http.Request, error) {
	// Everything that means something in a URL is escaped, RFC 6960 appendix A.1: responders exist that take + for a space.
	get := strings.TrimSuffix(x.url, "/") + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(x.request))
	if c.method == http.MethodGet || (c.method == "" && len(get) <= longestGet) {
		x.method = http.MethodGet
		return http.NewRequestWithContext(ctx, http.MethodGet, get, nil)
	}
	x.method = http.MethodPost
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(x.request))
	if err == nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	return req, err
}
