package main

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"

	"github.com/vetopki/veto/internal/config"
)

// liveTLS is what the API shows its clients, and whose certificates it asks of them. It can be replaced while the listener is open.
type liveTLS struct {
	current atomic.Pointer[tls.Config]
}

func (l *liveTLS) set(t *config.TLS) { l.current.Store(tlsConfig(t)) }

// listener's configuration takes the current one for each connection.
func (l *liveTLS) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.current.Load(), nil }}
}

// tlsConfig asks for client certificates where it is known whose are believed. A client without one may still come: not every route
// needs it. Sessions are then not resumed, so that whoever comes was verified by the CAs that count now.
func tlsConfig(t *config.TLS) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{t.Certificate}}
	if t.ClientCAs != nil {
		c.ClientAuth, c.ClientCAs, c.SessionTicketsDisabled = tls.VerifyClientCertIfGiven, x509.NewCertPool(), true
		for _, ca := range t.ClientCAs {
			c.ClientCAs.AddCert(ca)
		}
	}
	return c
}
