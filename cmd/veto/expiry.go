package main

import (
	"crypto/x509"
	"fmt"
	"time"
)

// signerAlarms are the moments at which the end of an OCSP signer's certificate is spoken of, in order: when a third of its life
// is left, 30 days, 7 days and 1 day before its end, and at its end. Days that would come before the third are left out: a
// delegate of a week is not alarming from its first day. Of the CA's own certificate a third can be many years, and is left out.
func signerAlarms(cert *x509.Certificate, own bool) []time.Time {
	earliest := cert.NotBefore
	var list []time.Time
	if !own {
		earliest = cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3)
		list = append(list, earliest)
	}
	for _, days := range []int{30, 7, 1} {
		if m := cert.NotAfter.Add(-time.Duration(days) * 24 * time.Hour); m.After(earliest) {
			list = append(list, m)
		}
	}
	return append(list, cert.NotAfter)
}

// alarmsRaised counts the moments that have come, and says when the next one comes; zero when none does.
func alarmsRaised(moments []time.Time, now time.Time) (raised int, next time.Time) {
	for _, m := range moments {
		if now.Before(m) {
			return raised, m
		}
		raised++
	}
	return raised, time.Time{}
}

// expirySentence says when the certificate of a signer ends and what to do.
func expirySentence(cert *x509.Certificate, now time.Time) string {
	end := stamp(cert.NotAfter)
	if !now.Before(cert.NotAfter) {
		return "the signing certificate expired on " + end + ": OCSP answers tryLater until a new one is in its place (veto ocsp request-cert)"
	}
	return fmt.Sprintf("the signing certificate ends in %s, on %s: have a new one issued (veto ocsp request-cert)", inDays(cert.NotAfter.Sub(now)), end)
}

// inDays says a duration as people do.
func inDays(d time.Duration) string {
	days, hours := int(d.Hours())/24, int(d.Hours())
	switch {
	case days > 1:
		return fmt.Sprintf("%d days", days)
	case hours > 1:
		return fmt.Sprintf("%d hours", hours)
	}
	return "less than two hours"
}
