package client

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/vetopki/veto/revocation"
)

// WrapServerTLS is a copy of a server's configuration in which a guard judges every client certificate, at the end of the handshake and
// after the configuration's own VerifyConnection. It judges a resumed session too, and also where GetConfigForClient returns another
// configuration. The handshake of a client that the guard denies fails with a *Denied.
//
// What a client must present is for ClientAuth to say, and stays as it is: with tls.RequireAndVerifyClientCert nobody comes in without a
// certificate, and with tls.VerifyClientCertIfGiven a client without one comes in unjudged. A certificate that the configuration asks
// for and does not verify (tls.RequestClientCert, tls.RequireAnyClientCert) is denied, since nobody says whose it is.
//
// Session tickets go on as in the configuration given: the copy has the keys that SetSessionTicketKeys set before; keys set
// later must be set at the copy.
func WrapServerTLS(cfg *tls.Config, g *Guard) *tls.Config {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	c := g.guarded(cfg)
	if get := c.GetConfigForClient; get != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			other, err := get(hello)
			if err != nil || other == nil || g.wrapped.has(other) {
				return other, err
			}
			return g.guarded(other), nil
		}
	}
	g.wrapped.add(c)
	return c
}

// WrapClientTLS is a copy of a client's configuration in which a guard judges the server's certificate, as WrapServerTLS does with the
// clients'. A configuration with InsecureSkipVerify has no chain that a guard could judge; its connections fail.
func WrapClientTLS(cfg *tls.Config, g *Guard) *tls.Config {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	c := g.guarded(cfg)
	g.wrapped.add(c)
	return c
}

// guarded is a copy of a configuration whose connections are judged.
func (g *Guard) guarded(cfg *tls.Config) *tls.Config {
	c := cfg.Clone()
	before := c.VerifyConnection
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if before != nil {
			if err := before(cs); err != nil {
				return err
			}
		}
		return g.handshake(cs)
	}
	return c
}

// handshake judges a connection whose handshake is about to end. crypto/tls gives no context here; the guard's timeout bounds it.
func (g *Guard) handshake(cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return nil // only a server comes here, and only when its ClientAuth lets such a client in
	}
	return g.decide(g.connection(context.Background(), cs, false, g.o.Policy))
}

// VerifyState judges the peer of a connection whose handshake was some time ago: revocation, and whether its certificates' time is over. A
// peer without a certificate is denied.
func (g *Guard) VerifyState(ctx context.Context, cs tls.ConnectionState) error {
	return g.decide(g.connection(ctx, cs, true, g.o.Policy))
}

// errUnverified is of a connection for which crypto/tls was told not to verify.
var errUnverified = errors.New("the TLS configuration did not verify it: set ClientAuth to tls.RequireAndVerifyClientCert at a server, " +
	"and leave out InsecureSkipVerify at a client")

// connection judges the peer of a connection.
func (g *Guard) connection(ctx context.Context, cs tls.ConnectionState, again bool, policy revocation.Policy) Judgement {
	if len(cs.VerifiedChains) == 0 && len(cs.PeerCertificates) > 0 && policy.Mode != revocation.Off {
		return Judgement{Decision: policy.Decide(revocation.FoundInvalid), Finding: revocation.FoundInvalid, Chain: cs.PeerCertificates, Err: errUnverified}
	}
	return g.judge(ctx, peer{chains: cs.VerifiedChains, again: again}, policy)
}
