// Package crlder decodes X.509 certificate revocation lists (RFC 5280 §5) of any size as a stream, in memory that does not grow
// with the list.
//
// [Decode] hands each entry to the caller as it passes and returns what the list says of itself. On the way it computes the
// SHA-256 of the whole list and the digest its signature covers, so that one pass over the octets is enough to verify them.
// Decoding decides nothing about trust: whether the list may be used is decided by package verify, and until it was, the
// entries are the word of a stranger.
//
// The decoder is strict: distinguished encoding only (X.690 §10, §11), nothing after the end of any structure, no extension
// twice, each element of the version that knows it. What it refuses it refuses with a [revocation.Refusal] whose rule is
// "truncated" when octets are missing, "algorithm" when the two signature algorithms differ, and "parse" otherwise, and whose
// detail names the octet of the DER encoding.
//
// Read leniently and counted in [Oddities], because real authorities publish it and it changes nothing about who is revoked:
// undefined reason codes, removeFromCRL in a complete CRL, negative serials, serials of 21 to 64 octets, GeneralizedTime before
// 2050, and a revokedCertificates SEQUENCE without entries (RFC 5280 §5.1.2.6 wants it absent; Entrust and DocuSign signed such).
package crlder
