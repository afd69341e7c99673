package client

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// WrapServerTLS is a copy of a server's configuration in which a guard judges every client certificate, at the end of the handshake and
// after the configuration's own VerifyConnection. It judges a resumed session too, and also where GetConfigForClient returns another
// configuration. The handshake of a client that the guard denies fails with a *Denied.
//
// What a client must present is for ClientAuth to say, and stays as it is: with tls.RequireAndVerifyClientCert nobody comes in without a
// certificate, and with tls.VerifyClientCertIfGiven a client without one comes in unjudged. A certificate that the configuration asks
// for and does not verify (tls.RequestClientCert, tls.RequireAnyClientCert) is denied, since nobody says whose it is, unless the guard has
// Checks, which say so.
//
// Session tickets go on as in the configuration given: the copy has the keys that SetSessionTicketKeys set before; keys set
// later must be set at the copy.
func WrapServerTLS(cfg *tls.Config, g *Guard) *tls.Config {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	c := g.guarded(cfg, verify.Client)
	if get := c.GetConfigForClient; get != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			other, err := get(hello)
			if err != nil || other == nil || g.wrapped.has(other) {
				return other, err
			}
			return g.guarded(other, verify.Client), nil
		}
	}
	g.wrapped.add(c)
	return c
}

// WrapClientTLS is a copy of a client's configuration in which a guard judges the server's certificate, as WrapServerTLS does with the
// clients'. With InsecureSkipVerify there is no chain that a guard without Checks could judge, and connections fail.
func WrapClientTLS(cfg *tls.Config, g *Guard) *tls.Config {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	c := g.guarded(cfg, verify.Server)
	g.wrapped.add(c)
	return c
}

// guarded is a copy of a configuration whose connections are judged. The role is the peer's.
func (g *Guard) guarded(cfg *tls.Config, role verify.Role) *tls.Config {
	c := cfg.Clone()
	before := c.VerifyConnection
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if before != nil {
			if err := before(cs); err != nil {
				return err
			}
		}
		return g.handshake(cs, role)
	}
	return c
}

// handshake judges a connection whose handshake is about to end. crypto/tls gives no context here; the guard's timeout bounds it.
func (g *Guard) handshake(cs tls.ConnectionState, role verify.Role) error {
	if len(cs.PeerCertificates) == 0 {
		return nil // only a server comes here, and only when its ClientAuth lets such a client in
	}
	ctx, policy := context.Background(), g.o.Policy
	if g.o.Checks != nil && policy.Mode != revocation.Off {
		return g.decide(g.fiveChecks(ctx, cs, role, policy))
	}
	return g.decide(g.connection(ctx, cs, false, policy))
}

// VerifyState judges the peer of a connection whose handshake was some time ago: revocation, and whether its certificates' time is over. A
// peer without a certificate is denied.
func (g *Guard) VerifyState(ctx context.Context, cs tls.ConnectionState) error {
	return g.decide(g.connection(ctx, cs, true, g.o.Policy))
}

// errUnverified is of a connection for which crypto/tls was told not to verify.
var errUnverified = errors.New("the TLS configuration did not verify it: set ClientAuth to tls.RequireAndVerifyClientCert at a server, " +
	"and leave out InsecureSkipVerify at a client")

// connection judges the peer of a connection. Of one that passed the five checks neither the name nor the role changed since.
func (g *Guard) connection(ctx context.Context, cs tls.ConnectionState, again bool, policy revocation.Policy) Judgement {
	if len(cs.VerifiedChains) == 0 && len(cs.PeerCertificates) > 0 && policy.Mode != revocation.Off {
		if again && g.o.Checks != nil {
			return g.fiveChecks(ctx, cs, verify.AnyRole, policy)
		}
		return Judgement{Decision: policy.Decide(revocation.FoundInvalid), Finding: revocation.FoundInvalid, Chain: cs.PeerCertificates, Err: errUnverified}
	}
	return g.judge(ctx, peer{chains: cs.VerifiedChains, again: again}, policy)
}
