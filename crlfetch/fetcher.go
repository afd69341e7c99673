package crlfetch

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/vetopki/veto/revocation"
)

// fetcher does one fetch at a time for any source. It keeps no connections, so that every fetch resolves and checks anew and
// nothing is left to close.
type fetcher struct {
	dial      dialer
	tls       *tls.Config
	transport *http.Transport // without DialContext
}

func newFetcher(roots *x509.CertPool) *fetcher {
	return &fetcher{
		dial: dialWith(nil),
		tls:  &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		transport: &http.Transport{
			Proxy:                  nil,  // not from the environment: what we ask, and whom, is in the configuration
			DisableCompression:     true, // a compressed answer could be small on the wire and endless here
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// transportOf is the transport of one fetch: a connection is only made where the source's egress rules allow it.
func (f *fetcher) transportOf(src Source) *http.Transport {
	t := f.transport.Clone()
	t.TLSClientConfig = f.tls.Clone()
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return f.dial(ctx, network, address, src.Egress)
	}
	return t
}

// download is what a fetch brought.
type download struct {
	notModified bool // nothing was written
	size        int64
	sha256      [sha256.Size]byte
	validators  validators
	maxAge      time.Duration // for how long the server calls its answer fresh; 0: it does not say
	oddType     string        // the Content-Type when it is not the one RFC 5280 §4.2.1.13 asks for
	took        time.Duration
}

// fetch copies what a URL of src has into dst, unless it still is what the validators say. Where it has several CRLs, pick says
// which. It ends within src.Timeout. Every error is a Refusal, or says that dst could not be written. What dst holds after an
// error is of no use.
func (f *fetcher) fetch(ctx context.Context, src Source, raw string, known validators, pick picker, dst landing) (download, error) {
	u, err := parseURL(raw)
	if err != nil {
		return download{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, src.Timeout,
		revocation.Refuse("timeout", "", "the fetch took longer than the timeout of %s", src.Timeout))
	defer cancel()
	start := time.Now()
	dst.progress.begin(downloading)
	got, err := f.fetchScheme(ctx, u, src, known, pick, dst)
	got.took = time.Since(start)
	return got, err
}

func (f *fetcher) fetchScheme(ctx context.Context, u *url.URL, src Source, known validators, pick picker, dst landing) (download, error) {
	switch {
	case u.Scheme == "push", u.Scheme == "freshest":
		return download{}, errNeverFetched
	case u.Scheme == "ldap", u.Scheme == "ldaps":
		return f.fetchLDAP(ctx, u, src, pick, dst)
	case u.Scheme == "file" && isFolder(u):
		return fetchFolder(ctx, u.Path, src, known, pick, dst)
	case u.Scheme == "file":
		return fetchFile(ctx, u.Path, src, known, dst)
	}
	return f.get(ctx, u, src, known, dst)
}

// landing is the file that a download goes into, and who is told how far it came.
type landing struct {
	file     *os.File
	progress *progress
}

// sink writes a download, hashes it on the way, and refuses to pass the cap.
type sink struct {
	dst  landing
	hash hash.Hash
	size int64
	max  int64
}

func newSink(dst landing, max int64) *sink { return &sink{dst: dst, hash: sha256.New(), max: max} }

func (s *sink) Write(p []byte) (int, error) {
	if s.size+int64(len(p)) > s.max {
		return 0, tooBig(fmt.Sprintf("more than %d octets came", s.max), s.max)
	}
	s.hash.Write(p)
	n, err := s.dst.file.Write(p)
	s.dst.progress.octetsPassed(n)
	s.size += int64(n)
	if err != nil {
		return n, storeFailed("writing the download", err)
	}
	return n, nil
}

func (s *sink) download() download {
	return download{size: s.size, sha256: [sha256.Size]byte(s.hash.Sum(nil))}
}

func tooBig(what string, max int64) error {
	return revocation.Refuse("too-big", "", "%s, and max_bytes allows %d; raise it if the CRL really is that large", what, max)
}

// pace cuts a transfer that is too slow: it must have brought MinRate octets for each second beyond the first ten, and never
// stand still for ten.
type pace struct {
	src   Source
	start time.Time
	timer *time.Timer
	total int64
}

const paceStart = 10 * time.Second

func newPace(src Source, cut context.CancelCauseFunc) *pace {
	return &pace{src: src, start: time.Now(), timer: time.AfterFunc(paceStart, func() {
		cut(revocation.Refuse("slow", "", "the server sends less than %d octets a second or nothing for %s", src.MinRate, paceStart))
	})}
}

func (p *pace) progress(n int) {
	p.total += int64(n)
	earned := time.Duration(float64(p.total) / float64(p.src.MinRate) * float64(time.Second))
	p.timer.Reset(min(time.Until(p.start.Add(paceStart+earned)), paceStart))
}

func (p *pace) stop() { p.timer.Stop() }
