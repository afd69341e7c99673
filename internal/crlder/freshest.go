package crlder

// parseFreshestCRL returns the URIs where delta CRLs are (§5.2.6):
//
//	SEQUENCE OF SEQUENCE { distributionPoint [0] OPTIONAL, reasons [1] OPTIONAL, cRLIssuer [2] GeneralNames OPTIONAL }
func parseFreshestCRL(v der) ([]string, error) {
	list, err := v.expect(tagSequence, "freshestCRL")
	if err != nil {
		return nil, err
	}
	if list.empty() {
		return nil, malformed(list.off, "RFC 5280 §5.2.6", "freshestCRL is empty")
	}
	var uris []string
	for !list.empty() {
		e, err := list.expect(tagSequence, "distribution point of freshestCRL")
		if err != nil {
			return nil, err
		}
		var p DistributionPoint
		if e.next() == tagConstructed {
			point, err := e.expect(tagConstructed, "distributionPoint")
			if err != nil {
				return nil, err
			}
			if err := p.name(point); err != nil {
				return nil, err
			}
		}
		if e.next() == tagContext|1 {
			flags, err := e.expect(tagContext|1, "reasons")
			if err != nil {
				return nil, err
			}
			if _, err := reasonFlags(flags, "reasons"); err != nil {
				return nil, err
			}
		}
		if e.next() == tagConstructed|2 {
			issuer, err := e.expect(tagConstructed|2, "cRLIssuer")
			if err != nil {
				return nil, err
			}
			if _, err := generalNames(issuer, "cRLIssuer"); err != nil {
				return nil, err
			}
		}
		if err := e.end("a distribution point of freshestCRL"); err != nil {
			return nil, err
		}
		uris = append(uris, p.URIs...)
	}
	return uris, v.end("freshestCRL")
}
