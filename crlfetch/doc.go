// Package crlfetch keeps the certificate revocation lists of the configured issuers up to date.
//
// One refresh is a straight line (refresh.go): the list held → a conditional GET into a capped temporary file → one streaming
// pass that decodes it into a build of the store, of the issuer's own entries → verify.CRL → verify.Newer → commit → the next time →
// one line in the log.
// Nothing reaches the store's readers before the whole line was walked; a failure anywhere leaves the list in force as it is.
// When a list is stale is decided by its nextUpdate (RFC 5280 §5.1.2.5) and by whoever reads it, never by when it was fetched:
// an answer "304 Not Modified" extends nothing.
//
// Sources are http, https, ldap, ldaps, a file, a folder of files, and push: for lists that an administrator brings (push.go),
// which walk the same line from the temporary file on. A source may have mirrors: they are tried in order when a URL fails
// (failover.go), and compared now and then, because two lists with one number are an alarm (mirrors.go). Where a place has
// several lists, a folder or an attribute of a directory, the newest that verifies for the issuer is taken (choose.go).
//
// A source is of complete CRLs or of the delta CRLs on those of another (judge.go). Delta CRLs are found where the configuration
// says or, with the URL freshest:, where the complete CRL in force says (freshest.go); a complete CRL that is replaced wakes its delta
// source, and a delta that is ahead of its complete CRL wakes that one's. A CRL may be indirect or signed by somebody else than
// the CA whom the configuration names, and a source may pin the distribution point its CRLs are for: a CA's CRLs are all validly
// signed, and one must not pass for another.
//
// The network is a stranger (fetcher.go): every fetch has a cap on its octets, a deadline, a minimum rate and a status check; it
// follows at most three redirects and only to hosts the configuration names; it never decompresses and never asks a proxy of the
// environment. Each connection is judged by the address it goes to (egress.go).
//
// [Refresher] runs one loop for each source. When it fetches, whether it asks for the whole list, and when a list is late are
// pure functions (schedule.go, validators.go, alarm.go).
package crlfetch
