package verify

import (
	"crypto/x509"
	"fmt"
	"time"
)

// validity sees that every certificate of the path is within its dates, the anchor included (RFC 5280 §6.1.3 (a)(2)).
func (p *peer) validity(check *Check, path []*x509.Certificate) {
	const section = "RFC 5280 §6.1.3(a)(2)"
	first := path[0]
	for _, c := range path {
		switch {
		case p.at.Before(c.NotBefore):
			check.fail(later(c, "not-yet-valid", section, "%s is not valid before %s, and it is %s",
				subjectName(c), stamp(c.NotBefore), stamp(p.at)))
		case p.at.After(c.NotAfter):
			check.fail(wrong(c, "expired", section, "%s expired at %s, and it is %s", subjectName(c), stamp(c.NotAfter), stamp(p.at)))
		case c.NotAfter.Before(first.NotAfter):
			first = c
		}
	}
	check.pass(section, fmt.Sprintf("at %s all %s are valid; the first to expire is %s, at %s",
		stamp(p.at), count(len(path), "certificate"), subjectName(first), stamp(first.NotAfter)))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
