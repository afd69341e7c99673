package client

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// Conn goes below, or instead of, TLS: make it before the handshake, and call Track when the peer was judged. Whoever closes the
// connection ends its tracking.
func (t *ConnTracker) Conn(raw net.Conn) *TrackedConn {
	return &TrackedConn{Conn: raw, t: t, round: t.rounds.Load()}
}

// Listener is what tls.NewListener is, with a guard and a tracker in it: connections are judged in the handshake, as by WrapServerTLS, and
// tracked from then on. It accepts *tls.Conn; http.Server.Serve takes it, with HTTP/2 when cfg.NextProtos has "h2". Connections taken
// over from the server, like WebSockets, stay tracked.
func (t *ConnTracker) Listener(l net.Listener, cfg *tls.Config) net.Listener {
	guarded := WrapServerTLS(cfg, t.g)
	get := guarded.GetConfigForClient
	outer := guarded.Clone()
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		cfg := guarded
		if get != nil {
			other, err := get(hello)
			if err != nil {
				return nil, err
			}
			if other != nil {
				cfg = other
			}
		}
		if own, ok := hello.Conn.(*TrackedConn); ok {
			cfg = own.joined(cfg)
		}
		return cfg, nil
	}
	return &listener{l, t, outer}
}

// Dialer makes connections to servers that a guard judges in the handshake, as by WrapClientTLS, and the tracker from then on. It
// returns *tls.Conn, and serves as http.Transport.DialTLSContext. When cfg has no ServerName, the host of the address is it.
func (t *ConnTracker) Dialer(cfg *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	guarded := WrapClientTLS(cfg, t.g)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		own := t.Conn(raw)
		cfg := own.joined(guarded)
		if cfg.ServerName == "" {
			if cfg.ServerName, _, err = net.SplitHostPort(address); err != nil {
				raw.Close()
				return nil, err
			}
		}
		c := tls.Client(own, cfg)
		if err := c.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
}

// listener accepts TLS connections.
type listener struct {
	net.Listener
	t   *ConnTracker
	cfg *tls.Config
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(l.t.Conn(raw), l.cfg), nil
}

// TrackedConn is a connection that its tracker may close.
type TrackedConn struct {
	net.Conn
	t      *ConnTracker
	round  uint64 // of the tracker when the connection was made
	closed atomic.Bool
	once   sync.Once
	entry  atomic.Pointer[tracked]
}

// joined is a copy of a configuration that has the connection tracked once its peer was judged.
func (c *TrackedConn) joined(cfg *tls.Config) *tls.Config {
	own := cfg.Clone()
	judge := own.VerifyConnection
	own.VerifyConnection = func(cs tls.ConnectionState) error {
		if err := judge(cs); err != nil {
			return err
		}
		c.Track(cs)
		return nil
	}
	return own
}

// Track begins to track the connection, once. One whose peer has no certificate is not tracked.
func (c *TrackedConn) Track(cs tls.ConnectionState) {
	if len(cs.PeerCertificates) == 0 {
		return
	}
	c.once.Do(func() {
		entry := &tracked{state: cs, remote: c.RemoteAddr().String(), cut: c.Conn.Close}
		c.entry.Store(entry)
		c.t.add(entry, c.round)
		if c.closed.Load() {
			c.t.drop(entry) // Close came between and found nothing
		}
	})
}

// Close implements net.Conn.
func (c *TrackedConn) Close() error {
	c.closed.Store(true)
	if entry := c.entry.Load(); entry != nil {
		c.t.drop(entry)
	}
	return c.Conn.Close()
}
