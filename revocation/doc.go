// Package revocation holds the words of the field and the one rule veto lives by.
//
// The words are those of RFC 5280 (certificates and CRLs) and RFC 6960 (OCSP): a Serial of an Issuer has a Status with a
// Reason, known from Evidence. The rule is [Decide]: a pure function from evidence and a time to a [CertStatus]. What is
// not covered by verified, fresh evidence is unknown; good is never the default.
//
// The package imports the standard library only, does no I/O and reads no clock.
package revocation
