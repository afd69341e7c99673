package api

import "time"

// StatusObject is the answer for one certificate. Absent values are left out of the JSON; times are UTC, whole seconds.
type StatusObject struct {
	Issuer         string          `json:"issuer,omitempty" doc:"The issuer's configured name; as asked when it is not configured"`
	IssuerID       string          `json:"issuer_id,omitempty" doc:"SHA-256 over the issuer's subject and public key, hex"`
	Serial         string          `json:"serial" doc:"Serial number, lower-case hex, an even number of digits"`
	Status         string          `json:"status" enum:"good,revoked,unknown"`
	Because        string          `json:"because" enum:"not_listed,crl,admin,retained,upstream,unknown_issuer,not_issued,no_crl,stale,not_yet_valid,out_of_scope,fenced" doc:"Which part of the rule gave the status"`
	Reason         string          `json:"reason,omitempty" doc:"When revoked: the reason by its RFC 5280 name"`
	RevokedAt      time.Time       `json:"revoked_at,omitzero" doc:"When revoked: since when"`
	InvalidityDate time.Time       `json:"invalidity_date,omitzero" doc:"When the key is suspected to have been compromised (RFC 5280 section 5.3.2)"`
	ThisUpdate     time.Time       `json:"this_update,omitzero" doc:"thisUpdate of the evidence"`
	NextUpdate     time.Time       `json:"next_update,omitzero" doc:"nextUpdate of the evidence"`
	Fresh          bool            `json:"fresh" doc:"The evidence is within its own time"`
	Evidence       *EvidenceObject `json:"evidence,omitempty" doc:"What the answer rests on"`
	Generation     uint64          `json:"generation" doc:"Counter of the store: it rises with every CRL swap and every administrative change"`
	TTL            int             `json:"ttl" doc:"For how many seconds the answer may be kept"`
}

// EvidenceObject names the evidence of an answer.
type EvidenceObject struct {
	Source    string `json:"source" enum:"crl,admin,inventory,upstream"`
	URL       string `json:"url,omitempty" doc:"Of the CRL or of the CA's own responder"`
	CRLNumber string `json:"crl_number,omitempty" doc:"Decimal"`
	SHA256    string `json:"sha256,omitempty" doc:"Of the signed CRL, hex"`
}

// StatusQuery asks for one certificate: an issuer and a serial, or a certificate.
type StatusQuery struct {
	Issuer      string `json:"issuer,omitempty" doc:"Name or IssuerID"`
	Serial      string `json:"serial,omitempty" doc:"Hex, with or without 0x and colons, or dec: and a decimal number"`
	Certificate string `json:"certificate,omitempty" doc:"PEM, instead of issuer and serial"`
}

// StatusQueries is the body of POST /v1/status.
type StatusQueries struct {
	Queries []StatusQuery `json:"queries" minItems:"1" maxItems:"10000"`
}

// StatusResult is one result of POST /v1/status: a status, or what was wrong with the query.
type StatusResult struct {
	StatusObject
	Error *Problem `json:"error,omitempty"`
}

// StatusResults is the answer to POST /v1/status: one result for each query, in order.
type StatusResults struct {
	Results []StatusResult `json:"results"`
}

// IssuerReport is one configured issuer and the state of its sources.
type IssuerReport struct {
	Name         string         `json:"name"`
	IssuerID     string         `json:"issuer_id" doc:"SHA-256 over the issuer's subject and public key, hex"`
	Administered bool           `json:"administered" doc:"No CRL source: this API is the issuer's source of truth"`
	Sources      []SourceReport `json:"sources,omitempty"`
	OCSP         *OCSPReport    `json:"ocsp,omitempty" doc:"How OCSP answers are signed"`

	Inventory         *InventoryObject `json:"inventory,omitempty" doc:"The list of its serials; left out when there is none"`
	InventoryRequired bool             `json:"inventory_required,omitempty" doc:"Nothing counts as issued while there is no inventory"`
	Upstream          *UpstreamReport  `json:"upstream,omitempty" doc:"How asking the CA's own OCSP responder goes"`
}

// SourceReport is the state of one CRL source: the CRL in force and how fetching it goes.
type SourceReport struct {
	URL         string    `json:"url"`
	CRLNumber   string    `json:"crl_number,omitempty" doc:"Decimal"`
	ThisUpdate  time.Time `json:"this_update,omitzero"`
	NextUpdate  time.Time `json:"next_update,omitzero"`
	Entries     int       `json:"entries" doc:"Revoked certificates in the CRL in force"`
	SHA256      string    `json:"sha256,omitempty" doc:"Of the signed CRL, hex"`
	Size        int64     `json:"size,omitempty" doc:"Octets of the signed CRL"`
	LastFetch   time.Time `json:"last_fetch,omitzero" doc:"When the CRL in force was accepted"`
	LastChecked time.Time `json:"last_checked,omitzero" doc:"When the source last answered usefully"`
	LastError   string    `json:"last_error,omitempty" doc:"Of the last attempt; left out when it succeeded"`
	Failures    int       `json:"failures,omitempty" doc:"Failed attempts in a row"`
	NextFetch   time.Time `json:"next_fetch,omitzero"`
	Fresh       bool      `json:"fresh" doc:"A CRL is held and within its time"`
	Freshness   string    `json:"freshness" enum:"fresh,stale,none" doc:"none: no CRL was ever accepted"`
}

