package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// getStatus answers GET /v1/status/{issuer}/{serial}: 200 whatever the status is.
func (a *API) getStatus(w http.ResponseWriter, r *http.Request) {
	name := pathParam(r, "issuer")
	issuer, known := a.directory.Resolve(name)
	if !known {
		unknownIssuerProblem(name).write(w)
		return
	}
	serial, err := revocation.ParseSerial(pathParam(r, "serial"))
	if err != nil {
		malformedSerial.problem("%v", err).write(w)
		return
	}
	answer := a.answer(issuer, serial, time.Now())
	buf := a.buffers.Get().(*[]byte)
	defer a.buffers.Put(buf)
	*buf = append(AppendStatus((*buf)[:0], &answer), '\n')
	writeCachable(w, r, *buf, answer.TTL)
}

// answer asks for one serial of a configured issuer, and counts the answer.
func (a *API) answer(issuer revocation.Issuer, serial revocation.Serial, now time.Time) Answer {
	return a.answered(issuer, serial, a.source.Status(issuer.ID, serial, now), now)
}

func (a *API) answered(issuer revocation.Issuer, serial revocation.Serial, st revocation.CertStatus, now time.Time) Answer {
	a.metrics.answers.WithLabelValues(st.Status.String(), string(st.Because)).Inc()
	return Answer{Issuer: issuer.Name, IssuerID: issuer.ID, Serial: serial, CertStatus: st, TTL: TTL(&st, now, a.ttl)}
}

// writeCachable answers with a JSON body that may be kept for ttl seconds, or with 304 when the client has it.
func writeCachable(w http.ResponseWriter, r *http.Request, body []byte, ttl int) {
	etag := entityTag(body)
	h := w.Header()
	h.Set("Etag", etag)
	h.Set("Cache-Control", "max-age="+strconv.Itoa(ttl))
	if matchesTag(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// entityTag is the strong entity tag of a body: half of its SHA-256.
func entityTag(body []byte) string {
	hash := sha256.Sum256(body)
	var tag [2 + sha256.Size]byte
	tag[0], tag[len(tag)-1] = '"', '"'
	hex.Encode(tag[1:], hash[:sha256.Size/2])
	return string(tag[:])
}

// matchesTag is the weak comparison that If-None-Match asks for (RFC 9110 §13.1.2).
func matchesTag(headers []string, etag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}

func unknownIssuerProblem(name string) *Problem {
	return unknownIssuer.problem("no issuer %q is configured; GET /v1/issuers lists them", clip(name))
}
