package api

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

const (
	authzPrefix = "/v1/authz/"
	authzRoute  = "/v1/authz/{profile}"
)

// authz answers a gateway: any method, and any path below the profile, because gateways pass on those of their clients. The body is
// not read. It is served before the router, which knows only some methods.
func (a *API) authz(w http.ResponseWriter, r *http.Request) {
	start := a.now()
	name, _, _ := strings.Cut(r.URL.Path[len(authzPrefix):], "/")
	all := a.gateways.Load()
	g, known := all.byName[name]
	if !known {
		a.metrics.gateways.WithLabelValues("", "deny", "unknown-profile").Inc()
		notFound.problem("there is no profile %q; profiles of the configuration lists them", clip(name)).write(w)
		return
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero one is nobody's
	v := a.authorize(all.peers, g, &GatewayQuestion{Header: r.Header, Caller: r.Header, Remote: remote, TLS: r.TLS}, start)
	a.book(g, &v, remote)
	g.write(w, &v)
	g.duration.Observe(time.Since(start).Seconds())
}

// ruling is the answer to a gateway.
type ruling struct {
	decision   revocation.Decision
	status     string // good, revoked or unknown; "" when nobody was asked
	reason     string // why: a revocation's reason, a because of the status, or the rule that refused
	serial     string
	issuer     string
	generation uint64
	ttl        int // seconds; zero: not to be kept
}

// GatewayAnswer is what a gateway is told.
type GatewayAnswer struct {
	Decision   revocation.Decision
	Status     revocation.Status // when Asked
	Asked      bool              // there was a certificate to ask for
	Reason     string
	Serial     string
	Issuer     string
	Generation uint64
	TTL        time.Duration // for which the answer may be kept
}

// Authorize answers a gateway that does not ask by HTTP. A profile that does not exist lets nobody in.
func (a *API) Authorize(profile string, q *GatewayQuestion) GatewayAnswer {
	now := a.now()
	all := a.gateways.Load()
	g, known := all.byName[profile]
	if !known {
		a.metrics.gateways.WithLabelValues("", "deny", "unknown-profile").Inc()
		return GatewayAnswer{Decision: revocation.DecisionDeny, Reason: "unknown-profile"}
	}
	v := a.authorize(all.peers, g, q, now)
	a.book(g, &v, q.Remote)
	g.duration.Observe(time.Since(now).Seconds())
	answer := GatewayAnswer{Decision: v.decision, Asked: v.status != "", Reason: v.reason, Serial: v.serial,
		Issuer: v.issuer, Generation: v.generation, TTL: time.Duration(v.ttl) * time.Second}
	for _, s := range [...]revocation.Status{revocation.Good, revocation.Revoked} {
		if v.status == s.String() {
			answer.Status = s
		}
	}
	return answer
}

// authorize decides. A failure of ours is one of the things that leave it undetermined.
func (a *API) authorize(peers *peerCache, g *gateway, q *GatewayQuestion, now time.Time) (v ruling) {
	defer func() {
		if fault := recover(); fault != nil {
			a.log.Error("panic", "fault", fault, "profile", g.Name, "stack", string(debug.Stack()))
			v = ruling{decision: g.Policy.Decide(revocation.FoundIndeterminate), reason: "internal"}
		}
	}()
	if why := a.untrusted(g, q, now); why != "" {
		return ruling{decision: revocation.DecisionDeny, reason: "untrusted-caller"}
	}
	if g.Policy.Mode == revocation.Off {
		return ruling{decision: revocation.DecisionDegraded, reason: "off"}
	}
	p, err := a.peer(peers, g, q.Header, now)
	if err != nil {
		return a.refuse(g, err)
	}
	return a.rule(g, p, now)
}

// refuse decides where there is no certificate to judge.
func (a *API) refuse(g *gateway, err error) ruling {
	if errors.Is(err, certheader.ErrNone) {
		return ruling{decision: g.Policy.Decide(revocation.FoundNothing), reason: "no-certificate"}
	}
	return ruling{decision: g.Policy.Decide(revocation.FoundInvalid), reason: revocation.RuleOf(err, "invalid")}
}

// rule decides by the status of each certificate; the hardest decision counts, and of equals the first.
func (a *API) rule(g *gateway, p *presentedPeer, now time.Time) ruling {
	var v ruling
	for i := range p.judged {
		c := &p.judged[i]
		st := a.statusOf(c, now)
		finding := revocation.FindingOf(&st)
		if c.exempt && finding != revocation.FoundRevoked {
			finding = revocation.FoundGood
		}
		if d := g.Policy.Decide(finding); i == 0 || d > v.decision {
			v.decision, v.status, v.reason = d, st.Status.String(), reasonOf(&st, c)
			v.serial, v.issuer = c.serialText, c.issuerName
		}
		if ttl := TTL(&st, now, g.TTL); i == 0 || ttl < v.ttl {
			v.ttl = ttl
		}
		v.generation = max(v.generation, st.Generation)
	}
	if left := p.notAfter.Sub(now); !p.notAfter.IsZero() && left < time.Duration(v.ttl)*time.Second {
		v.ttl = int(left / time.Second)
	}
	return v
}

// statusOf asks for a certificate or, when a gateway names only a serial and several keys go by the issuer's name, for that serial of each:
// the worst counts, since it may be any of theirs.
func (a *API) statusOf(c *judgedCertificate, now time.Time) revocation.CertStatus {
	switch {
	case len(c.issuers) == 0:
		return revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: a.source.Status(revocation.IssuerID{}, c.serial, now).Generation}
	case c.cert != nil:
		return a.source.JudgedStatus(c.issuers[0].ID, c.cert, now)
	}
	worst := a.source.Status(c.issuers[0].ID, c.serial, now)
	for i := 1; i < len(c.issuers) && worst.Status != revocation.Revoked; i++ {
		if st := a.source.Status(c.issuers[i].ID, c.serial, now); st.Status != revocation.Good {
			worst = st
		}
	}
	return worst
}

