package api

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/revocation"
)

// Respond implements lane.Handler: the questions of gateways and GET /v1/status, when they are simple. What it does not answer, and
// whatever has a condition, a token or a fault in it, is for Handler, which answers the same.
func (a *API) Respond(b []byte, r *lane.Request) (out []byte, ok bool) {
	defer func() {
		if recover() != nil { // the handler meets the fault too, and says so
			out, ok = b, false
		}
	}()
	if rest, ok := bytes.CutPrefix(r.Target, []byte(authzPrefix)); ok {
		return a.respondAuthz(b, rest, r)
	}
	if rest, ok := bytes.CutPrefix(r.Target, []byte(statusesPath+"/")); ok {
		return a.respondStatus(b, rest, r)
	}
	return b, false
}

// respondAuthz is authz. A profile that asks for certificates of its callers is not for here, where nobody has any.
func (a *API) respondAuthz(b, rest []byte, r *lane.Request) ([]byte, bool) {
	start := a.now()
	name, _, _ := bytes.Cut(rest, []byte("/"))
	all := a.gateways.Load()
	g, known := all.byName[string(name)]
	if !known || g.Callers.Certificates != nil {
		return b, false
	}
	h := headerPool.Get().(http.Header)
	defer func() {
		clear(h)
		headerPool.Put(h)
	}()
	for i := range r.Fields {
		if name := g.reads(r.Fields[i].Name); name != "" {
			h[name] = append(h[name], string(r.Fields[i].Value))
		}
	}
	v := a.authorize(all.peers, g, &GatewayQuestion{Header: h, Caller: h, Remote: r.Remote}, start)
	a.book(g, &v, r.Remote)
	b = append(append(b, statusLines[codeOf(v.decision)]...), a.date.At(start)...)
	body := bodyOf(v.decision)
	b = append(strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(body)), 10), "\r\n"...)
	g.fields(&v, func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	})
	b = append(append(b, "\r\n"...), body...)
	g.duration.Observe(time.Since(start).Seconds())
	return b, true
}

// reads is the canonical name of a field that the profile reads, "" when it does not.
func (g *gateway) reads(name []byte) string {
	for _, wanted := range g.wanted {
		if len(wanted) == len(name) && strings.EqualFold(wanted, string(name)) {
			return wanted
		}
	}
	return ""
}

// respondStatus is getStatus.
func (a *API) respondStatus(b, rest []byte, r *lane.Request) ([]byte, bool) {
	start := a.now()
	name, text, ok := bytes.Cut(rest, []byte("/"))
	if !ok || bytes.ContainsAny(rest, "%") || a.tokens.Load().read != nil {
		return b, false
	}
	for i := range r.Fields {
		if strings.EqualFold(string(r.Fields[i].Name), "If-None-Match") {
			return b, false
		}
	}
	issuer, known := a.directory.Resolve(string(name))
	if !known {
		return b, false
	}
	serial, err := revocation.ParseSerial(string(text))
	if err != nil {
		return b, false
	}
	answer := a.answer(issuer, serial, start)
	buf := a.buffers.Get().(*[]byte)
	defer a.buffers.Put(buf)
	*buf = append(AppendStatus((*buf)[:0], &answer), '\n')
	b = append(append(b, statusLines[http.StatusOK]...), a.date.At(start)...)
	b = append(append(b, "\r\nContent-Type: application/json\r\nEtag: "...), entityTag(*buf)...)
	b = strconv.AppendInt(append(b, "\r\nCache-Control: max-age="...), int64(answer.TTL), 10)
	b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(*buf)), 10)
	b = append(append(b, "\r\n\r\n"...), *buf...)
	a.metrics.statusOK.Inc()
	a.metrics.statusTime.Observe(time.Since(start).Seconds())
	return b, true
}

// headerPool holds the few headers that a profile reads.
var headerPool = sync.Pool{New: func() any { return http.Header{} }}

var statusLines = map[int]string{
	http.StatusOK:                 "HTTP/1.1 200 OK\r\nDate: ",
	http.StatusUnauthorized:       "HTTP/1.1 401 Unauthorized\r\nDate: ",
	http.StatusForbidden:          "HTTP/1.1 403 Forbidden\r\nDate: ",
	http.StatusServiceUnavailable: "HTTP/1.1 503 Service Unavailable\r\nDate: ",
}
