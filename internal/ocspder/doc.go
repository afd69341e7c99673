// Package ocspder reads and writes OCSP messages (RFC 6960 §4, RFC 9654, RFC 9919 §3) in strict DER.
//
// It knows bytes, not trust: it refuses what is not DER, what repeats an extension, what marks an extension critical that
// a responder must not ignore, and what is larger than the limits below. Who may sign an answer, and whether its times
// are believable, is decided in package verify; what to answer, in package responder.
//
// Parsed values are slices of the input: they live as long as it does, and nothing large is copied.
package ocspder
