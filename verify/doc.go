// Package verify makes the trust decisions: whether a CRL may be used for an issuer, whether an OCSP response may be believed,
// whether a peer's certificate chain holds. Each is a pure function of its arguments, time included: no I/O, no clock, no state.
//
// What is refused is refused with a [revocation.Refusal] that names the rule, the section of the standard and, in one sentence,
// what was wrong.
package verify
