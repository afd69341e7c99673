package client

import (
	"crypto/tls"
	"net"
	"net/http"
	"weak"
)

// httpConn is a connection of an http.Server. It does not keep it: one that a handler took over is never reported again.
type httpConn = weak.Pointer[tls.Conn]

// ConnState is for the field of this name of an http.Server that makes its own TLS listener (ListenAndServeTLS, ServeTLS) from a
// configuration of WrapServerTLS. A connection is tracked from its first request on; what is revoked between the handshake and then,
// [Guard.Handler] sees, or the next recheck. One that a handler took over stays tracked as long as anybody has it.
func (t *ConnTracker) ConnState(c net.Conn, state http.ConnState) {
	conn, ok := c.(*tls.Conn)
	if !ok {
		return
	}
	key := weak.Make(conn)
	switch state {
	case http.StateActive: // the handshake is over: asking for its outcome does not wait
		t.active(key, conn)
	case http.StateClosed:
		t.forget(key, true)
	case http.StateHijacked:
		t.forget(key, false)
	}
}

func (t *ConnTracker) active(key httpConn, conn *tls.Conn) {
	t.mu.Lock()
	_, known := t.http[key]
	t.mu.Unlock()
	if known { // the second request, or a later one
		return
	}
	cs := conn.ConnectionState()
	if len(cs.PeerCertificates) == 0 {
		return
	}
	entry := &tracked{state: cs, remote: conn.RemoteAddr().String(),
		cut: func() error {
			if c := key.Value(); c != nil {
				return c.NetConn().Close()
			}
			return net.ErrClosed
		},
		gone: func() bool { return key.Value() == nil }}
	t.mu.Lock()
	t.http[key] = entry
	t.mu.Unlock()
	t.add(entry, t.rounds.Load())
}

// forget ends what ConnState knows of a connection, and its tracking too when it is closed.
func (t *ConnTracker) forget(key httpConn, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if closed {
		if c := t.http[key]; c != nil {
			delete(t.held, c)
		}
	}
	delete(t.http, key)
}
