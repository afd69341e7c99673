package verify

import (
	"time"

	"github.com/vetopki/veto/revocation"
)

// Newer says whether next may follow prev in one scope: it is of the same series (see [SameSeries]), and neither the CRL number nor
// thisUpdate ever falls (RFC 5280 §5.2.3). prev is nil when none is held. pin is the distribution point that the scope is known
// to have, "" when it is not. same means that both are the same signed bytes, and there is nothing to do.
//
// The rules of its refusals: scope, when next is of another series; rollback, when it is older; equivocation, when the CA signed
// two different CRLs with one number, or, where a CRL has none, with one thisUpdate.
func Newer(prev, next *revocation.CRLInfo, pin string) (same bool, err error) {
	if prev == nil {
		return false, nil
	}
	if prev.SHA256 == next.SHA256 {
		return true, nil
	}
	if err := SameSeries(prev, next, pin); err != nil {
		return false, err
	}
	numbered := prev.Number != "" && next.Number != ""
	order := next.ThisUpdate.Compare(prev.ThisUpdate)
	if numbered {
		order = next.Number.Compare(prev.Number)
	}
	switch {
	case numbered && order < 0:
		return false, revocation.Refuse("rollback", "RFC 5280 §5.2.3", "the CRL has number %s, lower than number %s in force", next.Number, prev.Number)
	case next.ThisUpdate.Before(prev.ThisUpdate):
		return false, revocation.Refuse("rollback", "RFC 5280 §5.1.2.4", "the CRL is from %s, older than the one in force from %s",
			next.ThisUpdate.Format(time.RFC3339), prev.ThisUpdate.Format(time.RFC3339))
	case order == 0 && numbered:
		return false, revocation.Refuse("equivocation", "RFC 5280 §5.2.3", "the CRL differs from the one in force and has the same number %s; "+
			"the CA signed two CRLs with one number, or its key is misused: ask the CA", next.Number)
	case order == 0:
		return false, revocation.Refuse("equivocation", "RFC 5280 §5.1.2.4", "the CRL differs from the one in force and has the same "+
			"thisUpdate %s: ask the CA", next.ThisUpdate.Format(time.RFC3339))
	}
	return false, nil
}
