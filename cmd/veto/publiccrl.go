package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// heldCRL is a CRL in force, as its CA signed it.
type heldCRL struct {
	file *os.File
	info *revocation.CRLInfo
	end  time.Time // from which it counts no more; zero: never
}

// serveCRL serves CRLs in force as the CA signed them: ISSUER.crl the first one (RFC 2585 §4.2), ISSUER.pem all, one after the other, and
// ISSUER/2.crl or ISSUER/2.pem the second. All or none: a file with one missing would let what that one lists pass.
func (p *public) serveCRL(w http.ResponseWriter, r *http.Request, file string) {
	name, asPEM := strings.CutSuffix(file, ".pem")
	name, asDER := strings.CutSuffix(name, ".crl")
	first, end, k := p.crlsOf(name, asDER)
	if first == end || asPEM == asDER {
		http.Error(w, "no CRL of that name; ask for /crl/ISSUER.crl or /crl/ISSUER.pem with a configured issuer, or for /crl/ISSUER/2.crl, "+
			"the second of its CRLs", http.StatusNotFound)
		return
	}
	now := judgedAt(p.directory.store)
	held, code, why := p.open(k, first, end, now)
	defer closeAll(held)
	if why != "" {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, why, code)
		return
	}
	crlHeaders(w.Header(), held, asPEM, now)
	if asDER {
		http.ServeContent(w, r, "", held[0].info.ThisUpdate, held[0].file)
		return
	}
	servePEM(w, r, held)
}

// open opens the CRLs from first to before end, or says with which status and why not all can be served.
func (p *public) open(k issuerKey, first, end int, now time.Time) (held []heldCRL, code int, why string) {
	for n := first; n < end; n++ {
		f, info, err := p.directory.store.OpenCRL(k.sources[n].Scope())
		if err != nil {
			return held, http.StatusNotFound, fmt.Sprintf("CRL %d of this issuer is not held yet", n+1)
		}
		h := heldCRL{f, info, info.Lapses(k.config.Refresh.MaxAge)}
		held = append(held, h)
		if !h.end.IsZero() && !now.Before(h.end) {
			return held, http.StatusServiceUnavailable, fmt.Sprintf("CRL %d held of this issuer is stale since %s", n+1, stamp(h.end))
		}
	}
	return held, 0, ""
}

func closeAll(held []heldCRL) {
	for _, h := range held {
		h.file.Close()
	}
}

// crlsOf says which CRLs of an issuer a name stands for: those from first to before end; none when they are the same.
func (p *public) crlsOf(name string, one bool) (first, end int, k issuerKey) {
	name, number, numbered := strings.Cut(name, "/")
	k, ok := p.directory.find(name)
	if !ok || len(k.sources) == 0 {
		return 0, 0, k
	}
	if !numbered && !one {
		return 0, len(k.sources), k
	}
	n := 1
	if numbered {
		n, _ = strconv.Atoi(number)
	}
	if n < 1 || n > len(k.sources) || numbered && strconv.Itoa(n) != number {
		return 0, 0, k
	}
	return n - 1, n, k
}

func crlHeaders(h http.Header, held []heldCRL, asPEM bool, now time.Time) {
	var tag strings.Builder
	var end time.Time
	for i := range held {
		fmt.Fprintf(&tag, "%x", held[i].info.SHA256)
		if e := held[i].end; !e.IsZero() && (end.IsZero() || e.Before(end)) {
			end = e
		}
	}
	h.Set("Content-Type", "application/pkix-crl")
	if asPEM {
		h.Set("Content-Type", "application/x-pem-file")
		tag.WriteString("-pem")
	}
	h.Set("ETag", strconv.Quote(tag.String()))
	// A mirror that asks every minute learns of a new CRL early; it never holds one past nextUpdate.
	age := 60
	if !end.IsZero() {
		h.Set("Expires", end.UTC().Format(http.TimeFormat))
		age = min(age, int(end.Sub(now).Seconds()))
	}
	h.Set("Cache-Control", "public, no-transform, max-age="+strconv.Itoa(age))
}
