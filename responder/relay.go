package responder

import (
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Relay has responses that the responders of CAs signed, to be given on as they are.
type Relay interface {
	// Relayed is the verified response about the certificate that a CertID names, which must name it octet by octet as the response
	// does, because clients compare octets; false when there is none. It must not block.
	Relayed(issuer revocation.IssuerID, id *ocspder.CertID) (Relayed, bool)
}

// Relayed is a response as the CA's responder signed it, and what it says of the certificate.
type Relayed struct {
	DER        []byte // not changed by anybody
	Status     revocation.Status
	Entry      revocation.Entry // when Revoked
	ThisUpdate time.Time
	NextUpdate time.Time
}

// relayed answers with what the CA's own responder signed, nil when that is not to be done: the request is for one certificate, the
// decision rests on that response and on nothing else, and the response is within its time. So what an administrator or a CRL says is
// never overruled by it. A client that sent a nonce gets a signature of ours, or without a signer an answer without nonce, which it
// judges by its times (RFC 9919 §3.2.1, §5).
func (r *Responder) relayed(ids []ocspder.CertID, nonce []byte, now time.Time) *answer {
	if r.relay == nil || len(ids) != 1 {
		return nil
	}
	t := r.table.Load()
	e := t.find(&ids[0])
	if e == nil || !e.Relay || nonce != nil && r.canSign(t, e, now) {
		return nil
	}
	m := e.epochs.read(ids[0].Serial)
	st := r.source.Status(e.ID, ids[0].Serial, now)
	if st.Source != revocation.SourceUpstream {
		return nil
	}
	s, ok := r.relay.Relayed(e.ID, &ids[0])
	if !ok || !s.says(&st) || !now.Before(s.NextUpdate) || r.table.Load() != t {
		return nil
	}
	// It is as if it were made now: a client's copy may be of an older one, however early this one was signed; see notModified.
	a := &answer{body: s.DER, moments: []moment{m}, producedAt: now}
	single := ocspder.SingleResponse{Status: s.Status, ThisUpdate: s.ThisUpdate, NextUpdate: s.NextUpdate}
	a.result = resultOf([]ocspder.SingleResponse{single})
	thisUpdate := a.setTimes([]ocspder.SingleResponse{single}, now)
	a.headers = newAnswerHeaders(s.DER, a.private, thisUpdate, a.nextUpdate)
	return a
}

// canSign says whether an issuer has a signer now.
func (r *Responder) canSign(t *table, e *issuer, now time.Time) bool {
	list, _ := r.choices(t, []*issuer{e}, nil, now)
	return len(list) > 0
}

// says whether the response says what was decided.
func (s *Relayed) says(st *revocation.CertStatus) bool {
	return s.Status == st.Status && s.ThisUpdate.Equal(st.ThisUpdate) &&
		(s.Status != revocation.Revoked || s.Entry.RevokedAt.Equal(st.RevokedAt) && s.Entry.Reason == st.Reason)
}
