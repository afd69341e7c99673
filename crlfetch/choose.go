package crlfetch

import (
	"context"
	"fmt"
	"io"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// candidate is one of several CRLs that a place has.
type candidate struct {
	name string
	open func() (io.ReadCloser, error)
}

// picker says which of several candidates, at least one, a source takes.
type picker func(context.Context, []candidate) (int, error)

// newest picks the newest CRL that the source may take. Those of other issuers and other keys, of the other form, of another series
// than the one in force, and those for another distribution point than the one pinned are not its business; broken ones are
// noted, and the rest still counts. Two different CRLs with one number are refused, and so are two of different series: no order
// among them can be right.
func (a *attempt) newest(ctx context.Context, list []candidate) (int, error) {
	a.progress.begin(choosing)
	defer a.progress.begin(downloading)
	best := -1
	var held *revocation.CRLInfo
	for i, c := range list {
		info, err := a.inspect(ctx, c)
		switch rule := revocation.RuleOf(err, ""); {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case rule == "issuer", rule == "key", rule == "delta", rule == "distribution_point":
			continue
		case err != nil:
			a.broken = append(a.broken, fmt.Sprintf("%s: %v", c.name, err))
			continue
		}
		if a.prev != nil && verify.SameSeries(a.prev, info, a.src.DistributionPoint) != nil {
			continue
		}
		same, err := verify.Newer(held, info, a.src.DistributionPoint)
		switch {
		case err == nil && !same:
			best, held = i, info
		case revocation.RuleOf(err, "") == "equivocation", revocation.RuleOf(err, "") == "scope":
			return 0, fmt.Errorf("comparing %s with %s: %w", list[best].name, c.name, err)
		}
	}
	if best >= 0 {
		return best, nil
	}
	if len(a.broken) > 0 {
		return 0, revocation.Refuse("no-crl", "", "none of %d CRLs can be used for this issuer; %s", len(list), a.broken[0])
	}
	return 0, revocation.Refuse("no-crl", "", "none of %d CRLs is of this issuer", len(list))
}

// inspect decodes and verifies a candidate, and keeps nothing of it.
func (a *attempt) inspect(ctx context.Context, c candidate) (*revocation.CRLInfo, error) {
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	own := verify.NewOwnEntries(a.src.who(), nil)
	crl, err := crlder.Decode(&contextReader{ctx, r}, crlder.Options{Begin: own.Begin}, nil)
	if err != nil {
		return nil, err
	}
	return a.judge(crl)
}
