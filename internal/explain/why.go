package explain

import (
	"bytes"
	"fmt"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Answered is what a server knows of one certificate it is asked about.
type Answered struct {
	Issuer        *revocation.Issuer // nil when it is not configured
	Administered  bool               // the issuer has no CRL source, and its own responder is not asked
	AsksUpstream  bool               // the CA's own responder is asked
	Status        revocation.CertStatus
	SignerProblem string // why nothing can be signed for the issuer, "" when it can
}

// CertIDs are the certificates the message asks about, when it is a request that could be read.
func (e *Explanation) CertIDs() []ocspder.CertID {
	if e.request == nil {
		return nil
	}
	return e.request.CertIDs
}

// Because says of a request what a server answers, and why: response is its answer, or refused why HTTP refuses the request;
// certificates has what the server knows of each of CertIDs.
func (e *Explanation) Because(response []byte, refused string, certificates []Answered, o Options) {
	w := &writer{options: o}
	for i := range certificates {
		w.answered(i+1, &e.request.CertIDs[i], &certificates[i])
	}
	if e.request != nil && e.request.AcceptsOther {
		w.say(0, "RFC 6960 §4.4.3", "The client does not list id-pkix-ocsp-basic among the responses it takes; there is no other.")
	}
	if e.request == nil {
		w.say(0, "RFC 6960 §2.3", "The request cannot be read, so the answer is malformedRequest.")
	}
	if refused != "" {
		w.say(0, "", "The answer: %s.", refused)
		e.Why = w.lines
		return
	}
	if r, err := ocspder.ParseResponse(response); err == nil && r.Status == ocspder.Unauthorized && allKnown(certificates) {
		w.say(0, "RFC 6960 §2.3", "The certificates are of several issuers that have no signer in common, so they are not answered together: unauthorized.")
	}
	w.say(0, "", "The answer:")
	for _, l := range OCSP(response, o).Lines {
		l.Depth++
		w.lines = append(w.lines, l)
	}
	e.Why = w.lines
}

// allKnown says whether nothing about a single certificate leads to unauthorized.
func allKnown(certificates []Answered) bool {
	for i := range certificates {
		if certificates[i].Issuer == nil || certificates[i].Status.Because == revocation.BecauseNotIssued {
			return false
		}
	}
	return len(certificates) > 1
}

// answered says what is known of one certificate and what follows from it.
func (w *writer) answered(n int, id *ocspder.CertID, a *Answered) {
	if a.Issuer == nil {
		w.unknownIssuer(n, id)
		return
	}
	st := &a.Status
	w.say(0, "", "Certificate %d, serial %s of %s: %s.", n, id.Serial, describeIssuer(a.Issuer), st.Status)
	w.say(1, "", "%s", because(a))
	switch {
	case st.Status == revocation.Unknown && st.Because != revocation.BecauseNotIssued:
		w.say(1, "RFC 6960 §2.3", "so the answer is tryLater: later there may be evidence, and good is never the default")
	case a.SignerProblem != "":
		w.say(1, "RFC 6960 §2.3", "but the answer is tryLater: %s", a.SignerProblem)
	}
}

// because says which evidence gave the status.
func because(a *Answered) string {
	st := &a.Status
	switch st.Because {
	case revocation.BecauseNotListed:
		if a.Administered {
			return "the issuer is administered here, and nobody revoked the certificate"
		}
		return "no CRL in force lists it: " + crlText(st)
	case revocation.BecauseCRL:
		return fmt.Sprintf("listed since %s, %s, by %s", stamp(st.RevokedAt), st.Reason, crlText(st))
	case revocation.BecauseRetained:
		return fmt.Sprintf("listed since %s, %s, until %s dropped it with many others at once; it stays revoked until an administrator accepts that",
			stamp(st.RevokedAt), st.Reason, crlText(st))
	case revocation.BecauseAdmin:
		return fmt.Sprintf("an administrator revoked it, since %s, %s", stamp(st.RevokedAt), st.Reason)
	case revocation.BecauseUpstream:
		return "the CA's own responder says so: " + st.URL
	case revocation.BecauseNotIssued:
		return "the CA's inventory of issued certificates does not have this serial"
	case revocation.BecauseNoCRL:
		switch {
		case st.Source == revocation.SourceInventory:
			return "the inventory of issued certificates is damaged on disk where this serial would be"
		case a.AsksUpstream:
			return "no CRL of the issuer was accepted, and the CA's own responder, which is asked for it, did not say good or revoked yet"
		}
		return "no CRL of the issuer was accepted yet"
	case revocation.BecauseStale:
		return fmt.Sprintf("the evidence lapsed on %s: %s", stamp(st.NextUpdate), crlText(st))
	case revocation.BecauseNotYetValid:
		return fmt.Sprintf("the evidence holds from %s only, which is ahead of the clock here: %s", stamp(st.ThisUpdate), crlText(st))
	case revocation.BecauseOutOfScope:
		return "the CRLs in force do not cover every certificate of the issuer for every reason"
	case revocation.BecauseFenced:
		return "this server was cut off from the others for longer than is allowed"
	}
	return string(st.Because)
}

func crlText(st *revocation.CertStatus) string {
	if st.CRL == nil {
		return st.URL
	}
	text := "the CRL from " + st.URL
	if number := st.CRL.Number.String(); number != "" {
		text = "CRL number " + number + " from " + st.URL
	}
	if !st.NextUpdate.IsZero() {
		text += ", nextUpdate " + stamp(st.NextUpdate)
	}
	return text
}

// mostShown bounds how many issuers are listed to whoever asked about another.
const mostShown = 50

// unknownIssuer says which issuers are known, by the hashes that the request could have used, and which of them come close.
func (w *writer) unknownIssuer(n int, id *ocspder.CertID) {
	w.say(0, "RFC 6960 §2.3", "Certificate %d, serial %s: its issuer is not known here, so the answer is unauthorized.", n, id.Serial)
	if id.Hash == 0 {
		w.say(1, "RFC 9919 §3.2.1", "it is named by a hash algorithm that is not known here; use SHA-256 or SHA-1")
		return
	}
	w.say(1, "RFC 6960 §4.1.1", "asked for: %s name hash %x, key hash %x", id.Hash, id.NameHash, id.KeyHash)
	if len(w.options.Issuers) == 0 {
		w.say(1, "", "no issuer is configured here")
	}
	for i := range w.options.Issuers {
		if i == mostShown {
			w.say(1, "", "and %d more", len(w.options.Issuers)-i)
			break
		}
		w.nearly(&w.options.Issuers[i], id)
	}
}

func (w *writer) nearly(issuer *revocation.Issuer, id *ocspder.CertID) {
	name, key, err := ocspder.IssuerHashes(id.Hash, issuer.Certificate)
	if err != nil {
		return
	}
	remark := ""
	switch {
	case bytes.Equal(name, id.NameHash):
		remark = "; the same name with another key: a CA before or after its key was changed, or another of that name"
	case bytes.Equal(key, id.KeyHash):
		remark = "; the same key under another name: the name in the request is not the one in the CA's certificate"
	}
	w.say(1, "", "known: %s: name hash %x, key hash %x%s", issuer.Name, name, key, remark)
}
