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
	IssuerIDs    []string       `json:"issuer_ids,omitempty" doc:"Of all its keys, when it has several: the CA changes its key"`
	Issues       string         `json:"issues,omitempty" enum:"end-entity,ca,any" doc:"What kind of certificates it issues"`
	Administered bool           `json:"administered" doc:"No CRL source: this API is the issuer's source of truth"`
	Sources      []SourceReport `json:"sources,omitempty"`
	OCSP         *OCSPReport    `json:"ocsp,omitempty" doc:"How OCSP answers are signed"`

	Inventory         *InventoryObject `json:"inventory,omitempty" doc:"The list of its serials; left out when there is none"`
	InventoryRequired bool             `json:"inventory_required,omitempty" doc:"Nothing counts as issued while there is no inventory"`
	Upstream          *UpstreamReport  `json:"upstream,omitempty" doc:"How asking the CA's own OCSP responder goes"`
}

// SourceReport is the state of one CRL source: the CRL in force and how fetching it goes.
type SourceReport struct {
	URL         string          `json:"url"`
	DeltaOf     string          `json:"delta_of,omitempty" doc:"The source brings delta CRLs, which go on top of the CRL of this URL"`
	CRLNumber   string          `json:"crl_number,omitempty" doc:"Decimal"`
	BaseNumber  string          `json:"base_number,omitempty" doc:"Of a delta CRL: the number of the complete CRL it lists changes since, decimal"`
	Delta       string          `json:"delta,omitempty" enum:"applies,obsolete,ahead,apart" doc:"Of a delta CRL: how it goes with the complete CRL held. obsolete: that is as new; ahead: that is older than what it lists changes since; apart: it is of another key or scope"`
	ThisUpdate  time.Time       `json:"this_update,omitzero"`
	NextUpdate  time.Time       `json:"next_update,omitzero"`
	Entries     int             `json:"entries" doc:"Revoked certificates in the CRL in force"`
	Retained    int             `json:"retained,omitempty" doc:"Serials that stay revoked although the CRL in force does not list them: it dropped too many at once"`
	Alarm       bool            `json:"retained_alarm,omitempty" doc:"No administrator accepted or kept what is retained yet"`
	Scope       *ScopeObject    `json:"scope,omitempty" doc:"What the CRL in force speaks of, when that is not everything its issuer issued"`
	SHA256      string          `json:"sha256,omitempty" doc:"Of the signed CRL, hex"`
	Size        int64           `json:"size,omitempty" doc:"Octets of the signed CRL"`
	LastFetch   time.Time       `json:"last_fetch,omitzero" doc:"When the CRL in force was accepted"`
	LastChecked time.Time       `json:"last_checked,omitzero" doc:"When the source last answered usefully"`
	LastError   string          `json:"last_error,omitempty" doc:"Of the last attempt; left out when it succeeded"`
	Failures    int             `json:"failures,omitempty" doc:"Failed attempts in a row"`
	NextFetch   time.Time       `json:"next_fetch,omitzero"`
	Waiting     string          `json:"waiting,omitempty" doc:"Why it is not fetched at present"`
	Fetching    *ProgressObject `json:"fetching,omitempty" doc:"How far the fetch that runs has come"`
	Fresh       bool            `json:"fresh" doc:"A CRL is held and within its time"`
	Freshness   string          `json:"freshness" enum:"fresh,stale,none" doc:"none: no CRL was ever accepted"`
}

// ScopeObject is what a CRL speaks of (RFC 5280 §5.2.5).
type ScopeObject struct {
	OnlyKind           string   `json:"only_kind,omitempty" enum:"end-entity,ca,attribute" doc:"The only kind of certificate it lists"`
	OnlyReasons        []string `json:"only_reasons,omitempty" doc:"The only reasons it lists"`
	DistributionPoints []string `json:"distribution_points,omitempty" doc:"URIs of its issuing distribution point"`
	Indirect           bool     `json:"indirect,omitempty" doc:"It lists certificates of several issuers"`
}