func reasonOf(st *revocation.CertStatus, c *judgedCertificate) string {
	switch {
	case st.Status == revocation.Revoked:
		return st.Reason.String()
	case c.exempt:
		return "exempt"
	}
	return string(st.Because)
}

// write answers: 200, 401, 403, or 503 where the policy wants one. Clients may see the body.
func (g *gateway) write(w http.ResponseWriter, v *ruling) {
	h := w.Header()
	values := make([]string, 0, 10) // of all fields, so that there is one allocation
	g.fields(v, func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	})
	body := bodyOf(v.decision)
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(codeOf(v.decision))
	io.WriteString(w, body)
}

// fields are the header fields of an answer, but Content-Length and Date.
func (g *gateway) fields(v *ruling, set func(name, value string)) {
	set("X-Veto-Decision", v.decision.String())
	set("X-Veto-Reason", v.reason)
	if v.status != "" {
		set("X-Veto-Status", v.status)
		set("X-Veto-Serial", v.serial)
		if v.issuer != "" {
			set("X-Veto-Issuer", v.issuer)
		}
		set("X-Veto-Generation", strconv.FormatUint(v.generation, 10))
	}
	set("Vary", g.vary)
	if v.ttl > 0 && v.decision != revocation.DecisionError {
		set("Cache-Control", "max-age="+strconv.Itoa(v.ttl))
	} else {
		set("Cache-Control", "no-store")
	}
	if v.decision == revocation.DecisionAsk {
		set("Www-Authenticate", `TLS-Client-Certificate realm="`+g.Name+`"`)
	}
	if !v.decision.Allows() {
		set("Content-Type", "text/plain; charset=utf-8")
	}
}

func codeOf(d revocation.Decision) int {
	switch {
	case d.Allows():
		return http.StatusOK
	case d == revocation.DecisionAsk:
		return http.StatusUnauthorized
	case d == revocation.DecisionError:
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}

func bodyOf(d revocation.Decision) string {
	switch codeOf(d) {
	case http.StatusOK:
		return ""
	case http.StatusUnauthorized:
		return "A client certificate is required.\n"
	case http.StatusServiceUnavailable:
		return "Whether the client certificate is revoked cannot be told now.\n"
	}
	return "The client certificate is refused.\n"
}

// book counts an answer, and logs what is allowed without being plainly good, and failures. So many a second are logged that they can be
// read; the number of the others comes with the next.
func (a *API) book(g *gateway, v *ruling, caller netip.AddrPort) {
	if v.decision == revocation.DecisionAllow && v.reason == string(revocation.BecauseNotListed) {
		g.allowed.Inc()
		return
	}
	a.metrics.gateways.WithLabelValues(g.Name, v.decision.String(), v.reason).Inc()
	if v.decision == revocation.DecisionAllow || !v.decision.Allows() && v.decision != revocation.DecisionError && v.reason != "untrusted-caller" {
		return
	}
	if !g.log.Allow() {
		g.missed.Add(1)
		return
	}
	a.log.Warn("gateway answer", "profile", g.Name, "decision", v.decision.String(), "status", v.status, "reason", v.reason,
		"issuer", v.issuer, "serial", v.serial, "caller", caller.String(), "not_logged", g.missed.Swap(0))
}
