package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Names are one name, or several of which one counts.
type Names []string

// UnmarshalJSON reads a string or a list of strings.
func (n *Names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*n = Names{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(n))
}

// Schema says so in the OpenAPI document.
func (Names) Schema(huma.Registry) *huma.Schema {
	long := maxName
	text := &huma.Schema{Type: huma.TypeString, MaxLength: &long}
	most := maxNames
	return &huma.Schema{OneOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text, MaxItems: &most}}}
}

const (
	maxName  = 2048 // characters
	maxNames = 100
)

// IdentityObject is who the peer should be. Of each kind that is given, one must be in the certificate.
type IdentityObject struct {
	DNS   Names `json:"dns,omitempty" doc:"DNS names; the first label may be *"`
	IP    Names `json:"ip,omitempty" doc:"Addresses"`
	URI   Names `json:"uri,omitempty" doc:"URIs, exact, or any path below when it ends in /*"`
	Email Names `json:"email,omitempty" doc:"E-mail addresses"`
	CN    Names `json:"cn,omitempty" doc:"Common names of the subject, which are looked at only here"`
}

// VerifyBody is the body of POST /v1/verify: what a peer presented, and what is expected of it.
type VerifyBody struct {
	Chain        []string        `json:"chain" minItems:"1" maxItems:"10" doc:"Certificates in PEM, the peer's own first, as it presented them; one item may hold several"`
	Role         string          `json:"role,omitempty" enum:"client,server,any" doc:"What the peer is; any when left out"`
	Identity     *IdentityObject `json:"identity,omitempty" doc:"Who it should be; without, its identity is not checked"`
	Trust        string          `json:"trust,omitempty" maxLength:"63" doc:"Which set of trust anchors of the configuration; the only one when left out, or without any the issuers that are answered for"`
	Time         time.Time       `json:"time,omitzero" doc:"When; now when left out. What is held of revocations is of now"`
	Revocation   string          `json:"revocation,omitempty" enum:"chain,leaf,none" doc:"Of which certificates revocation is asked for; chain when left out"`
	OCSPResponse []byte          `json:"ocsp_response,omitempty" doc:"The stapled OCSP response, DER in base64"`
	ShortLived   int             `json:"short_lived,omitempty" minimum:"0" maximum:"864000" doc:"Certificates that are valid for no more seconds than this need no revocation data"`
}

// VerifyReport is the answer to POST /v1/verify.
type VerifyReport struct {
	Verdict string        `json:"verdict" enum:"valid,invalid,invalid_now" doc:"invalid_now may be valid later: not yet valid, on hold, or without revocation data"`
	Time    time.Time     `json:"time" doc:"Of which moment this is"`
	Checks  []CheckObject `json:"checks" doc:"validity, trust, integrity, identity and revocation"`
	Path    []PathObject  `json:"path,omitempty" doc:"The path the checks are about, from the peer's certificate to the trust anchor; without a valid one, what comes nearest"`
}

// CheckObject is one of the five checks.
type CheckObject struct {
	Name    string        `json:"name" enum:"validity,trust,integrity,identity,revocation"`
	Outcome string        `json:"outcome" enum:"pass,fail,skipped"`
	Detail  string        `json:"detail" doc:"One sentence"`
	Section string        `json:"section,omitempty" doc:"Of the standard"`
	Faults  []FaultObject `json:"faults,omitempty" doc:"Everything that is wrong"`
}

// FaultObject is one thing that is wrong with a peer.
type FaultObject struct {
	Rule    string `json:"rule" doc:"Stable, for programs"`
	Section string `json:"section,omitempty"`
	Detail  string `json:"detail"`
	Subject string `json:"subject,omitempty" doc:"Of the certificate concerned"`
	Serial  string `json:"serial,omitempty"`
	Later   bool   `json:"later,omitempty" doc:"It may be gone later"`
}

// PathObject is one certificate of a path.
type PathObject struct {
	Subject   string        `json:"subject"`
	Issuer    string        `json:"issuer"`
	Serial    string        `json:"serial"`
	NotBefore time.Time     `json:"not_before"`
	NotAfter  time.Time     `json:"not_after"`
	Anchor    bool          `json:"anchor,omitempty" doc:"It is a trust anchor"`
	Exempt    string        `json:"exempt,omitempty" doc:"Why no revocation is asked for"`
	Status    *StatusObject `json:"status,omitempty" doc:"What is held of its revocation"`
}