// ProgressObject is how far a fetch has come.
type ProgressObject struct {
	Doing   string `json:"doing" enum:"downloading,choosing,reading,writing" doc:"choosing: among the CRLs of a folder or a directory; reading: and verifying"`
	Octets  int64  `json:"octets" doc:"Of the CRL, downloaded or read so far"`
	Of      int64  `json:"of,omitempty" doc:"That there are, when it is known"`
	Entries int64  `json:"entries,omitempty" doc:"Read so far"`
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
	Retained   int       `json:"retained,omitempty" doc:"Dropped by the new CRL and kept revoked: it dropped too many at once"`
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

	Warnings []string `json:"warnings,omitempty" doc:"What does not keep it from being answered for, and should be looked at"`
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

// AcceptBody is the body of POST /v1/issuers/{issuer}/accept.
type AcceptBody struct {
	Keep    bool   `json:"keep,omitempty" doc:"The serials stay revoked and the alarm ends; otherwise they are dropped, as the CRL says"`
	URL     string `json:"url,omitempty" maxLength:"2048" doc:"Of the CRL source; all with something retained when left out"`
	Comment string `json:"comment,omitempty" maxLength:"1000" doc:"For the record; no control characters"`
}

// AcceptResult is what became of the serials that were retained of one source.
type AcceptResult struct {
	URL        string `json:"url"`
	Outcome    string `json:"outcome" enum:"dropped,kept"`
	Serials    int    `json:"serials" doc:"How many it was about"`
	Generation uint64 `json:"generation"`
}

// AcceptReport is the answer to POST /v1/issuers/{issuer}/accept.
type AcceptReport struct {
	Issuer   string         `json:"issuer"`
	IssuerID string         `json:"issuer_id"`
	Results  []AcceptResult `json:"results"`
}

// ChangeObject is one row of the change log: what one rise of the generation was about.
type ChangeObject struct {
	Generation uint64   `json:"generation"`
	Kind       string   `json:"kind" enum:"crl,admin,accepted,retired,quarantined,inventory,upstream" doc:"A CRL came into force; an administrator revoked or released; one accepted what a CRL dropped; a CRL is no longer consulted; a damaged one was set aside; an inventory changed; the CA's own responder revoked or took it back"`
	Issuer     string   `json:"issuer,omitempty" doc:"The configured name, left out when the issuer is no longer configured"`
	IssuerIDs  []string `json:"issuer_ids" doc:"Of all keys whose answers it changed"`
	URL        string   `json:"url,omitempty" doc:"Of the CRL source, when it is configured"`
	CRLNumber  string   `json:"crl_number,omitempty" doc:"Of the new CRL, decimal"`
	Action     string   `json:"action,omitempty" enum:"created,upgraded,released,put,added,removed,revoked,lifted" doc:"Of an administrator; of inventory: put, added or removed; of upstream: revoked or lifted"`
	Added      int      `json:"added,omitempty"`
	Removed    int      `json:"removed,omitempty"`
	Changed    int      `json:"changed,omitempty" doc:"Serials whose date or reason differs"`
	Retained   int      `json:"retained,omitempty" doc:"Dropped by the CRL and kept revoked since"`
	Serials    []string `json:"serials,omitempty" doc:"Whose answers it changed"`
	Everything bool     `json:"everything,omitempty" doc:"Instead of serials, when they are too many: read the list of revocations anew"`

	Entries []EntryObject `json:"entries,omitempty" doc:"With entries=true: what is known of each of the serials when the row is sent, in order"`
}

// EntryObject is what a mirror keeps of a serial.
type EntryObject struct {
	Revoked   bool      `json:"revoked" doc:"It is listed, or was by an administrator"`
	Because   string    `json:"because,omitempty" enum:"crl,retained,admin,upstream"`
	Reason    string    `json:"reason,omitempty"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Unsure    bool      `json:"unsure,omitempty" doc:"A delta CRL lifted it: whether it is revoked depends on the time, and only the server can say"`
}

// ChangePage is the answer to GET /v1/changes.
type ChangePage struct {
	Generation uint64         `json:"generation" doc:"The newest"`
	Next       uint64         `json:"next" doc:"Give it as since to get what follows"`
	Resync     bool           `json:"resync" doc:"Changes after since are no longer kept, or since was never reached here: read the lists of revocations anew, then go on with next"`
	Changes    []ChangeObject `json:"changes" doc:"Oldest first"`

	Epoch string       `json:"epoch,omitempty" doc:"With entries=true: of which next is"`
	State *MirrorState `json:"state,omitempty" doc:"With entries=true, when next is the newest: what is known of serials that nothing lists"`
}

// AuditObject is one row of the audit chain.
type AuditObject struct {
	Seq            uint64    `json:"seq" doc:"1, 2, 3, …"`
	At             time.Time `json:"at"`
	By             string    `json:"by" doc:"Whose token"`
	Action         string    `json:"action" enum:"created,upgraded,released,accepted,kept,clock_reset,inventory_put,inventory_added,inventory_removed" doc:"clock_reset: the operator who started the service believes its clock (veto serve --reset-clock)"`
	Issuer         string    `json:"issuer,omitempty" doc:"The configured name, left out when the issuer is no longer configured"`
	IssuerID       string    `json:"issuer_id,omitempty" doc:"Left out of clock_reset, which is about none"`
	Serial         string    `json:"serial,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	RevokedAt      time.Time `json:"revoked_at,omitzero"`
	InvalidityDate time.Time `json:"invalidity_date,omitzero"`
	Comment        string    `json:"comment,omitempty"`
	URL            string    `json:"url,omitempty" doc:"Of accepted and kept: the CRL source, when it is configured"`
	Retained       int       `json:"retained,omitempty" doc:"Of accepted and kept: how many serials it was about"`
	Serials        uint64    `json:"serials,omitempty" doc:"Of inventory_…: how many serials the inventory has since"`
	SHA256         string    `json:"sha256,omitempty" doc:"Of inventory_…: of the list that was put, hex"`
	Generation     uint64    `json:"generation"`
	Prev           string    `json:"prev" doc:"SHA-256 of the row before as it is stored, hex: no row can be changed, taken out or put in without every later one showing it"`
}

// AuditPage is the answer to GET /v1/audit.
type AuditPage struct {
	Rows []AuditObject `json:"rows" doc:"Oldest first"`
	Next uint64        `json:"next,omitempty" doc:"Give it as after to get the next page; left out on the last"`
}
