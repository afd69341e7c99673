package crlfetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/go-ldap/ldap/v3"

	"github.com/vetopki/veto/revocation"
)

// A directory's answer is held in memory as a whole, about eight times over, so that it is bounded more tightly than a file.
const (
	maxDirectory     = 16 << 20 // octets of one answer
	directoryFraming = 64 << 10 // of messages around the CRLs
)

// fetchLDAP reads the attribute an LDAP URL names (RFC 5280 §4.2.1.13, RFC 4516, RFC 4523). The bind is anonymous; referrals are
// not followed.
func (f *fetcher) fetchLDAP(ctx context.Context, u *url.URL, src Source, pick picker, dst landing) (download, error) {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	pace := newPace(src, cut)
	defer pace.stop()

	conn, err := f.dialLDAP(ctx, u, src.Egress)
	if err != nil {
		return download{}, explain(ctx, err)
	}
	defer closeWith(ctx, conn)()
	most := min(src.MaxBytes, maxDirectory)
	guarded := &guardedConn{Conn: conn, pace: pace, left: most + directoryFraming}
	attribute := crlAttribute
	if src.Delta {
		attribute = deltaAttribute
	}
	values, err := searchLDAP(guarded, u, attribute)
	switch {
	case guarded.full.Load():
		return download{}, directoryTooBig(most, src.MaxBytes)
	case err != nil:
		return download{}, explain(ctx, err)
	}
	return keepValue(ctx, values, src, pick, dst)
}

func directoryTooBig(most, allowed int64) error {
	if most < allowed {
		return revocation.Refuse("too-big", "", "the directory sends more than %d octets, which is the most read by ldap; use the CA's http URL", most)
	}
	return tooBig("the directory sends more", most)
}

// dialLDAP connects, with TLS from the first octet for ldaps.
func (f *fetcher) dialLDAP(ctx context.Context, u *url.URL, e Egress) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": ldap.DefaultLdapPort, "ldaps": ldap.DefaultLdapsPort}[u.Scheme]
	}
	conn, err := f.dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port), e)
	if err != nil || u.Scheme == "ldap" {
		return conn, err
	}
	config := f.tls.Clone()
	config.ServerName = u.Hostname()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// closeWith closes a connection when ctx ends, which ends whatever waits for it, or when the function it returns is called.
func closeWith(ctx context.Context, conn net.Conn) (close func()) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer func() { closed <- struct{}{} }()
		conn.Close()
	})
	return func() {
		if !stop() {
			<-closed
			return
		}
		conn.Close()
	}
}

// searchLDAP reads the values of the attribute, the given one where the URL names none, with and without the option ;binary: RFC 4522 asks for it, directories differ.
func searchLDAP(conn *guardedConn, u *url.URL, attribute string) ([][]byte, error) {
	want, err := parseLDAP(u, attribute)
	if err != nil {
		return nil, err
	}
	client := ldap.NewConn(conn, u.Scheme == "ldaps")
	client.Start()
	defer client.Close()
	if err := client.UnauthenticatedBind(""); err != nil {
		return nil, ldapFailed("the anonymous bind", err)
	}
	found, err := client.Search(ldap.NewSearchRequest(want.dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, want.filter,
		[]string{want.attribute + binaryOption, want.attribute}, nil))
	if err != nil {
		return nil, ldapFailed("the search", err)
	}
	var values [][]byte
	for _, entry := range found.Entries {
		for _, a := range entry.Attributes {
			if name, _, _ := strings.Cut(a.Name, ";"); strings.EqualFold(name, want.attribute) {
				values = append(values, a.ByteValues...)
			}
		}
	}
	if len(values) == 0 {
		return nil, revocation.Refuse("ldap", "RFC 4523 §4", "the directory's entry has no %s, or does not show it to an anonymous reader",
			want.attribute)
	}
	return values, nil
}

// ldapFailed says what a directory answered. What it writes for people is left out: it may say anything.
func ldapFailed(what string, err error) error {
	answer, ok := errors.AsType[*ldap.Error](err)
	switch {
	case !ok || answer.ResultCode >= ldap.ErrorNetwork:
		return err
	case answer.ResultCode == ldap.LDAPResultReferral:
		return revocation.Refuse("ldap", "RFC 4511 §4.1.10", "the directory refers to another server, which is not followed; "+
			"write that server into the URL")
	}
	return revocation.Refuse("ldap", "RFC 4511 §4.1.9", "the directory refuses %s: %d %s", what, answer.ResultCode,
		ldap.LDAPResultCodeMap[answer.ResultCode])
}

// keepValue writes the one value there is, or the one picked of several.
func keepValue(ctx context.Context, values [][]byte, src Source, pick picker, dst landing) (download, error) {
	chosen := values[0]
	if len(values) > 1 {
		list := make([]candidate, len(values))
		for i, v := range values {
			list[i] = candidate{name: fmt.Sprintf("value %d", i+1), open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(v)), nil }}
		}
		i, err := pick(ctx, list)
		if err != nil {
			return download{}, err
		}
		chosen = values[i]
	}
	out := newSink(dst, src.MaxBytes)
	if _, err := out.Write(chosen); err != nil {
		return download{}, err
	}
	return out.download(), nil
}

// guardedConn bounds what a directory may send, and how slowly. The library makes a text of the errors it reads, so that whether
// the bound was passed is noted here.
type guardedConn struct {
	net.Conn
	pace *pace
	left int64 // used by the library's reading goroutine only
	full atomic.Bool
}

// Read implements io.Reader.
func (g *guardedConn) Read(b []byte) (int, error) {
	if g.left <= 0 {
		g.full.Store(true)
		return 0, io.ErrShortBuffer
	}
	n, err := g.Conn.Read(b[:min(int64(len(b)), g.left)])
	g.left -= int64(n)
	g.pace.progress(n)
	return n, err
}
