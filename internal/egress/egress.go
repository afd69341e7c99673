// Package egress decides where connections go that veto makes by itself: to fetch CRLs and to ask OCSP responders. A URL in a certificate
// was chosen by whoever had it issued, so that without a rule veto would knock on any door inside the network for them (server-side
// request forgery).
package egress

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vetopki/veto/revocation"
)

// Rule says which addresses may be connected to. It is asked for each connection, those of redirects included, with the
// address the connection goes to: after the name was resolved, so that a name cannot resolve to a harmless address for a check
// and to another one for the connection. The zero value is the rule for a URL that an operator wrote.
type Rule struct {
	Deny  []netip.Prefix // nobody connects there
	Allow []netip.Prefix // lifts what Discovered forbids, and nothing else

	// Discovered says that the URL stands in a certificate, so that whoever had it issued chose the address: loopback and private
	// networks are then refused unless Allow names them.
	Discovered bool
}

// Check refuses an address by rule "egress".
func (e Rule) Check(address netip.Addr) error {
	for _, a := range withEmbedded(address) {
		switch {
		case a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || holds(metadata, a):
			return refuse("the host resolves to %s, where no connection goes: link-local, multicast or a cloud's own service", address)
		case holds(e.Deny, a):
			return refuse("the host resolves to %s, which egress.deny names", address)
		case e.Discovered && isInternal(a) && !holds(e.Allow, a):
			return refuse("the URL of a certificate leads to %s, an internal address; if that is right, add it to egress.allow", address)
		}
	}
	return nil
}

// Equal says whether two rules are the same.
func (e Rule) Equal(f Rule) bool {
	return e.Discovered == f.Discovered && slices.Equal(e.Deny, f.Deny) && slices.Equal(e.Allow, f.Allow)
}

// metadata are the addresses, besides link-local ones, from which cloud machines are given their credentials.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::254/128"),  // Amazon
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google
	netip.MustParsePrefix("168.63.129.16/32"),   // Microsoft
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
}

// internal are the ranges besides loopback and private ones that lead to no public server (RFC 6890).
var internal = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("fec0::/10")}

func isInternal(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || holds(internal, a) }

func holds(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1: the last four octets
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056 §2: the four octets after the prefix
)

// withEmbedded is an address and the IPv4 address that a translator on the way would make of it.
func withEmbedded(a netip.Addr) []netip.Addr {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return []netip.Addr{a, ipv4(b[12:16])}
	case sixTo4.Contains(a):
		return []netip.Addr{a, ipv4(b[2:6])}
	}
	return []netip.Addr{a}
}

func ipv4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }

func refuse(format string, args ...any) error {
	return revocation.Refuse("egress", "", format, args...)
}

// Dialer makes one connection that a rule allows.
type Dialer func(ctx context.Context, network, address string, e Rule) (net.Conn, error)

// DialWith dials addresses that a resolver finds; nil is the system's.
func DialWith(resolver *net.Resolver) Dialer {
	return func(ctx context.Context, network, address string, e Rule) (net.Conn, error) {
		d := net.Dialer{Resolver: resolver, Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return refuse("the address %q is not understood", address)
			}
			return e.Check(to.Addr())
		}}
		return d.DialContext(ctx, network, address)
	}
}
