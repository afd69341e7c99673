package config

import (
	"cmp"
	"regexp"
	"time"
)

const day = 24 * time.Hour

// issuerName keeps names apart from an IssuerID (64 hexadecimal digits) by length, and from a flag by its first character.
var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (r *reader) issuers(v *value) []Issuer {
	var list []Issuer
	if !r.is(v, sequence) {
		return nil
	}
	for _, item := range v.items {
		list = append(list, r.issuer(item))
	}
	r.distinct(list)
	return list
}

func (r *reader) issuer(v *value) Issuer {
	i := Issuer{Refresh: DefaultRefresh(), OCSP: DefaultOCSP(), Inventory: InventoryOptional, Pos: v.pos}
	var refresh, ocsp *value
	if !r.object(v, keys{
		"name":        func(v *value) { i.namePos = v.pos; r.name(v, "issuer", &i.Name) },
		"certificate": func(v *value) { r.issuerCertificates(v, &i) },
		"issues":      func(v *value) { r.choice(v, &i.Issues, IssuesEndEntity, IssuesCA, IssuesAny) },
		"crls":        func(v *value) { i.CRLs = r.crls(v) },
		"refresh":     func(v *value) { refresh = v; r.refresh(v, &i.Refresh) },
		"ocsp":        func(v *value) { ocsp = v; r.ocsp(v, &i) },
		"inventory":   func(v *value) { r.choice(v, &i.Inventory, InventoryOptional, InventoryRequired) },
		"upstream":    func(v *value) { i.Upstream = r.upstream(v) },
	}) {
		return i
	}
	i.Issues = cmp.Or(i.Issues, usuallyIssues(i.Certificates))
	r.issuedBy(&i)
	r.upstreamOf(&i)
	r.need(v, "name", "give the issuer a name of a-z, 0-9 and -")
	r.need(v, "certificate", "name the file of the CA's certificate")
	if refresh != nil && !has(v, "crls") {
		r.warn(refresh.key, "without effect: an issuer without crls fetches none")
	}
	if (ocsp == nil || !has(ocsp, "signer")) && (i.Upstream == nil || !i.Upstream.Relay) {
		r.warn(v.pos, "issuer %q has no OCSP signer: it is answered for in JSON only, OCSP says tryLater", i.Name)
	}
	r.crlSigners(&i)
	return i
}

// name reads the name of an issuer, a trust set or a profile.
func (r *reader) name(v *value, of string, into *string) {
	var name string
	if !r.text(v, &name) {
		return
	}
	if !issuerName.MatchString(name) {
		r.fault(v.pos, "%s is no %s name; use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit", v.shown(), of)
		return
	}
	*into = name
}

func (r *reader) refresh(v *value, f *Refresh) {
	r.object(v, keys{
		"every":       func(v *value) { r.duration(v, &f.Every, time.Second, 30*day) },
		"timeout":     func(v *value) { r.duration(v, &f.Timeout, time.Second, time.Hour) },
		"max_bytes":   func(v *value) { r.size(v, &f.MaxBytes, 1<<10, "for any CRL; allow at least 1KiB") },
		"stale_grace": func(v *value) { r.duration(v, &f.StaleGrace, 0, 365*day) },
		"max_age":     func(v *value) { r.duration(v, &f.MaxAge, 0, 365*day) },
		"max_shrink":  func(v *value) { r.maxShrink(v, &f.MaxShrink) },
	})
}

func (r *reader) maxShrink(v *value, into *float64) {
	var text string
	if !r.text(v, &text) {
		return
	}
	p, err := ParsePercent(text)
	if err != nil {
		r.fault(v.pos, "%s %v", v.shown(), err)
		return
	}
	*into = p
}

// distinct refuses two issuers with one name, and two with one subject and key, which are one issuer (its IssuerID).
func (r *reader) distinct(list []Issuer) {
	names, identities := map[string]Position{}, map[string]held{}
	for _, i := range list {
		if i.Name != "" {
			if first, taken := names[i.Name]; taken {
				r.fault(i.namePos, "%q is the name of another issuer too (%s); names are unique", i.Name, first.where())
			} else {
				names[i.Name] = i.namePos
			}
		}
		for n, c := range i.Certificates {
			identity := string(c.RawSubject) + string(c.RawSubjectPublicKeyInfo)
			if first, taken := identities[identity]; taken {
				r.fault(i.certificatePos[n], "has the subject and key of issuer %q (%s), so it is the same issuer; remove one",
					first.by, first.pos.where())
			} else {
				identities[identity] = held{i.Name, i.certificatePos[n]}
			}
		}
	}
}

// held is who has an identity, and where that is said.
type held struct {
	by  string
	pos Position
}
