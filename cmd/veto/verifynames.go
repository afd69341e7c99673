package main

import "github.com/vetopki/veto/verify"

// peerNames are the names a peer is expected to have, as flags give them.
type peerNames struct{ dns, ip, uri, email, cn []string }

func (n *peerNames) identities() (list []verify.Identity, err error) {
	for _, given := range []struct {
		kind   verify.IdentityKind
		values []string
	}{{verify.IdentityDNS, n.dns}, {verify.IdentityIP, n.ip}, {verify.IdentityURI, n.uri}, {verify.IdentityEmail, n.email}, {verify.IdentityCN, n.cn}} {
		for _, value := range given.values {
			identity, err := verify.NewIdentity(given.kind, value)
			if err != nil {
				return nil, usage("--%s: %v", given.kind, err)
			}
			list = append(list, identity)
		}
	}
	return list, nil
}

func parseRole(text string) (verify.Role, error) {
	for _, r := range [...]verify.Role{verify.AnyRole, verify.Client, verify.Server} {
		if r.String() == text {
			return r, nil
		}
	}
	return 0, usage("--role: %q is none of server, client and any", text)
}
