package client

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// OCSPOptions say how OCSP asks. The zero value asks the responder that each certificate names.
type OCSPOptions struct {
	URL     string        // of the responder; "": that of the certificate's authorityInfoAccess (RFC 5280 §4.2.2.1)
	Client  *http.Client  // nil: one with the timeout and nothing else
	Timeout time.Duration // of one request; 5 s when zero
	Nonce   bool          // ask with a nonce and refuse an answer without it; no cache on the way serves then (RFC 9654)
	Hash    crypto.Hash   // of the names in the request: SHA1, which every responder understands, when zero, or SHA256
	Keep    int           // answers kept at most, until their nextUpdate; 50,000 when zero
}

// OCSP is a Checker that asks OCSP responders and verifies what they say (RFC 6960 §3.2): see verify.OCSP. Answers are kept until
// their nextUpdate, and two that ask for one certificate at once share a request.
type OCSP struct {
	o      OCSPOptions
	kept   *answers
	flight singleflight.Group
	now    func() time.Time
}

// NewOCSP makes a Checker.
func NewOCSP(o OCSPOptions) (*OCSP, error) {
	o.Timeout = timeoutOr(o.Timeout)
	if o.Client == nil {
		o.Client = plainClient()
	}
	if o.Hash == 0 {
		o.Hash = crypto.SHA1
	}
	kept, err := newAnswers(o.Keep)
	if err != nil {
		return nil, err
	}
	return &OCSP{o: o, kept: kept, now: time.Now}, nil
}

// Check implements Checker.
func (c *OCSP) Check(ctx context.Context, cert, issuer *x509.Certificate) (Answer, error) {
	s, err := subjectOf(cert, issuer)
	if err != nil {
		return Answer{}, err
	}
	if a, ok := c.kept.get(s, c.now()); ok {
		return a, nil
	}
	url := c.o.URL
	if url == "" {
		if len(cert.OCSPServer) == 0 {
			return Answer{}, fmt.Errorf("the certificate %q names no OCSP responder", cert.Subject)
		}
		url = cert.OCSPServer[0]
	}
	ch := c.flight.DoChan(string(s.issuer[:])+string(s.serial), func() (any, error) {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.o.Timeout)
		defer cancel()
		return c.ask(shared, url, issuer, s)
	})
	select {
	case r := <-ch:
		a, _ := r.Val.(Answer)
		return a, r.Err
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
}

// ask sends one request and verifies the answer.
func (c *OCSP) ask(ctx context.Context, url string, issuer *x509.Certificate, s subject) (Answer, error) {
	id, err := ocspder.CertIDFor(c.o.Hash, issuer, s.serial)
	if err != nil {
		return Answer{}, err
	}
	var nonce []byte
	if c.o.Nonce {
		nonce = make([]byte, 32) // RFC 9654 §2.1
		rand.Read(nonce)
	}
	body, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nonce)
	if err != nil {
		return Answer{}, err
	}
	der, err := c.post(ctx, url, body)
	if err != nil {
		return Answer{}, fmt.Errorf("asking the OCSP responder %s: %w", url, err)
	}
	resp, err := ocspder.ParseResponse(der)
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	said, err := verify.OCSP(resp, issuer, s.serial, c.now(), verify.OCSPOptions{Nonce: nonce})
	if err == nil && c.o.Nonce && !said.NonceEchoed {
		err = revocation.Refuse("nonce", "RFC 9654 §2.1", "the response lacks the nonce of the request, so it may be an old one")
	}
	if err != nil {
		return Answer{}, fmt.Errorf("the answer of %s is not believed: %w", url, err)
	}
	a := Answer{Status: said.Status, Because: revocation.BecauseUpstream, Reason: said.Entry.Reason, RevokedAt: said.Entry.RevokedAt,
		ThisUpdate: said.ThisUpdate, NextUpdate: said.NextUpdate, Fresh: true, Until: said.NextUpdate, From: url}
	c.kept.put(s, kept{answer: a}, c.now())
	return a, nil
}

func (c *OCSP) post(ctx context.Context, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := c.o.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %s", resp.Status)
	}
	const most = 1 << 20
	return io.ReadAll(io.LimitReader(resp.Body, most))
}
