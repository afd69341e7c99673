package main

import (
	"io"
	"net"
	"strings"
	"sync"
)

// cutter passes connections on to a server, and cuts them.
type cutter struct {
	listener net.Listener

	mu   sync.Mutex // guards what follows
	to   string
	open map[net.Conn]bool
}

// newCutter passes on to the server at a URL.
func newCutter(url string) (*cutter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &cutter{listener: l, open: map[net.Conn]bool{}}
	c.lead(url)
	go c.accept()
	return c, nil
}

func (c *cutter) url() string { return "http://" + c.listener.Addr().String() }

// lead passes what comes from here on on to another address.
func (c *cutter) lead(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = strings.TrimPrefix(url, "http://")
}

func (c *cutter) accept() {
	for {
		in, err := c.listener.Accept()
		if err != nil {
			return
		}
		go c.pass(in)
	}
}

func (c *cutter) pass(in net.Conn) {
	defer in.Close()
	c.mu.Lock()
	to := c.to
	c.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	c.mu.Lock()
	c.open[in] = true
	c.mu.Unlock()
	go func() {
		io.Copy(out, in)
		out.Close()
	}()
	io.Copy(in, out)
	c.mu.Lock()
	delete(c.open, in)
	c.mu.Unlock()
}

// cut ends every connection there is.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		conn.Close()
	}
}

func (c *cutter) close() {
	c.listener.Close()
	c.cut()
}
