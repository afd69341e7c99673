package lane

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Handler answers simple requests.
type Handler interface {
	// Respond appends a whole HTTP/1.1 response to b, framed by its Content-Length. When it says false, net/http answers.
	Respond(b []byte, r *Request) ([]byte, bool)
}

// Server serves a listener: simple requests by Handler, all others by HTTP.
type Server struct {
	Handler     Handler
	HTTP        *http.Server
	IdleTimeout time.Duration // after about how long without a request a connection is closed; default 2 minutes
	Fields      bool          // pass all header fields on: the requests that are simple are then those of parseWithFields
	MaxRequest  int           // octets of a simple request at most; default 2,048
	MaxConns    int           // connections at once; beyond, one that is idle makes room, or the new one is closed. Default 10,000

	closing atomic.Bool
	running sync.WaitGroup // the goroutine of each connection

	mu       sync.Mutex // guards what follows
	listener net.Listener
	handed   *handover
	conns    map[*conn]struct{} // those not handed over
}

const (
	defaultIdle     = 2 * time.Minute
	defaultMaxConns = 10_000
)

// Serve accepts connections until Shutdown, and then returns http.ErrServerClosed. It owns the goroutines it starts: all have
// ended when Shutdown returns without error.
func (s *Server) Serve(l net.Listener) error {
	handed := s.open(l)
	if handed == nil {
		l.Close()
		return http.ErrServerClosed
	}
	ended := make(chan error, 1)
	go func() { ended <- s.HTTP.Serve(handed) }()
	err := s.accept(l, handed)
	l.Close()
	handed.Close()
	if inner := <-ended; !errors.Is(inner, http.ErrServerClosed) && !errors.Is(inner, net.ErrClosed) {
		err = errors.Join(err, inner)
	}
	return err
}

func (s *Server) open(l net.Listener) *handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return nil
	}
	s.listener, s.handed, s.conns = l, newHandover(l.Addr()), make(map[*conn]struct{})
	return s.handed
}

// accept starts a goroutine for each connection. A fault of accepting, such as too many open files, passes with time.
func (s *Server) accept(l net.Listener, handed *handover) error {
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case s.closing.Load():
			if err == nil {
				c.Close()
			}
			return http.ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			time.Sleep(pause)
			continue
		}
		pause = 0
		s.start(&conn{Conn: c, server: s, handed: handed})
	}
}

// start makes room for the connection and serves it.
func (s *Server) start(c *conn) {
	c.used.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.MaxConns
	if most <= 0 {
		most = defaultMaxConns
	}
	if len(s.conns)+c.handed.open() >= most && !s.dropIdle() {
		c.Close() // net/http has all of them, and deadlines for them
		return
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	go c.serve()
}

// dropIdle closes the connection that has been idle longest of a few. It needs s.mu.
func (s *Server) dropIdle() bool {
	var idlest *conn
	seen := 0
	for c := range s.conns { // in no order
		if idlest == nil || c.used.Load() < idlest.used.Load() {
			idlest = c
		}
		if seen++; seen == 16 {
			break
		}
	}
	if idlest == nil {
		return false
	}
	idlest.Close()
	delete(s.conns, idlest)
	return true
}

// forget takes a connection out that was closed or handed over.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Shutdown stops accepting, lets requests under way be answered and closes all connections. When the context ends first, it
// closes them at once and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.conns { // ends the wait for the next request; an answer under way is written
		c.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	err := s.HTTP.Shutdown(ctx)
	select {
	case <-ended:
	case <-ctx.Done():
		s.closeAll()
		<-ended
		err = errors.Join(err, ctx.Err())
	}
	return err
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}
