// Package lane answers the simple requests of an HTTP/1.1 listener at once and gives everything else to net/http.
//
// For an answer of a thousand octets that is ready in memory, most of what net/http does for each request is work for cases
// that a simple request is none of. A request is simple when all of it, in the plainest form of RFC 9112, is there by one
// read: one of two methods, a path, a Host and no header that could change what is asked or how it is framed. The first
// request on a connection that is not simple, or that the [Handler] does not want, hands the connection over with all its octets,
// for good: net/http then reads the same octets it would have read alone. So nothing is refused here, and no request is
// understood in two ways; a fuzz test compares the two.
//
// With [Server.Fields] a handler is passed all header fields, as one for gateways needs; then any field is simple that says nothing of
// the connection or of a body.
package lane
