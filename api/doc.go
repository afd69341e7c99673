// Package api is veto's JSON over HTTP: status of one certificate or of thousands, issuers and their CRLs, revoking and
// releasing, health, readiness and metrics.
//
// Errors are problem details (RFC 9457) whose types are listed in problems.go and on the /docs page. The whole API is
// described by an OpenAPI 3.1 document at /openapi.json; /docs shows it without loading anything from elsewhere.
//
// The package decides nothing about certificates. It asks its ports, declared in ports.go, and says what they said. An
// unknown issuer, a malformed serial and a failure of our own never look like good.
package api
