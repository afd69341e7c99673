package api

import (
	"errors"
	"net/http"
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
	start := time.Now()
	name, _, _ := strings.Cut(r.URL.Path[len(authzPrefix):], "/")
	all := a.gateways.Load()
	g, known := all.byName[name]
	if !known {
		a.metrics.gateways.WithLabelValues("", "deny", "unknown-profile").Inc()
		notFound.problem("there is no profile %q; profiles of the configuration lists them", clip(name)).write(w)
		return
	}
	v := a.authorize(all.peers, g, r, start)
	a.book(g, &v, r)
	g.write(w, &v)
	g.duration.Observe(time.Since(start).Seconds())
}

// ruling is the answer to a gateway.
type ruling struct {
	decision   revocation.Decision
	status     string // good, revoked or unknown; "" when nobody was asked
	reason     string // why: a revocation's reason, a because of the status, or the rule that refused
	serial     []string
	issuer     []string
	generation uint64
	ttl        int // seconds; zero: not to be kept
}

// authorize decides. A failure of ours is one of the things that leave it undetermined.
func (a *API) authorize(peers *peerCache, g *gateway, r *http.Request, now time.Time) (v ruling) {
	defer func() {
		if fault := recover(); fault != nil {
			a.log.Error("panic", "fault", fault, "profile", g.Name, "stack", string(debug.Stack()))
			v = ruling{decision: g.Policy.Decide(revocation.FoundIndeterminate), reason: "internal"}
		}
	}()
	if why := a.untrusted(g, r, now); why != "" {
		return ruling{decision: revocation.DecisionDeny, reason: "untrusted-caller"}
	}
	if g.Policy.Mode == revocation.Off {
		return ruling{decision: revocation.DecisionDegraded, reason: "off"}
	}
	p, err := a.peer(peers, g, r.Header, now)
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

// The header values that do not change.
var (
	decisionValues = [...][]string{{"allow"}, {"allow-degraded"}, {"would-deny"}, {"error"}, {"deny"}, {"deny"}}
	statusValues   = map[string][]string{"good": {"good"}, "revoked": {"revoked"}, "unknown": {"unknown"}}
	reasonGood     = []string{string(revocation.BecauseNotListed)}
	noStoreValue   = []string{"no-store"}
)

// write answers: 200, 401, 403, or 503 where the policy wants one. Clients may see the body.
func (g *gateway) write(w http.ResponseWriter, v *ruling) {
	h := w.Header()
	h["X-Veto-Decision"] = decisionValues[v.decision]
	if v.reason == reasonGood[0] {
		h["X-Veto-Reason"] = reasonGood
	} else {
		h["X-Veto-Reason"] = []string{v.reason}
	}
	if v.status != "" {
		h["X-Veto-Status"] = statusValues[v.status]
		h["X-Veto-Serial"] = v.serial
		if v.issuer != nil {
			h["X-Veto-Issuer"] = v.issuer
		}
		h["X-Veto-Generation"] = []string{strconv.FormatUint(v.generation, 10)}
	}
	h["Vary"] = g.vary
	if v.ttl > 0 && v.decision != revocation.DecisionError {
		h["Cache-Control"] = []string{"max-age=" + strconv.Itoa(v.ttl)}
	} else {
		h["Cache-Control"] = noStoreValue
	}
	switch {
	case v.decision.Allows():
		w.WriteHeader(http.StatusOK)
	case v.decision == revocation.DecisionAsk:
		h["Www-Authenticate"] = []string{`TLS-Client-Certificate realm="` + g.Name + `"`}
		respond(w, http.StatusUnauthorized, "A client certificate is required.\n")
	case v.decision == revocation.DecisionError:
		respond(w, http.StatusServiceUnavailable, "Whether the client certificate is revoked cannot be told now.\n")
	default:
		respond(w, http.StatusForbidden, "The client certificate is refused.\n")
	}
}

func respond(w http.ResponseWriter, code int, body string) {
	w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
	w.WriteHeader(code)
	w.Write([]byte(body))
}

// book counts an answer, and logs what is allowed without being plainly good, and failures. So many a second are logged that they can be
// read; the number of the others comes with the next.
func (a *API) book(g *gateway, v *ruling, r *http.Request) {
	if v.decision == revocation.DecisionAllow && v.reason == reasonGood[0] {
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
		"issuer", strings.Join(v.issuer, ""), "serial", strings.Join(v.serial, ""), "caller", r.RemoteAddr, "not_logged", g.missed.Swap(0))
}
