package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Profile is how one gateway asks, and what it is told.
type Profile struct {
	Name       string
	Header     certheader.Options
	Callers    Callers
	Policy     revocation.Policy
	Trust      *TrustSet         // what a client's path must lead to; nil: an issuer of the Directory signed its certificate
	Identities []verify.Identity // of which a client must have one; none: no matter
	TTL        time.Duration     // for how long an answer may be kept; zero: not at all

	// Issuers are whose serial numbers a gateway means that passes no certificate: by the name as it writes it, or by the DER of the
	// name. The empty name is that of all. Several issuers may share a name, after a key roll-over.
	Issuers map[string][]revocation.Issuer
}

// Callers are who may ask. All conditions that are set must hold; without any, nobody may.
type Callers struct {
	CIDRs        []netip.Prefix
	Certificates []verify.Identity // of the caller's TLS client certificate
	Token        string
}

// gateway is a profile in force.
type gateway struct {
	Profile
	reader *certheader.Reader
	token  [sha256.Size]byte
	vary   string   // the headers that the answer depends on
	wanted []string // the headers that it reads
	log    *rate.Limiter
	missed atomic.Int64 // lines that were not logged since the last

	allowed  prometheus.Counter
	duration prometheus.Observer
}

// gateways are the profiles in force, by name, and what is known of those whom they presented.
type gateways struct {
	byName map[string]*gateway
	peers  *peerCache
}

// SetProfiles replaces the profiles of gateways. It may be called while requests are served.
func (a *API) SetProfiles(profiles []Profile) error {
	table := make(map[string]*gateway, len(profiles))
	for _, p := range profiles {
		reader, err := certheader.New(p.Header)
		if err != nil {
			return fmt.Errorf("profile %s: %w", p.Name, err)
		}
		names := reader.Names()
		headers := headersAmong(names.Certificate, names.Chain, names.Serial, names.Issuer)
		table[p.Name] = &gateway{Profile: p, reader: reader, token: sha256.Sum256([]byte(p.Callers.Token)),
			vary: strings.Join(headers, ", "), wanted: append(headers[:len(headers):len(headers)], tokenHeader, "Authorization"),
			log:      rate.NewLimiter(rate.Every(time.Second), 10),
			allowed:  a.metrics.gateways.WithLabelValues(p.Name, revocation.DecisionAllow.String(), string(revocation.BecauseNotListed)),
			duration: a.metrics.duration.WithLabelValues(authzRoute)}
	}
	a.gateways.Store(&gateways{table, newPeerCache()})
	return nil
}

// headersAmong leaves out the names that are empty or no header's.
func headersAmong(texts ...string) (list []string) {
	for _, t := range texts {
		if t != "" && t != certheader.SourceCertificate {
			list = append(list, t)
		}
	}
	return list
}

// tokenHeader carries a caller's token, so that the gateway can pass on its client's Authorization.
const tokenHeader = "X-Veto-Token"

// GatewayQuestion is what a gateway asks, by HTTP or otherwise.
type GatewayQuestion struct {
	Header http.Header // what the client's certificate is read from
	Caller http.Header // what the caller sent of itself: its token. By HTTP the same as Header

	Remote netip.AddrPort       // the caller's address
	TLS    *tls.ConnectionState // the caller's connection, nil without TLS
}

// untrusted says why a caller may not ask, "" when it may. A wrong token is not held against its address: a gateway may pass on what
// its clients send.
func (a *API) untrusted(g *gateway, q *GatewayQuestion, now time.Time) string {
	c := &g.Callers
	switch {
	case c.CIDRs == nil && c.Certificates == nil && c.Token == "":
		return "nobody may ask by this profile"
	case c.CIDRs != nil && !within(c.CIDRs, q.Remote):
		return "its address is not among those of the profile"
	case c.Token != "" && !g.rightToken(q.Caller):
		return "it does not send the profile's token"
	case c.Certificates != nil:
		return a.untrustedCertificate(c.Certificates, q.TLS, now)
	}
	return ""
}

func within(prefixes []netip.Prefix, remote netip.AddrPort) bool {
	for _, p := range prefixes {
		if p.Contains(remote.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func (g *gateway) rightToken(h http.Header) bool {
	sent := h[tokenHeader]
	if len(sent) == 0 {
		for _, line := range h["Authorization"] {
			if scheme, token, _ := strings.Cut(line, " "); strings.EqualFold(scheme, "Bearer") {
				sent = append(sent, strings.TrimSpace(token))
			}
		}
	}
	if len(sent) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(sent[0]))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// untrustedCertificate judges the caller's own client certificate: crypto/tls found its path, and no certificate of it may be revoked.
func (a *API) untrustedCertificate(wanted []verify.Identity, state *tls.ConnectionState, now time.Time) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return "it shows no client certificate"
	}
	path := state.VerifiedChains[0]
	match := false
	for _, i := range wanted {
		match = match || i.Matches(path[0])
	}
	if !match {
		return "its client certificate is of somebody else"
	}
	for i, c := range path[:len(path)-1] {
		if a.source.CertificateStatus(revocation.IssuerIDOf(path[i+1]), c, now).Status == revocation.Revoked {
			return "its client certificate is revoked"
		}
	}
	return ""
}
