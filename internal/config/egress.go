package config

import "net/netip"

func (r *reader) egress(v *value, e *Egress) {
	r.object(v, keys{
		"allow": func(v *value) { e.Allow = r.prefixes(v) },
		"deny":  func(v *value) { e.Deny = r.prefixes(v) },
	})
}

// prefixes reads addresses and ranges of addresses.
func (r *reader) prefixes(v *value) []netip.Prefix {
	var list []netip.Prefix
	r.list(v, "name a range of addresses, or remove the key", func(item *value) {
		var text string
		if !r.text(item, &text) {
			return
		}
		p, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil && address.Zone() == "" {
			p, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil:
			r.fault(item.pos, "%s is no range of addresses; write 10.0.0.0/8, 2001:db8::/32 or one address", item.shown())
		case p.Addr().Is4In6():
			r.fault(item.pos, "%s is an IPv4 address in IPv6 form; write it as IPv4", item.shown())
		case p != p.Masked():
			r.fault(item.pos, "%s has bits beyond its length; did you mean %s, or the one address %s?", item.shown(), p.Masked(), p.Addr())
		default:
			list = append(list, p)
		}
	})
	return list
}
