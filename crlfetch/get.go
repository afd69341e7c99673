package crlfetch

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// get is one GET over http or https (RFC 5280 §4.2.1.13, RFC 9110).
func (f *fetcher) get(ctx context.Context, u *url.URL, src Source, known validators, dst landing) (download, error) {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	pace := newPace(src, cut)
	defer pace.stop()

	req := newRequest(ctx, u, known)
	client := http.Client{Transport: f.transportOf(src), CheckRedirect: redirects(u, src)}
	resp, err := client.Do(req)
	if err != nil {
		return download{}, explain(ctx, err)
	}
	defer resp.Body.Close()

	if resp.StatusCode == http.StatusNotModified && known != (validators{}) {
		return download{notModified: true, validators: known, maxAge: maxAge(resp.Header)}, nil
	}
	if err := checkResponse(resp, src); err != nil {
		return download{}, err
	}
	dst.progress.expect(resp.ContentLength)
	got, err := receive(ctx, resp, src, pace, dst)
	if err != nil {
		return download{}, err
	}
	got.validators, got.maxAge = validatorsOf(resp.Header), maxAge(resp.Header)
	got.oddType = oddType(resp.Header)
	return got, nil
}

func newRequest(ctx context.Context, u *url.URL, known validators) *http.Request {
	h := http.Header{
		"User-Agent":      {"veto"},
		"Accept":          {"application/pkix-crl, */*;q=0.5"},
		"Accept-Encoding": {"identity"},
	}
	if known.etag != "" {
		h.Set("If-None-Match", known.etag)
	}
	if known.lastModified != "" {
		h.Set("If-Modified-Since", known.lastModified)
	}
	return (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h}).WithContext(ctx)
}

// checkResponse refuses, before a body is read, what cannot be a whole CRL.
func checkResponse(resp *http.Response, src Source) error {
	if resp.StatusCode != http.StatusOK {
		return refuseStatus(resp)
	}
	if enc := strings.Join(resp.Header.Values("Content-Encoding"), ", "); enc != "" && !strings.EqualFold(enc, "identity") {
		return revocation.Refuse("encoding", "RFC 9110 §8.4", "the server sends Content-Encoding %.40q although only identity was asked for",
			enc)
	}
	if resp.ContentLength > src.MaxBytes {
		return tooBig("the server announces "+strconv.FormatInt(resp.ContentLength, 10)+" octets", src.MaxBytes)
	}
	return nil
}

// receive copies the body. A body that ends early is refused here when its length was announced or it is chunked; else the
// decoder finds that the CRL is incomplete.
func receive(ctx context.Context, resp *http.Response, src Source, pace *pace, dst landing) (download, error) {
	out := newSink(dst, src.MaxBytes)
	if _, err := io.Copy(out, &pacedReader{resp.Body, pace}); err != nil {
		return download{}, explain(ctx, err)
	}
	return out.download(), nil
}

type pacedReader struct {
	r    io.Reader
	pace *pace
}

func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.pace.progress(n)
	return n, err
}

// statusRefused is a status that brings no CRL. retryAfter is zero when the server did not say.
type statusRefused struct {
	*revocation.Refusal
	retryAfter time.Duration
}

func (s *statusRefused) Unwrap() error { return s.Refusal }

func refuseStatus(resp *http.Response) error {
	after := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	hint := ""
	if after > 0 {
		hint = ", and asks to come again in " + after.Round(time.Second).String()
	}
	return &statusRefused{revocation.Refuse("http-status", "RFC 9110 §15", "the server answers %d %s%s",
		resp.StatusCode, http.StatusText(resp.StatusCode), hint), after}
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110 §10.2.3). What it does not understand is zero.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// validatorsOf takes what can be sent back. A value that no request may carry would make every later fetch fail.
func validatorsOf(h http.Header) validators {
	v := validators{etag: sendable(h.Get("ETag")), lastModified: sendable(h.Get("Last-Modified"))}
	if v.etag == "" && tooRecent(h) {
		v.lastModified = ""
	}
	return v
}

// tooRecent says whether the file changed within a second of being sent: it may have changed again in that same second, and a
// 304 for the time alone would hide that (RFC 9110 §8.8.2.2).
func tooRecent(h http.Header) bool {
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return false
	}
	sent, err := http.ParseTime(h.Get("Date"))
	return err != nil || sent.Sub(modified) < 2*time.Second
}

func sendable(value string) string {
	const longest = 1024
	if len(value) > longest || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return value
}

// oddType returns the content type when it is not application/pkix-crl. It is counted only: what decodes and verifies is a CRL
// whatever the server calls it.
func oddType(h http.Header) string {
	value := h.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(value); err == nil && t == "application/pkix-crl" {
		return ""
	}
	if value == "" {
		return "none"
	}
	return value
}
