// Package responder answers OCSP over HTTP (RFC 6960, RFC 9919 §6 and §7): GET with the request in the path and POST.
//
// It asks its [Source] for the status of each certificate, says it in OCSP's words with times that never outlive the
// evidence, signs, and keeps signed answers in a cache bounded in bytes. [Responder.Purge] makes every kept or half-made
// answer for a serial useless before it returns, so that a revocation holds from its acknowledgement on.
//
// What it refuses: a request that is not strict DER or asks too much (malformedRequest), an issuer it does not know
// (unauthorized), and to say anything when the evidence is stale or the signer cannot sign (tryLater). Good is never the
// answer to a failure.
package responder
