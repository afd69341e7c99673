package verify

import (
	"slices"
	"strings"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// SameSeries says whether next lists what prev does, by rule scope. Every CRL of a CA is validly signed: when the one for
// another distribution point, kind or reason, or one of another CRL issuer, takes the place of the one in force, everything
// that lists seems to be lifted, and nothing else tells. So next must speak of at least as much as prev:
//
//   - both are complete, or both are deltas;
//   - they have one CRL issuer, whose numbers are one sequence (RFC 5280 §5.2.3);
//   - next is not limited to a kind or to reasons that prev is not limited to (§5.2.5);
//   - where both name distribution points, they have a name in common, or next has the pin: the one that prev was to have.
//
// A CRL that begins to name a distribution point is no other series: CAs begin to do so.
func SameSeries(prev, next *revocation.CRLInfo, pin string) error {
	switch {
	case prev.IsDelta() != next.IsDelta():
		return revocation.Refuse("scope", "RFC 5280 §5.2.4", "the CRL is %s, and the one it would replace is %s: configure them apart, the delta CRL as the delta of the other",
			deltaOrNot(next), deltaOrNot(prev))
	case len(prev.CRLIssuer) > 0 && len(next.CRLIssuer) > 0 && crlder.NameKey(prev.CRLIssuer) != crlder.NameKey(next.CRLIssuer):
		return otherSeries("RFC 5280 §5.2.3", "the CRL is issued by %q, and the one it would replace by %q", nameText(next.CRLIssuer), nameText(prev.CRLIssuer))
	case next.OnlyKind != revocation.AnyKind && next.OnlyKind != prev.OnlyKind:
		return otherSeries("RFC 5280 §5.2.5", "the CRL lists %s only, and the one it would replace %s", next.OnlyKind, prev.OnlyKind)
	case prev.OnlyReasons.OrAll()&^next.OnlyReasons.OrAll() != 0:
		return otherSeries("RFC 5280 §5.2.5", "the CRL lists some reasons only, and not %s, which the one it would replace does",
			strings.Join((prev.OnlyReasons.OrAll()&^next.OnlyReasons.OrAll()).Names(), ", "))
	case apart(prev, next) && !(pin != "" && slices.Contains(next.DistributionPoints, pin)):
		return revocation.Refuse("scope", "RFC 5280 §5.2.5", "the CRL is for the distribution point %s, and the one it would replace for %s: it may be that "+
			"of other certificates, served in the wrong place; if it is the right one, pin it with distribution_point: %s",
			pointText(next), pointText(prev), firstOr(next.DistributionPoints, "its URI"))
	}
	return nil
}

func deltaOrNot(info *revocation.CRLInfo) string {
	if info.IsDelta() {
		return "a delta CRL"
	}
	return "a complete CRL"
}

// otherSeries says how to follow a CA that changed what its CRLs list: a source written otherwise is another scope.
func otherSeries(section, format string, args ...any) error {
	r := revocation.Refuse("scope", section, format, args...)
	r.Detail += ": it may be another CRL, served in the wrong place; if the CA changed what its CRLs list, write the source's URL in another " +
		"way, for example with its port, which begins a new series"
	return r
}

// apart says whether both CRLs name distribution points, and none that is the other's.
func apart(a, b *revocation.CRLInfo) bool {
	of, other := pointKeys(a), pointKeys(b)
	return len(of) > 0 && len(other) > 0 && !meet(of, other)
}

// pointKeys are the keys of the names of a CRL's issuing distribution point. One that does not read, which no verified CRL has, is
// its own name.
func pointKeys(info *revocation.CRLInfo) []string {
	sc, err := scopeOfInfo(info)
	if err != nil {
		return []string{string(info.IDP)}
	}
	return sc.names
}

func pointText(info *revocation.CRLInfo) string {
	if len(info.DistributionPoints) == 0 {
		return "with a directory name"
	}
	return strings.Join(info.DistributionPoints, ", ")
}

func firstOr(list []string, fallback string) string {
	if len(list) == 0 {
		return fallback
	}
	return list[0]
}
