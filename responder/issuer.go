package responder

import (
	"slices"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Issuer is a CA the responder answers for, and how.
type Issuer struct {
	revocation.Issuer

	// Signers sign the answers: the first that can, unless a client prefers what another does. None: every answer is tryLater.
	Signers   []*Signer
	ByName    bool          // name the signer in answers by its subject, not by its key (RFC 9919 §3.2.2 asks for the key)
	Validity  time.Duration // from now to nextUpdate, unless the evidence ends sooner; default 10 minutes
	NotIssued NotIssuedPolicy
	Relay     bool // responses of the CA's own responder are given on as it signed them

	// IgnoreNonce answers without the client's nonce, so that all clients can be given one answer (RFC 9919 §3.2.1).
	IgnoreNonce bool

	ArchiveCutoff  time.Duration // how long what is known of a certificate is kept; stated in answers when not zero (RFC 6960 §4.4.4)
	CRLReference   bool          // name the CRL an answer rests on (RFC 6960 §4.4.2)
	InvalidityDate bool          // say since when a key is suspected, if that is known (RFC 5280 §5.3.2)

	RequestSignature RequestSignature
	Requestors       Requestors // who may sign requests; needed unless RequestSignature is IgnoreSignature
}

// Requestors knows who may ask by signed requests. It is asked for signed requests only, from many goroutines, and returns why a
// request is refused. Its dynamic type must be comparable.
type Requestors interface {
	Verify(*ocspder.Request, time.Time) error
}

// same says whether two configurations of an issuer give the same answers.
func (i *Issuer) same(j *Issuer) bool {
	return i.Issuer == j.Issuer && slices.Equal(i.Signers, j.Signers) && i.ByName == j.ByName && i.Validity == j.Validity &&
		i.NotIssued == j.NotIssued && i.Relay == j.Relay && i.IgnoreNonce == j.IgnoreNonce && i.ArchiveCutoff == j.ArchiveCutoff &&
		i.CRLReference == j.CRLReference && i.InvalidityDate == j.InvalidityDate &&
		i.RequestSignature == j.RequestSignature && i.Requestors == j.Requestors
}

// admit says whether the issuers a request asks about take it: whether it is signed, and by whom. The strictest decides.
func (r *Responder) admit(q *ocspder.Request, now time.Time) ocspder.ResponseStatus {
	t := r.table.Load()
	for i := range q.CertIDs {
		e := t.find(&q.CertIDs[i])
		switch {
		case e == nil || e.RequestSignature == IgnoreSignature:
		case q.Signature != nil:
			if err := e.Requestors.Verify(q, now); err != nil {
				r.requestorLog.Do(func() { r.log.Warn("signed OCSP request refused", "issuer", e.Name, "err", err) })
				return ocspder.Unauthorized
			}
		case e.RequestSignature == RequireSignature:
			return ocspder.SigRequired
		}
	}
	return ocspder.Successful
}
