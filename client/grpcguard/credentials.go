package grpcguard

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"

	"github.com/vetopki/veto/client"
)

// ServerCredentials are credentials.NewTLS with a guard that judges each client's certificate in the handshake: see
// client.WrapServerTLS. The tracker, which may be nil, closes the connections of those that are revoked later.
func ServerCredentials(cfg *tls.Config, g *client.Guard, t *client.ConnTracker) credentials.TransportCredentials {
	return tracking{credentials.NewTLS(client.WrapServerTLS(cfg, g)), t}
}

// ClientCredentials are the same for the other side: the guard judges the server's certificate.
func ClientCredentials(cfg *tls.Config, g *client.Guard, t *client.ConnTracker) credentials.TransportCredentials {
	return tracking{credentials.NewTLS(client.WrapClientTLS(cfg, g)), t}
}

// tracking hands connections to a tracker once their handshake is over.
type tracking struct {
	credentials.TransportCredentials
	t *client.ConnTracker
}

// ServerHandshake implements credentials.TransportCredentials.
func (c tracking) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(raw, c.TransportCredentials.ServerHandshake)
}

// ClientHandshake implements credentials.TransportCredentials.
func (c tracking) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(raw, func(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
		return c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	})
}

func (c tracking) handshake(raw net.Conn, shake func(net.Conn) (net.Conn, credentials.AuthInfo, error)) (net.Conn, credentials.AuthInfo, error) {
	if c.t == nil {
		return shake(raw)
	}
	below := c.t.Conn(raw)
	conn, info, err := shake(below)
	if said, ok := info.(credentials.TLSInfo); ok && err == nil {
		below.Track(said.State)
	}
	return conn, info, err
}

// Clone implements credentials.TransportCredentials.
func (c tracking) Clone() credentials.TransportCredentials {
	return tracking{c.TransportCredentials.Clone(), c.t}
}
