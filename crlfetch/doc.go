// Package crlfetch keeps the certificate revocation lists of the configured issuers up to date.
//
// One refresh is a straight line (refresh.go): the list held → a conditional GET into a capped temporary file → one streaming
// pass that decodes it into a build of the store → verify.CRL → verify.Newer → commit → the next time → one line in the log.
// Nothing reaches the store's readers before the whole line was walked; a failure anywhere leaves the list in force as it is.
// When a list is stale is decided by its nextUpdate (RFC 5280 §5.1.2.5) and by whoever reads it, never by when it was fetched:
// an answer "304 Not Modified" extends nothing.
//
// The network is a stranger (fetcher.go): every GET has a cap on its octets, a deadline, a minimum rate and a status check; it
// follows at most three redirects and only to hosts the configuration names; it never decompresses and never asks a proxy of the
// environment. Sources are http, https and file; ldap is refused by name.
//
// [Refresher] runs one loop for each source. The schedule is a pure function (schedule.go).
package crlfetch
