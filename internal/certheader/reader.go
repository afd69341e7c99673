package certheader

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// ErrNone says that the gateway passed no client certificate: there is no such header, or it is empty.
var ErrNone = errors.New("no client certificate is presented")

// The most that is read. What is longer is refused before it is decoded.
const (
	MaxCertificateHeader = 16 << 10 // octets of a header with one certificate
	MaxChainHeader       = 64 << 10 // octets of a header with several
	MaxCertificates      = 10       // of a chain, the leaf included
	maxPairHeader        = 4 << 10  // octets of a header with a serial or a name
)

// Presented is what the gateway says the client presented: a chain, or the serial and issuer of a certificate.
type Presented struct {
	Chain [][]byte // DER, the leaf first and then as sent; each is one whole element, not yet read. Nil for a pair

	Serial    revocation.Serial
	IssuerDN  string // the issuer's name as the gateway writes it; "" when it says none
	IssuerDER []byte // the DER of the issuer's Name, from gateways that pass that
}

// Options shape a Reader.
type Options struct {
	Format  Format
	Headers Headers // where the gateway uses other names than the format's own
	Radix   Radix   // how serials are written, where the format does not say
	Element Element // which element of an Envoy header counts
	NoChain bool    // the chain's header is not read, because the gateway does not write it and so would not take a forged one away
	NoName  bool    // likewise the issuer's
}

// Reader reads one format. It is safe for concurrent use.
type Reader struct {
	names   Headers // canonical
	def     definition
	radix   Radix
	element Element
}

// New makes a Reader.
func New(o Options) (*Reader, error) {
	def, known := definitions[o.Format]
	if !known {
		return nil, fmt.Errorf("unknown header format %q; known are %s", o.Format, strings.Join(Formats(), ", "))
	}
	r := &Reader{names: def.headers, def: def, radix: def.radix, element: o.Element}
	for _, n := range []struct {
		name      *string
		given     string
		what      string
		leftOut   bool
		mandatory bool
	}{
		{&r.names.Certificate, o.Headers.Certificate, "certificate", false, true}, {&r.names.Chain, o.Headers.Chain, "chain", o.NoChain, false},
		{&r.names.Serial, o.Headers.Serial, "serial", false, true}, {&r.names.Issuer, o.Headers.Issuer, "issuer", o.NoName, false},
	} {
		switch {
		case n.given != "" && *n.name == "":
			return nil, fmt.Errorf("the format %s has no header for the %s", o.Format, n.what)
		case n.given != "" && !validName(n.given):
			return nil, fmt.Errorf("%q is no name of a header", n.given)
		case n.given != "":
			*n.name = n.given
		}
		if n.leftOut {
			*n.name = ""
		}
		*n.name = textproto.CanonicalMIMEHeaderKey(*n.name)
	}
	switch {
	case o.Radix != 0 && def.radix != 0 && o.Radix != def.radix, o.Radix != 0 && def.headers.Serial == "":
		return nil, fmt.Errorf("the format %s leaves no choice of a radix", o.Format)
	case o.Radix != 0:
		r.radix = o.Radix
	case o.Format.NeedsRadix():
		return nil, fmt.Errorf("the format %s needs a radix: the serial 10 is ten in decimal and sixteen in hex", o.Format)
	}
	if o.Element != OnlyElement && o.Format != EnvoyXFCC {
		return nil, fmt.Errorf("only the format %s has elements to choose from", EnvoyXFCC)
	}
	return r, nil
}

// validName says whether a name is a token (RFC 9110 §5.6.2).
func validName(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// Names are the headers it reads, in canonical form.
func (r *Reader) Names() Headers { return r.names }

// Key is what a result depends on, for caches.
type Key struct{ first, second string }

// Len is how many octets the key holds.
func (k Key) Len() int { return len(k.first) + len(k.second) }

// Key returns what Read would look at, and false where a header comes in several lines: those are not worth a cache.
func (r *Reader) Key(h http.Header) (Key, bool) {
	first, ok := single(h, r.first())
	if !ok {
		return Key{}, false
	}
	second, ok := single(h, r.second())
	return Key{first, second}, ok
}

func (r *Reader) first() string {
	if r.names.Certificate != "" {
		return r.names.Certificate
	}
	return r.names.Serial
}

func (r *Reader) second() string {
	if r.names.Chain != "" {
		return r.names.Chain
	}
	return r.names.Issuer
}

func single(h http.Header, name string) (string, bool) {
	switch lines := h[name]; {
	case name == "" || len(lines) == 0:
		return "", true
	case len(lines) == 1:
		return lines[0], true
	}
	return "", false
}

// Read reads what the headers say. The error is ErrNone or a *revocation.Refusal.
func (r *Reader) Read(h http.Header) (Presented, error) {
	v, err := r.values(h)
	if err != nil {
		return Presented{}, err
	}
	if v.first == "" {
		if v.second != "" && r.names.Chain != "" {
			return Presented{}, refuse("chain", "RFC 9440 §2.3", r.names.Chain, "comes without %s: a chain needs a certificate", r.names.Certificate)
		}
		return Presented{}, ErrNone
	}
	return r.def.read(r, v)
}

// values are the two headers of a format, without the white space around them.
type values struct {
	first  string // the certificate, or the serial
	second string // the chain, or the issuer
}

func (r *Reader) values(h http.Header) (v values, err error) {
	limit := MaxCertificateHeader
	switch {
	case r.names.Certificate == "":
		limit = maxPairHeader
	case r.def.headers.Chain == "": // it may hold a chain
		limit = MaxChainHeader
	}
	if v.first, err = value(h, r.first(), limit, r.def.lists == firstList); err != nil {
		return v, err
	}
	limit = maxPairHeader
	if r.names.Chain != "" {
		limit = MaxChainHeader
	}
	v.second, err = value(h, r.second(), limit, r.def.lists == secondList)
	return v, err
}

// value is a header's value. Of a header that is no list, several lines are refused: one of them may be the client's.
func value(h http.Header, name string, limit int, list bool) (string, error) {
	if name == "" {
		return "", nil
	}
	lines := h[name]
	if len(lines) > 1 && !list {
		return "", refuse("duplicate", "RFC 9110 §5.3", name, "comes %d times, and one of them may be the client's own: the gateway must replace the header, not add to it", len(lines))
	}
	size := 2 * len(lines)
	for _, line := range lines {
		size += len(line)
	}
	if size > limit {
		return "", refuse("too-long", "", name, "has %d octets, at most %d are read", size, limit)
	}
	if len(lines) == 1 {
		return strings.Trim(lines[0], " \t"), nil
	}
	return strings.Trim(strings.Join(lines, ", "), " \t"), nil
}

// refuse makes a refusal that begins with the header's name.
func refuse(rule, section, header, format string, args ...any) *revocation.Refusal {
	return revocation.Refuse(rule, section, "the header %s %s", header, fmt.Sprintf(format, args...))
}
