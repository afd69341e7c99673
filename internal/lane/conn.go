package lane

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// defaultRequest is the longest request that may be simple, in octets. One about a single certificate has 200 to 600.
const defaultRequest = 2048

// conn is a connection whose requests were simple so far.
type conn struct {
	net.Conn
	server *Server
	handed *handover
	used   atomic.Int64 // when the last request came, Unix nanoseconds
	remote netip.AddrPort
	fields []Field // where the fields of a request are put
}

// responses are buffers for answers: one is needed while an answer is made, not while a connection waits.
var responses = sync.Pool{New: func() any { return new([]byte) }}

// serve answers until the connection ends or is handed over.
func (c *conn) serve() {
	defer c.server.running.Done()
	defer c.server.forget(c)
	idle := c.server.IdleTimeout
	if idle <= 0 {
		idle = defaultIdle
	}
	size := c.server.MaxRequest
	if size <= 0 {
		size = defaultRequest
	}
	b := make([]byte, size)
	var set time.Time // when the deadline was set: once for many requests, it is what a timer costs
	for {
		if now := time.Now(); now.Sub(set) > idle/8 {
			set = now
			c.SetDeadline(now.Add(idle))
		}
		if c.server.closing.Load() { // after the deadline: see Shutdown
			c.Close()
			return
		}
		n, err := c.Read(b)
		if err != nil {
			c.Close()
			return
		}
		if !c.answer(b[:n]) {
			c.handed.give(c.Conn, b[:n])
			return
		}
	}
}

// answer says whether the octets were a simple request that was answered. A connection that cannot be written to shows it when
// it is read from.
func (c *conn) answer(b []byte) bool {
	r, simple := c.parse(b)
	if !simple {
		return false
	}
	c.used.Store(time.Now().UnixNano())
	buffer := responses.Get().(*[]byte)
	defer responses.Put(buffer)
	response, ok := c.server.Handler.Respond((*buffer)[:0], &r)
	if !ok {
		return false
	}
	*buffer = response
	if _, err := c.Write(response); err != nil {
		c.Close()
	}
	return true
}

func (c *conn) parse(b []byte) (r Request, simple bool) {
	if !c.server.Fields {
		return parse(b)
	}
	if c.fields == nil {
		c.fields = make([]Field, 0, maxFields)
		c.remote, _ = netip.ParseAddrPort(c.RemoteAddr().String())
	}
	r, simple = parseWithFields(b, c.fields)
	r.Remote = c.remote
	return r, simple
}
