package crlder

import (
	"crypto"
	"fmt"
)

// Oddities counts what RFC 5280 forbids and real CRLs have. None of it changes whether a certificate is revoked.
type Oddities struct {
	UndefinedReasons      int  // kept as unspecified (§5.3.1)
	RemovalsInComplete    int  // removeFromCRL outside a delta CRL (§5.3.1)
	NegativeSerials       int  // matched as they are (§4.1.2.2)
	LongSerials           int  // beyond 20 octets (§4.1.2.2)
	EarlyGeneralizedTimes int  // GeneralizedTime for a date before 2050 (§5.1.2.4)
	EmptyList             bool // revokedCertificates is there and has no entry (§5.1.2.6)
}

// Oddities says in sentences what is unusual about the CRL, nothing when all is in order.
func (c *CRL) Oddities() []string {
	var list []string
	add := func(n int, format string) {
		if n > 0 {
			list = append(list, fmt.Sprintf(format, n))
		}
	}
	add(c.Odd.UndefinedReasons, "%d entries have a reason code that RFC 5280 §5.3.1 does not define; read as unspecified")
	add(c.Odd.RemovalsInComplete, "%d entries say removeFromCRL outside a delta CRL (RFC 5280 §5.3.1); read as revoked")
	add(c.Odd.NegativeSerials, "%d serial numbers are negative (RFC 5280 §4.1.2.2)")
	add(c.Odd.LongSerials, "%d serial numbers are longer than 20 octets (RFC 5280 §4.1.2.2)")
	add(c.Odd.EarlyGeneralizedTimes, "%d dates before 2050 are GeneralizedTime (RFC 5280 §5.1.2.4)")
	if c.Odd.EmptyList {
		list = append(list, "the list of entries is empty and had to be absent (RFC 5280 §5.1.2.6)")
	}
	if c.Algorithm.Hash == crypto.SHA1 {
		list = append(list, "the signature uses SHA-1, for which collisions are known")
	}
	if c.Version == 2 && c.Number == "" {
		list = append(list, "the CRL has no CRL number (RFC 5280 §5.2.3)")
	}
	return list
}
