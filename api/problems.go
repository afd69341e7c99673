package api

import "fmt"

// kind is a kind of problem. Its URI, "urn:veto:problem:" and the name, never changes its meaning.
type kind struct {
	name   string
	status int
	title  string
	doc    string // when it is answered and what to do, for /docs
}

// The kinds of problem. Clients may rely on these names and on the HTTP status of each.
var (
	malformedRequest = kind{"malformed-request", 400, "The request does not parse",
		"The body is not JSON or is empty. The faults say where."}
	malformedSerial = kind{"malformed-serial", 400, "The serial number is malformed",
		"Write serial numbers in hex (0a1b, 0x0a1b, 0a:1b) or as dec:NUMBER."}
	malformedCertificate = kind{"malformed-certificate", 400, "The certificate does not parse",
		"Send one X.509 certificate in PEM, or in DER as application/pkix-cert."}
	tokenRequired = kind{"token-required", 401, "A token is required",
		"Send Authorization: Bearer and a token that is known here."}
	adminDisabled = kind{"admin-disabled", 403, "Administration is disabled",
		"No admin token is configured; set one up to revoke, release and refresh."}
	readOnlyToken = kind{"read-only-token", 403, "The token may only read",
		"The route changes something; it needs an admin token."}
	notFound = kind{"not-found", 404, "There is nothing here",
		"The path is not one of this API; /docs lists them."}
	unknownIssuer = kind{"unknown-issuer", 404, "The issuer is not known here",
		"Use a configured name or IssuerID; GET /v1/issuers lists them."}
	unknownTrust = kind{"unknown-trust", 404, "The trust anchors are not known here",
		"Name a set of trust of the server's configuration."}
	noRecord = kind{"no-revocation", 404, "There is no such revocation",
		"No administrator revoked this serial, or the hold was lifted before."}
	noInventory = kind{"no-inventory", 404, "There is no inventory",
		"No list of the issuer's serials was put, so that all count as issued."}
	methodNotAllowed = kind{"method-not-allowed", 405, "The method is not allowed here",
		"The Allow header lists the methods of this path."}
	timedOut = kind{"request-timeout", 408, "The request took too long to arrive",
		"Send the body faster, or in smaller parts."}
	conflict = kind{"conflict", 409, "The change contradicts what stands",
		"standing says what stands. Only a hold can be released or become permanent, and any reason can become keyCompromise."}
	nothingToFetch = kind{"nothing-to-fetch", 409, "The issuer has no CRL source",
		"The issuer is administered here: its revocations come from this API only."}
	nothingRetained = kind{"nothing-retained", 409, "Nothing is retained",
		"The shrink guard keeps no serials revoked that the CRLs in force do not list: there is nothing to accept or keep."}
	crlNotNewer = kind{"crl-not-newer", 409, "The CRL does not follow the one in force",
		"It is older than the CRL in force, or another one with the same number; rule says which. Nothing was changed."}
	tooLarge = kind{"too-large", 413, "The body is too large",
		"The detail names the limit; split the request."}
	wrongMediaType = kind{"unsupported-media-type", 415, "The media type is not supported",
		"The Accept header of the answer lists what this route takes."}
	invalidRequest = kind{"invalid-request", 422, "The request is not valid",
		"It parses, but a value is missing, not allowed or contradicts another. The faults say which."}
	otherIssuer = kind{"other-issuer", 422, "The certificate is not of this issuer",
		"The certificate is not signed by the issuer in the path; nothing was changed."}
	refused = kind{"refused", 422, "A rule refused the change",
		"rule and section say which; nothing was changed."}
	tooManyAttempts = kind{"too-many-attempts", 429, "Too many wrong tokens",
		"Too many wrong tokens came from this address; wait as long as Retry-After says."}
	internalFault = kind{"internal", 500, "Something failed here",
		"A fault of this server; its log says more. No answer must be taken from it."}
	fetchFailed = kind{"fetch-failed", 502, "The CRL could not be refreshed",
		"results say why. The CRL held before stays in force."}
	shuttingDown = kind{"shutting-down", 503, "The server is shutting down or gave up waiting",
		"Ask again, or ask another replica."}
	notDurable = kind{"not-durable", 507, "The change could not be made durable",
		"The disk is full or failing. Nothing was changed and nothing is acknowledged; ask again when there is room."}
)

// kinds is every kind, in the order of their status.
func kinds() []kind {
	return []kind{malformedRequest, malformedSerial, malformedCertificate, tokenRequired, adminDisabled, readOnlyToken, notFound,
		unknownIssuer, unknownTrust, noRecord, noInventory, methodNotAllowed, timedOut, conflict, nothingToFetch, nothingRetained, crlNotNewer,
		tooLarge, wrongMediaType, invalidRequest,
		otherIssuer, refused, tooManyAttempts, internalFault, fetchFailed, shuttingDown, notDurable}
}

// ProblemPrefix begins the type of every problem; a stable name follows.
const ProblemPrefix = "urn:veto:problem:"

// problem makes a problem of the kind; the detail is one sentence for a person.
func (k kind) problem(format string, args ...any) *Problem {
	return &Problem{Type: ProblemPrefix + k.name, Title: k.title, Status: k.status, Detail: fmt.Sprintf(format, args...)}
}

// kindOfStatus is the kind for a status that huma chose: it read, parsed or validated the request.
func kindOfStatus(status int) kind {
	for _, k := range []kind{malformedRequest, timedOut, tooLarge, wrongMediaType, invalidRequest} {
		if k.status == status {
			return k
		}
	}
	return internalFault
}
