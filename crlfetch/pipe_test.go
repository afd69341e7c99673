package crlfetch

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// pipeNet is a network in memory on which every host is one handler, so that transfers can be timed by a synctest bubble.
type pipeNet struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}

	mu     sync.Mutex
	dialed []string
}

// newPipeNet serves h until stop is called, which a bubble must do before it ends.
func newPipeNet(h http.Handler) (n *pipeNet, stop func()) {
	n = &pipeNet{conns: make(chan net.Conn), ended: make(chan struct{})}
	srv := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(n) })
	return n, func() { srv.Close(); wg.Wait() }
}

func (n *pipeNet) dial(ctx context.Context, _, address string, _ Egress) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	n.mu.Unlock()
	ours, theirs := net.Pipe()
	select {
	case n.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

func (n *pipeNet) Close() error   { n.once.Do(func() { close(n.ended) }); return nil }
func (n *pipeNet) Addr() net.Addr { return &net.TCPAddr{} }

// newPipedRig is a rig whose server is reached through memory.
func newPipedRig(t *testing.T) (r *rig, n *pipeNet, stop func()) {
	r = newRigWithoutServer(t)
	r.src.URL = "http://pki.test/ca.crl"
	n, stop = newPipeNet(http.HandlerFunc(r.ServeHTTP))
	r.updater.fetcher.dial = n.dial
	return r, n, stop
}
