package crlfetch

import (
	"net"

	"github.com/vetopki/veto/internal/egress"
)

// Egress says which addresses a source may connect to. It is asked for each connection, those of redirects included. The zero value is
// the rule for a URL that an operator wrote.
type Egress = egress.Rule

// dialer makes one connection that the source's Egress allows.
type dialer = egress.Dialer

// dialWith dials addresses that a resolver finds; nil is the system's.
func dialWith(resolver *net.Resolver) dialer { return egress.DialWith(resolver) }
