package lane

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// handover is the listener from which net/http takes the connections that are given to it.
type handover struct {
	address net.Addr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	count   atomic.Int64 // connections that net/http has
}

func newHandover(address net.Addr) *handover {
	return &handover{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give hands a connection over with the octets that were read from it; it is closed when nobody takes any more.
func (h *handover) give(c net.Conn, read []byte) {
	c.SetDeadline(time.Time{})
	h.count.Add(1)
	r := &replayed{Conn: c, handover: h, read: read}
	select {
	case h.conns <- r:
	case <-h.closed:
		r.Close()
	}
}

func (h *handover) open() int { return int(h.count.Load()) }

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.address }

// replayed is a connection from which some octets are read again.
type replayed struct {
	net.Conn
	handover *handover
	read     []byte
	once     sync.Once // of Close
}

// Close implements net.Conn.
func (c *replayed) Close() error {
	c.once.Do(func() { c.handover.count.Add(-1) })
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *replayed) Read(p []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.read)
	if c.read = c.read[n:]; len(c.read) == 0 {
		c.read = nil
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom, by which net/http sends files.
func (c *replayed) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}