// UpstreamReport is how asking the CA's own OCSP responder goes.
type UpstreamReport struct {
	URLs         []string  `json:"urls" doc:"In the order in which they are asked"`
	Revoked      int       `json:"revoked" doc:"Revocations kept, also across restarts"`
	LastAnswer   time.Time `json:"last_answer,omitzero" doc:"When an answer was last verified"`
	LastError    string    `json:"last_error,omitempty" doc:"Of the last attempt; left out when it succeeded"`
	LastFailure  time.Time `json:"last_failure,omitzero" doc:"When an attempt last failed"`
	Failures     int       `json:"failures,omitempty" doc:"Failed attempts in a row"`
	NotAskedTill time.Time `json:"not_asked_until,omitzero" doc:"Nothing is asked before, because it failed"`
	Relayed      bool      `json:"relayed" doc:"Its answers are given on as it signed them"`
}

// OCSPReport says how OCSP answers of an issuer are signed.
type OCSPReport struct {
	Signer   string    `json:"signer" enum:"ca,delegated,none" doc:"The CA's own key or a delegated certificate"`
	NotAfter time.Time `json:"not_after,omitzero" doc:"Of the signing certificate"`
	Problem  string    `json:"problem,omitempty" doc:"What is wrong with the signer now, or will be soon"`
}

// IssuerReports is the answer to GET /v1/issuers.
type IssuerReports struct {
	Issuers []IssuerReport `json:"issuers"`
}

// RefreshResult is what one refresh of one source did.
type RefreshResult struct {
	URL        string    `json:"url"`
	Outcome    string    `json:"outcome" enum:"changed,not_modified,failed"`
	Added      int       `json:"added,omitempty" doc:"Serials the new CRL lists and the old did not"`
	Removed    int       `json:"removed,omitempty"`
	Changed    int       `json:"changed,omitempty" doc:"Serials whose date or reason differs"`
	Entries    int       `json:"entries,omitempty"`
	CRLNumber  string    `json:"crl_number,omitempty" doc:"Of the CRL in force afterwards, decimal"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	Generation uint64    `json:"generation,omitempty"`
	Error      string    `json:"error,omitempty" doc:"Why it failed; the CRL held before stays in force"`
}

// RefreshReport is the answer to a refresh. Without wait it only says that one runs.
type RefreshReport struct {
	Issuer   string          `json:"issuer"`
	IssuerID string          `json:"issuer_id"`
	State    string          `json:"state" enum:"started,running,done" doc:"running: one started before had not ended"`
	Results  []RefreshResult `json:"results,omitempty" doc:"With wait=true"`
}

// RevocationObject is one revocation, as a CRL or an administrator states it.
type RevocationObject struct {
	Serial         string    `json:"serial"`
	Source         string    `json:"source" enum:"crl,admin,upstream"`
	Reason         string    `json:"reason"`
	RevokedAt      time.Time `json:"revoked_at,omitzero"`
	InvalidityDate time.Time `json:"invalidity_date,omitzero"`
	Retained       bool      `json:"retained,omitempty" doc:"Dropped by a newer CRL and kept by the shrink guard"`
	Released       bool      `json:"released,omitempty" doc:"A hold that was lifted: it revokes no longer"`
	RecordedAt     time.Time `json:"recorded_at,omitzero" doc:"When the change was acknowledged"`
	By             string    `json:"by,omitempty" doc:"Whose token made the change"`
	Comment        string    `json:"comment,omitempty"`
}

// RevocationPage is one page of the list of an issuer's revocations.
type RevocationPage struct {
	Issuer      string             `json:"issuer"`
	IssuerID    string             `json:"issuer_id"`
	Revocations []RevocationObject `json:"revocations"`
	Next        string             `json:"next,omitempty" doc:"Give it as after to get the next page; left out on the last"`
}

// RevokeBody is the body of POST /v1/issuers/{issuer}/revocations: a serial or a certificate, and why.
type RevokeBody struct {
	Serial         string    `json:"serial,omitempty" maxLength:"256" doc:"Hex, with or without 0x and colons, or dec: and a decimal number"`
	Certificate    string    `json:"certificate,omitempty" maxLength:"65536" doc:"PEM, instead of the serial; it must be signed by this issuer"`
	Reason         string    `json:"reason,omitempty" enum:"unspecified,keyCompromise,cACompromise,affiliationChanged,superseded,cessationOfOperation,certificateHold,privilegeWithdrawn,aACompromise" doc:"RFC 5280 section 5.3.1; unspecified when left out. Only certificateHold can be released"`
	RevokedAt      time.Time `json:"revoked_at,omitzero" doc:"Since when, not in the future; now when left out"`
	InvalidityDate time.Time `json:"invalidity_date,omitzero" doc:"When the key is suspected to have been compromised"`
	Comment        string    `json:"comment,omitempty" maxLength:"1000" doc:"For the record; no control characters"`
}

// ChangeReport is what a revoke or a release did: it is durable, and every answer from now on agrees with it.
type ChangeReport struct {
	Outcome    string           `json:"outcome" enum:"created,unchanged,upgraded,released"`
	Generation uint64           `json:"generation"`
	Revocation RevocationObject `json:"revocation" doc:"What stands now, or what was released"`
	Status     StatusObject     `json:"status" doc:"What is answered now; a CRL may revoke what an administrator released"`
}

// IssuerReadiness says whether one issuer can be answered for.
type IssuerReadiness struct {
	Issuer   string `json:"issuer"`
	Required bool   `json:"required" doc:"Whether it keeps the service from being ready"`
	Ready    bool   `json:"ready"`
	Problem  string `json:"problem,omitempty"`
}

// ReadyReport is the answer to GET /readyz.
type ReadyReport struct {
	Ready   bool              `json:"ready"`
	Issuers []IssuerReadiness `json:"issuers,omitempty"`
}

// HealthReport is the answer to GET /healthz.
type HealthReport struct {
	Alive bool `json:"alive"`
}
