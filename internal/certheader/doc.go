// Package certheader reads the client certificate that a gateway which ended a TLS connection passes on in request headers: the
// fields of RFC 9440 and what nginx, Traefik, Envoy, HAProxy, Apache, Caddy and the clouds' load balancers write instead. Some
// pass the certificate, some only its serial number and issuer.
//
// A [Reader] reads one format from the headers it was told and guesses nothing: whoever may write any header in any format may be
// anybody. Each format is as strict as the gateway that writes it is regular. A header that is repeated, cut off, too long, wrongly
// escaped or followed by something else yields no certificate but a [revocation.Refusal] that names the header and the rule. Sizes
// are limited before anything is decoded.
//
// What is read is a claim. That the caller is the gateway, that the gateway takes away what clients send under these names, and
// that the certificate is anybody's whose issuer is known, is for others to see to.
package certheader
