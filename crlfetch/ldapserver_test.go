package crlfetch

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// directory is an LDAP server (RFC 4511) with one entry, as much of one as an anonymous reader sees.
type directory struct {
	t        *testing.T
	listener net.Listener

	mu         sync.Mutex
	attributes map[string][][]byte // of the entry, by the name it answers with
	bind       uint16              // result codes
	search     uint16
	flood      bool // answer a search with a value without end
	hang       bool // never answer one
	asked      []string
}

// newDirectory listens on loopback; config is nil for ldap.
func newDirectory(t *testing.T, config *tls.Config) *directory {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	d := &directory{t: t, listener: l, attributes: map[string][][]byte{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer conn.Close(); d.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return d
}

func (d *directory) address() string { return d.listener.Addr().String() }

// hold says what the entry has from now on.
func (d *directory) hold(attribute string, values ...[]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attributes = map[string][][]byte{attribute: values}
}

func (d *directory) set(change func(*directory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *directory) serve(conn net.Conn) {
	for {
		request, err := ber.ReadPacket(conn)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		d.mu.Lock()
		bind, search, flood, hang := d.bind, d.search, d.flood, d.hang
		d.mu.Unlock()
		switch {
		case op.Tag == ldap.ApplicationBindRequest:
			d.note("bind " + op.Children[1].Data.String() + ":" + op.Children[2].Data.String())
			conn.Write(ldapResult(id, ldap.ApplicationBindResponse, bind))
		case op.Tag == ldap.ApplicationSearchRequest && flood:
			conn.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, byte(id), 0x64, 0x84, 0x7f, 0xff, 0xff, 0xf0, 4, 0x84, 0x7f, 0xff, 0xff, 0xe0})
			for block := make([]byte, 64<<10); err == nil; {
				_, err = conn.Write(block)
			}
			return
		case op.Tag == ldap.ApplicationSearchRequest && !hang:
			d.noteSearch(op)
			if search == ldap.LDAPResultSuccess {
				conn.Write(d.entry(id, op))
			}
			conn.Write(ldapResult(id, ldap.ApplicationSearchResultDone, search))
		}
	}
}

func (d *directory) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

func (d *directory) noteSearch(op *ber.Packet) {
	filter, err := ldap.DecompileFilter(op.Children[6])
	if err != nil {
		d.t.Error(err)
	}
	var names []string
	for _, a := range op.Children[7].Children {
		names = append(names, a.Data.String())
	}
	scope := map[int64]string{0: "base", 1: "one", 2: "sub"}[op.Children[1].Value.(int64)]
	d.note("search " + op.Children[0].Data.String() + " " + scope + " " + filter + " " + strings.Join(names, ","))
}

// entry answers with the attributes asked for.
func (d *directory) entry(id int64, op *ber.Packet) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for _, asked := range op.Children[7].Children {
		name := asked.Data.String()
		if d.attributes[name] == nil {
			continue
		}
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range d.attributes[name] {
			values.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(v), ""))
		}
		attribute := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		attribute.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, ""))
		attribute.AppendChild(values)
		list.AppendChild(attribute)
	}
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	entry.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, op.Children[0].Data.String(), ""))
	entry.AppendChild(list)
	return ldapMessage(id, entry)
}

func ldapResult(id int64, tag ber.Tag, code uint16) []byte {
	result := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	result.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	result.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	result.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "a secret of the server", ""))
	return ldapMessage(id, result)
}

func ldapMessage(id int64, op *ber.Packet) []byte {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	return m.Bytes()
}
