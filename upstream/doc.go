// Package upstream asks the OCSP responders of CAs (RFC 6960, the client's side; RFC 9919 where it says how), for issuers whose CRLs do
// not answer, and keeps what they said.
//
// A query never waits for a question: [Client.Finding] answers from memory, and when it knows nothing, or something that is due to be
// renewed, it has the question asked in the background, once for all who want to know. An answer is believed only when verify.OCSP
// believes it, never when it is older than one held, and until its nextUpdate. Answers to serials that clients ask for are renewed
// ahead of that. What says revoked is given to the Store, because a revocation that was seen must survive a restart; only a newer
// answer that says good lifts it.
//
// It refuses redirects, answers of more than [MaxResponse] octets, and connections that the issuer's egress rule does not allow. How
// much it remembers, asks at once and asks in a second is bounded, and a responder that fails is asked less and less often.
package upstream
