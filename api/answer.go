package api

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/vetopki/veto/revocation"
)

// MaxUnknownTTL is for how long an unknown answer may be kept, in seconds: what is missing may arrive at any moment.
const MaxUnknownTTL = 5

// Answer is what the API says of one certificate.
type Answer struct {
	Issuer   string              // configured name, or as asked when it is not configured; "" when not known
	IssuerID revocation.IssuerID // zero when not known
	Serial   revocation.Serial
	revocation.CertStatus
	TTL int // seconds
}

// TTL is for how many whole seconds an answer given now may be kept: at most limit, and not past the moment it lapses. A
// revocation does not lapse with its CRL, so past that moment it has the full time again. Unknown has at most MaxUnknownTTL.
func TTL(st *revocation.CertStatus, now time.Time, limit time.Duration) int {
	lapsed := !st.ValidUntil.IsZero() && !now.Before(st.ValidUntil)
	switch {
	case st.Status == revocation.Unknown:
		limit = min(limit, MaxUnknownTTL*time.Second)
	case lapsed && st.Status == revocation.Good:
		limit = 0
	case !lapsed && !st.ValidUntil.IsZero():
		limit = min(limit, st.ValidUntil.Sub(now))
	}
	return int(limit / time.Second)
}

// Object is the answer as a value that encoding/json writes like AppendStatus.
func (a *Answer) Object() StatusObject {
	o := StatusObject{
		Issuer: a.Issuer, Serial: a.Serial.String(), Status: a.Status.String(), Because: string(a.Because),
		ThisUpdate: jsonTime(a.ThisUpdate), NextUpdate: jsonTime(a.NextUpdate), Fresh: a.Fresh,
		Generation: a.Generation, TTL: a.TTL,
	}
	if a.IssuerID != (revocation.IssuerID{}) {
		o.IssuerID = a.IssuerID.String()
	}
	if a.Status == revocation.Revoked {
		o.Reason, o.RevokedAt, o.InvalidityDate = a.Reason.String(), jsonTime(a.RevokedAt), jsonTime(a.InvalidityDate)
	}
	if a.Source != "" {
		o.Evidence = &EvidenceObject{Source: string(a.Source), URL: a.URL}
		if a.CRL != nil {
			o.Evidence.CRLNumber, o.Evidence.SHA256 = a.CRL.Number.String(), hex.EncodeToString(a.CRL.SHA256[:])
		}
	}
	return o
}

// AppendStatus appends the status object of an answer to b, without going through reflection.
func AppendStatus(b []byte, a *Answer) []byte {
	b = append(b, '{')
	if a.Issuer != "" {
		b = append(b, `"issuer":`...)
		b = appendString(b, a.Issuer)
		b = append(b, ',')
	}
	if a.IssuerID != (revocation.IssuerID{}) {
		b = append(b, `"issuer_id":"`...)
		b = hex.AppendEncode(b, a.IssuerID[:])
		b = append(b, `",`...)
	}
	b = append(b, `"serial":"`...)
	b = a.Serial.AppendText(b)
	b = append(b, `","status":"`...)
	b = append(b, a.Status.String()...)
	b = append(b, `","because":`...)
	b = appendString(b, string(a.Because))
	if a.Status == revocation.Revoked {
		b = append(b, `,"reason":"`...)
		b = append(b, a.Reason.String()...)
		b = append(b, '"')
		b = appendTime(b, "revoked_at", a.RevokedAt)
		b = appendTime(b, "invalidity_date", a.InvalidityDate)
	}
	b = appendTime(b, "this_update", a.ThisUpdate)
	b = appendTime(b, "next_update", a.NextUpdate)
	b = append(b, `,"fresh":`...)
	b = strconv.AppendBool(b, a.Fresh)
	b = appendEvidence(b, a)
	b = append(b, `,"generation":`...)
	b = strconv.AppendUint(b, a.Generation, 10)
	b = append(b, `,"ttl":`...)
	b = strconv.AppendInt(b, int64(a.TTL), 10)
	return append(b, '}')
}

func appendEvidence(b []byte, a *Answer) []byte {
	if a.Source == "" {
		return b
	}
	b = append(b, `,"evidence":{"source":`...)
	b = appendString(b, string(a.Source))
	if a.URL != "" {
		b = append(b, `,"url":`...)
		b = appendString(b, a.URL)
	}
	if a.CRL != nil {
		if a.CRL.Number != "" {
			b = append(b, `,"crl_number":"`...)
			b = appendDecimal(b, a.CRL.Number)
			b = append(b, '"')
		}
		b = append(b, `,"sha256":"`...)
		b = hex.AppendEncode(b, a.CRL.SHA256[:])
		b = append(b, '"')
	}
	return append(b, '}')
}

// jsonTime is a time as the API writes it: UTC, whole seconds.
func jsonTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
