package crlfetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vetopki/veto/revocation"
)

// ErrNoSource says that no CRL source of the issuer is configured here.
var ErrNoSource = errors.New("no CRL source is configured for the issuer")

// Report is how one source fares.
type Report struct {
	Issuer   revocation.Issuer
	URL      string
	Scope    revocation.ScopeID
	State    revocation.SourceState
	Info     *revocation.CRLInfo // the CRL in force, nil when none is held
	Next     time.Time           // when it is fetched next; zero when it never is
	Fetching bool                // now
	Progress Progress            // of a refresh or push under way
	Waiting  string              // why the source is not fetched at present, as a sentence; "" when it is
}

// SetSources says which sources to keep up to date from now on; before, during or after Run. A source that did not change goes
// on undisturbed. One whose settings changed keeps its CRL and its plan, cut to the new settings. One that is gone is no
// longer fetched; its CRL stays in the store. Of two sources with one scope the first counts.
func (r *Refresher) SetSources(sources []Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.loops
	r.loops = map[revocation.ScopeID]*loop{}
	for _, src := range sources {
		src = src.withDefaults()
		scope := src.Scope()
		if r.loops[scope] != nil {
			continue
		}
		if old := before[scope]; old != nil && old.src.equal(src) {
			r.loops[scope] = old
			continue
		}
		r.loops[scope] = r.newLoop(src)
	}
	r.forgetHosts()
	for scope, old := range before {
		if r.loops[scope] != old {
			old.stop(r.loops[scope] == nil || r.loops[scope].src.Issuer.Name != old.src.Issuer.Name)
		}
	}
}

// newLoop makes a loop, which waits for the last one of its scope to end, and starts it if Run does.
func (r *Refresher) newLoop(src Source) *loop {
	scope := src.Scope()
	l := newLoop(src, newTrack(src, r.updater.store.SourceState(scope), r.updater.store.CRLInfo(scope)))
	l.after, r.last[scope] = r.last[scope], l.done
	r.start(l)
	return l
}

// limitOf is the limit of a URL's host, made when it is first asked for: what a CRL names is not known before.
func (r *Refresher) limitOf(url string) limit {
	host := hostOf(url)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts[host] == nil {
		r.hosts[host] = make(limit, r.perHost)
	}
	return r.hosts[host]
}

// forgetHosts drops the limits of hosts that no source names and nobody is fetching from; the caller holds mu.
func (r *Refresher) forgetHosts() {
	named := map[string]bool{}
	for _, l := range r.loops {
		for _, url := range l.src.urls() {
			named[hostOf(url)] = true
		}
	}
	maps.DeleteFunc(r.hosts, func(host string, l limit) bool { return !named[host] && len(l) == 0 })
}

// Sources reports on all sources, sorted by the issuer's name and the URL.
func (r *Refresher) Sources() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Report, 0, len(r.loops))
	for scope, l := range r.loops {
		report := l.report(r.updater.store.CRLInfo(scope))
		_, report.Waiting = r.updater.places(l.src)
		list = append(list, report)
	}
	slices.SortFunc(list, func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.Issuer.Name, b.Issuer.Name), cmp.Compare(a.URL, b.URL))
	})
	return list
}

// Refresh fetches all sources of an issuer now, whatever the schedule says, and waits until that is done or ctx ends. A refresh
// in progress counts. Failures before no longer slow the source down. Results are sorted by URL; the error joins theirs. Sources
// that are never fetched, and those that wait for the complete CRL to name them, are left out, unless the issuer has no other: then
// the refusal has rule "push". Before Run it waits for
// Run. It does not end the refresh when ctx ends.
func (r *Refresher) Refresh(ctx context.Context, issuer revocation.IssuerID) ([]Result, error) {
	loops := r.loopsOf(issuer)
	if len(loops) == 0 {
		return nil, ErrNoSource
	}
	if fetched := slices.DeleteFunc(slices.Clone(loops), r.unfetched); len(fetched) > 0 {
		loops = fetched
	}
	flights := make([]*flight, len(loops))
	for i, l := range loops {
		flights[i] = l.ask()
	}
	results := make([]Result, len(loops))
	var failures []error
	for i, f := range flights {
		select {
		case <-f.done:
			results[i] = f.result
		case <-ctx.Done():
			results[i] = Result{URL: loops[i].src.URL, Err: context.Cause(ctx)}
		}
		if err := results[i].Err; err != nil {
			failures = append(failures, fmt.Errorf("refreshing %s: %w", results[i].URL, err))
		}
	}
	return results, errors.Join(failures...)
}

// unfetched says that a refresh would do nothing.
func (r *Refresher) unfetched(l *loop) bool {
	_, waiting := r.updater.places(l.src)
	return l.src.Pushed() || waiting != ""
}

func (r *Refresher) loopsOf(issuer revocation.IssuerID) []*loop {
	r.mu.Lock()
	defer r.mu.Unlock()
	var loops []*loop
	for _, l := range r.loops {
		if l.src.Issuer.ID == issuer {
			loops = append(loops, l)
		}
	}
	slices.SortFunc(loops, func(a, b *loop) int { return cmp.Compare(a.src.URL, b.src.URL) })
	return loops
}
