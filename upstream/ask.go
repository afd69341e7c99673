package upstream

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

const (
	// MaxResponse is the longest response read, in octets: some hold a dozen certificates or SingleResponses.
	MaxResponse = 128 << 10
	// maxGET is the longest URL that is asked by GET, in octets (RFC 9919 §6); others are asked by POST.
	maxGET = 255
	// nonceOctets is what a client sends (RFC 9654 §2.1).
	nonceOctets = 32
)

// reply is a verified answer to one question.
type reply struct {
	finding revocation.UpstreamFinding

	// signed is the response as it was signed when it says so of exactly the CertID that was sent, so that it answers whoever asks
	// by that CertID; nil otherwise.
	signed []byte
	certID []byte
}

// ask asks the responder about a serial: its URLs in their order, until one answers what can be believed. The error is that of the
// first, a *revocation.Refusal.
func (c *Client) ask(ctx context.Context, a *asked, serial revocation.Serial) (*reply, error) {
	id, err := ocspder.CertIDFor(a.Hash, a.Certificate, serial)
	if err != nil {
		return nil, revocation.Refuse("request", "RFC 6960 §4.1.1", "the question cannot be written: %v", err)
	}
	var first error
	for _, raw := range a.URLs {
		r, err := c.askAt(ctx, a, raw, &id)
		if err == nil {
			return r, nil
		}
		if first == nil || isBroken(first) && !isBroken(err) { // what a responder that works says tells more
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// askAt asks at one URL and believes what verify.OCSP believes.
func (c *Client) askAt(ctx context.Context, a *asked, raw string, id *ocspder.CertID) (*reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout,
		revocation.Refuse("timeout", "", "no answer came within the timeout of %s", a.Timeout))
	defer cancel()
	nonce := newNonce(a.Nonce)
	request, err := ocspder.EncodeRequest([]ocspder.CertID{*id}, nonce)
	if err != nil {
		return nil, revocation.Refuse("request", "RFC 6960 §4.1.1", "the question cannot be written: %v", err)
	}
	body, err := a.exchange(ctx, raw, request)
	if err != nil {
		return nil, err
	}
	return c.judge(a, raw, id, nonce, body, c.now())
}

func newNonce(n Nonce) []byte {
	if n == NonceOff {
		return nil
	}
	b := make([]byte, nonceOctets)
	rand.Read(b)
	return b
}

// judge says whether a response may be believed, and what it says.
func (c *Client) judge(a *asked, raw string, id *ocspder.CertID, nonce, body []byte, now time.Time) (*reply, error) {
	resp, err := ocspder.ParseResponse(body)
	if err != nil {
		return nil, err
	}
	answer, err := verify.OCSP(resp, a.Certificate, id.Serial, now, verify.OCSPOptions{Nonce: nonce})
	switch {
	case err != nil && resp.Status != ocspder.Successful:
		return nil, &errorStatus{err, resp.Status}
	case err != nil:
		return nil, err
	case a.Nonce == NonceRequired && !answer.NonceEchoed:
		return nil, revocation.Refuse("nonce", "RFC 9919 §5", "the response lacks the nonce that was sent; it may be a replayed one")
	case answer.Status != revocation.Revoked && !now.Before(answer.NextUpdate): // the clock may differ, but then it ends nothing good
		return nil, revocation.Refuse("expired", "RFC 9919 §5", "the response held until %s", answer.NextUpdate.Format(time.RFC3339))
	}
	if err := c.checkDelegate(a, answer); err != nil {
		return nil, err
	}
	r := &reply{finding: revocation.UpstreamFinding{Status: answer.Status, Entry: answer.Entry,
		ThisUpdate: answer.ThisUpdate, NextUpdate: answer.NextUpdate, URL: raw}}
	if a.Relay && nonce == nil && saysOf(resp, id, answer) {
		r.signed, r.certID = body, id.Raw
	}
	return r, nil
}

// checkDelegate refuses a signer that is known here to be revoked. The CA's own responder says nothing of it: it would vouch for
// itself (RFC 6960 §4.2.2.2.1).
func (c *Client) checkDelegate(a *asked, answer *verify.OCSPAnswer) error {
	if answer.Delegate == nil || c.revoked == nil {
		return nil
	}
	serial, err := revocation.SerialFromBig(answer.Delegate.SerialNumber)
	if err != nil || c.revoked(a.ID, serial) {
		return revocation.Refuse("signer", "RFC 6960 §4.2.2.2.1", "the certificate of the signer %q is revoked", answer.Delegate.Subject)
	}
	return nil
}

// saysOf says whether the response says of the very CertID that was sent, octet by octet, what was concluded from all it says: clients
// compare octets. A hash has parameters in some responses, and none in others.
func saysOf(resp *ocspder.Response, id *ocspder.CertID, answer *verify.OCSPAnswer) bool {
	return slices.ContainsFunc(resp.Singles, func(s ocspder.SingleResponse) bool {
		return bytes.Equal(s.CertID.Raw, id.Raw) && s.Status == answer.Status && s.ThisUpdate.Equal(answer.ThisUpdate)
	})
}

// exchange sends a request and reads the response: by GET when the URL stays short, so that caches on the way can answer, or else by
// POST (RFC 6960 appendix A.1, RFC 9919 §6).
func (a *asked) exchange(ctx context.Context, raw string, request []byte) ([]byte, error) {
	get := getURL(raw, request)
	if get != "" && !a.postOnly.Load() {
		body, err := a.send(ctx, http.MethodGet, get, nil)
		if !refusesGET(err) {
			return body, err
		}
	}
	body, err := a.send(ctx, http.MethodPost, raw, request)
	if err == nil && get != "" {
		a.postOnly.Store(true)
	}
	return body, err
}

// refusesGET says whether an HTTP status may be about the method, which some responders do not know.
func refusesGET(err error) bool {
	s, ok := errors.AsType[*statusRefused](err)
	return ok && slices.Contains([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, s.code)
}

func (a *asked) send(ctx context.Context, method, to string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, revocation.Refuse("url", "", "the URL of the responder cannot be used: %v", err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	req.Header.Set("Accept", "application/ocsp-response")
	req.Header.Set("User-Agent", "veto")
	client := http.Client{Transport: a.transport, CheckRedirect: refuseRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return nil, egress.Explain(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refuseStatus(resp)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponse+1))
	switch {
	case err != nil:
		return nil, egress.Explain(ctx, err)
	case len(answer) > MaxResponse:
		return nil, revocation.Refuse("too-big", "", "the response has more than %d octets", MaxResponse)
	}
	return answer, nil
}

// getURL is the URL of a request by GET, "" when it is too long.
func getURL(raw string, request []byte) string {
	get := strings.TrimSuffix(raw, "/") + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(request))
	if len(get) > maxGET || strings.Contains(raw, "?") {
		return ""
	}
	return get
}

func refuseRedirect(*http.Request, []*http.Request) error {
	return revocation.Refuse("redirect", "RFC 9110 §15.4", "the responder redirects; configure the URL it redirects to")
}

// statusRefused is an HTTP status that brings no response. retryAfter is zero when the server did not say.
type statusRefused struct {
	*revocation.Refusal
	code       int
	retryAfter time.Duration
}

func (s *statusRefused) Unwrap() error { return s.Refusal }

func refuseStatus(resp *http.Response) error {
	s := &statusRefused{Refusal: revocation.Refuse("http-status", "RFC 6960 appendix A.2", "the responder answers HTTP %d %s",
		resp.StatusCode, http.StatusText(resp.StatusCode)), code: resp.StatusCode}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		s.retryAfter = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		s.retryAfter = max(time.Until(at), 0)
	}
	return s
}

// errorStatus is an OCSP answer that is an error (RFC 6960 §2.3). It is about the serial that was asked for, or may be.
type errorStatus struct {
	error
	status ocspder.ResponseStatus
}

func (e *errorStatus) Unwrap() error { return e.error }

// ofTheSerial are the rules whose refusals say nothing of other serials.
var ofTheSerial = []string{"status", "match", "dates", "expired", "future", "critical", "rollback", "request"}

// isBroken says whether an error is of the responder, or the way to it, so that it would meet other questions too.
func isBroken(err error) bool { return !slices.Contains(ofTheSerial, revocation.RuleOf(err, "")) }

// The waits before a question is asked again that the responder does not answer.
const (
	retrySoon  = 30 * time.Second // it asks to try later, or failed
	retryLater = 5 * time.Minute  // it refuses, or answers what cannot be believed
)

// retryAfter is when to ask again about a serial.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*errorStatus](err); ok && (e.status == ocspder.TryLater || e.status == ocspder.InternalError) || isBroken(err) {
		return retrySoon
	}
	return retryLater
}
