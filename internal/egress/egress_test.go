package egress

import (
	"net/netip"
	"testing"

	"github.com/vetopki/veto/revocation"
)

func TestCheck(t *testing.T) {
	cidr := netip.MustParsePrefix
	operator := Rule{Deny: []netip.Prefix{cidr("203.0.113.0/24")}}
	discovered := Rule{Discovered: true, Deny: []netip.Prefix{cidr("10.9.0.0/16")}, Allow: []netip.Prefix{cidr("10.0.0.0/8"), cidr("169.254.0.0/16")}}
	for _, tt := range []struct {
		name, address     string
		byOperator, found bool // allowed
	}{
		{"a public address", "198.51.100.7", true, true},
		{"a public IPv6 address", "2001:db8::1", true, true},
		{"loopback", "127.0.0.1", true, false},
		{"IPv6 loopback", "::1", true, false},
		{"loopback written as IPv6", "::ffff:127.0.0.1", true, false},
		{"a private address", "192.168.1.1", true, false},
		{"a unique local address", "fd12::1", true, false},
		{"carrier-grade NAT", "100.64.1.1", true, false},
		{"a private address that egress.allow names", "10.1.2.3", true, true},
		{"one that egress.deny names too", "10.9.2.3", true, false},
		{"a public address that egress.deny names", "203.0.113.9", false, true},
		{"link-local", "169.254.169.254", false, false},
		{"link-local written as IPv6", "::ffff:169.254.169.254", false, false},
		{"IPv6 link-local", "fe80::1", false, false},
		{"a zone", "fe80::1%eth0", false, false},
		{"multicast", "224.0.0.1", false, false},
		{"unspecified", "0.0.0.0", false, false},
		{"IPv6 unspecified", "::", false, false},
		{"Amazon's metadata over IPv6", "fd00:ec2::254", false, false},
		{"Google's metadata over IPv6", "fd20:ce::254", false, false},
		{"Microsoft's wire server", "168.63.129.16", false, false},
		{"Alibaba's metadata", "100.100.100.200", false, false},
		{"link-local behind NAT64", "64:ff9b::a9fe:a9fe", false, false},
		{"loopback behind NAT64", "64:ff9b::7f00:1", true, false},
		{"a public address behind NAT64", "64:ff9b::c633:6407", true, true},
		{"link-local behind 6to4", "2002:a9fe:a9fe::1", false, false},
	} {
		for rule, allowed := range map[*Rule]bool{&operator: tt.byOperator, &discovered: tt.found} {
			err := rule.Check(netip.MustParseAddr(tt.address))
			if (err == nil) != allowed || err != nil && revocation.RuleOf(err, "") != "egress" {
				t.Errorf("%s (discovered: %v): %v, want allowed %v", tt.name, rule.Discovered, err, allowed)
			}
		}
	}
}
