package main

import (
	"bytes"
	"crypto/x509"
	"slices"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// setTrust puts the sets of trust anchors of a configuration in force.
func (s *service) setTrust(c *config.Config) {
	sets := []api.TrustSet{issuersAsTrust(c.Issuers)}
	for i := range c.Trust {
		sets = append(sets, trustSet(&c.Trust[i]))
	}
	s.api.SetTrust(sets)
}

func trustSet(t *config.TrustSet) api.TrustSet {
	return api.TrustSet{Name: t.Name, Roots: t.Roots, Intermediates: t.Intermediates}
}

// issuersAsTrust makes anchors of the issuers that are answered for: all but those whose own issuer is among them, whose revocation
// counts.
func issuersAsTrust(issuers []config.Issuer) api.TrustSet {
	var set api.TrustSet
	var all []*x509.Certificate
	for i := range issuers {
		all = append(all, issuers[i].Certificates...)
	}
	for _, c := range all {
		if slices.ContainsFunc(all, func(ca *x509.Certificate) bool { return !bytes.Equal(ca.RawSubject, c.RawSubject) && isIssuedBy(c, ca) }) {
			set.Intermediates = append(set.Intermediates, c)
		} else {
			set.Roots = append(set.Roots, c)
		}
	}
	return set
}

// setProfiles puts the profiles of gateways in force.
func (s *service) setProfiles(c *config.Config) error {
	profiles := make([]api.Profile, 0, len(c.Profiles))
	for i := range c.Profiles {
		p := &c.Profiles[i]
		one := api.Profile{Name: p.Name, Header: p.Header, Policy: p.Policy, Identities: p.Identities, TTL: p.TTL, Issuers: issuersNamed(c, p),
			Callers: api.Callers{CIDRs: p.Callers.CIDRs, Certificates: p.Callers.Certificates, Token: string(p.Callers.Token)}}
		for j := range c.Trust {
			if c.Trust[j].Name == p.Roots {
				set := trustSet(&c.Trust[j])
				one.Trust = &set
			}
		}
		profiles = append(profiles, one)
	}
	return s.api.SetProfiles(profiles)
}

// issuersNamed are the issuers a gateway without certificates may mean: the one that all serial numbers are of, those whose names are
// listed as it writes them or, where it passes the DER of a name, those of that name.
func issuersNamed(c *config.Config, p *config.Profile) map[string][]revocation.Issuer {
	named := map[string][]revocation.Issuer{}
	for i := range c.Issuers {
		for _, certificate := range c.Issuers[i].Certificates {
			key := revocation.Issuer{Name: c.Issuers[i].Name, ID: revocation.IssuerIDOf(certificate), Certificate: certificate}
			if key.Name == p.Issuer {
				named[""] = append(named[""], key)
			}
			for text, name := range p.IssuerNames {
				if name == key.Name {
					named[text] = append(named[text], key)
				}
			}
			if p.Header.Format == certheader.Google && p.Issuer == "" {
				subject := string(certificate.RawSubject)
				named[subject] = append(named[subject], key)
			}
		}
	}
	return named
}
