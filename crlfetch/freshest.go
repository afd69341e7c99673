package crlfetch

import (
	"slices"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// maxFreshest bounds how many places of one delta CRL are tried.
const maxFreshest = 8

// freshest says whether the source takes the delta CRLs that the complete CRL in force names.
func (s Source) freshest() bool { return strings.HasPrefix(s.URL, freshestScheme) }

// places are where the source is fetched from now, in the order they are tried. For one with a URL freshest: they are those that
// the freshestCRL extension of the complete CRL in force names (RFC 5280 §5.2.6). Without any, waiting says why.
func (u *updater) places(src Source) (urls []string, waiting string) {
	if !src.freshest() {
		return src.urls(), ""
	}
	base := u.store.CRLInfo(src.Base)
	switch {
	case base == nil:
		return nil, "the complete CRL, which may name its delta CRLs, is not held yet"
	case len(base.FreshestCRL) == 0:
		return nil, "the complete CRL names no delta CRLs (freshestCRL, RFC 5280 §5.2.6)"
	}
	for _, url := range base.FreshestCRL {
		if fetchable(url) && !slices.Contains(urls, url) && len(urls) < maxFreshest {
			urls = append(urls, url)
		}
	}
	if urls == nil {
		return nil, "the complete CRL names delta CRLs that cannot be fetched; a place is fetched by http, https, ldap or ldaps from a named host: " +
			shorten(strings.Join(base.FreshestCRL, ", "))
	}
	return urls, ""
}

// fetchable says whether what a CRL names is asked for over the network: it never leads to a file of this machine.
func fetchable(raw string) bool {
	u, err := parseURL(raw)
	return err == nil && slices.Contains([]string{"http", "https", "ldap", "ldaps"}, u.Scheme)
}

// follow asks for what a swap makes necessary: the delta CRLs of a complete CRL that was replaced, because they may be found
// elsewhere and have another base; and the complete CRL that a delta lists changes to, when the one held is older. That one is
// asked for as a whole, because a server's word that it did not change would contradict the delta.
func (r *Refresher) follow(src Source, res Result) {
	if !res.Changed {
		return
	}
	if !src.Delta {
		for _, l := range r.deltasOf(src.Scope()) {
			l.nudge(false)
		}
		return
	}
	base := r.updater.store.CRLInfo(src.Base)
	if base == nil || revocation.FitOf(base, res.Info) != revocation.DeltaAhead {
		return
	}
	if l := r.loopOf(src.Base); l != nil {
		l.nudge(true)
	}
}

func (r *Refresher) loopOf(scope revocation.ScopeID) *loop {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loops[scope]
}

func (r *Refresher) deltasOf(base revocation.ScopeID) []*loop {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*loop
	for _, l := range r.loops {
		if l.src.Delta && l.src.Base == base {
			list = append(list, l)
		}
	}
	return list
}
