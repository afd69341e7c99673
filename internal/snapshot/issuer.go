package snapshot

import (
	"encoding/hex"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Issuer is what is known of the serials of an issuer that nothing lists: the evidence that the decision rule needs, without a
// serial. It is JSON both in a snapshot and in the change feed.
type Issuer struct {
	Name         string   `json:"name"`
	IDs          []string `json:"issuer_ids" doc:"IssuerIDs of the keys it is about, hex"`
	Administered bool     `json:"administered,omitempty" doc:"The API is the source of truth: what is not listed is good"`
	Ask          bool     `json:"ask,omitempty" doc:"What is not listed is known to the server only: it has an inventory or asks the CA's own responder"`
	Issues       string   `json:"issues,omitempty" enum:"end-entity,ca" doc:"The one kind of certificate that is issued"`
	StaleGrace   int64    `json:"stale_grace_ns,omitempty" doc:"How long past nextUpdate a CRL still says good, in nanoseconds"`
	MaxAge       int64    `json:"max_age_ns,omitempty" doc:"How long after its thisUpdate a CRL without nextUpdate says good"`
	ClockSkew    int64    `json:"clock_skew_ns,omitempty" doc:"How far ahead of the clock a thisUpdate may be"`
	// Serials is for whoever makes room for them. It is not exact.
	Serials map[int]int `json:"serials,omitempty" doc:"About how many are revoked, by their length in octets"`

	MissingCRLs int   `json:"missing_crls,omitempty" doc:"Configured and not held: what is not listed is unknown"`
	CRLs        []CRL `json:"crls,omitempty" doc:"All have to be silent about a serial for it to be good"`
}

// CRL is a complete CRL in force, with what says of which certificates its silence is evidence.
type CRL struct {
	URL         string    `json:"url,omitempty"`
	Number      string    `json:"crl_number,omitempty" doc:"Decimal"`
	SHA256      string    `json:"sha256,omitempty" doc:"Of the signed CRL, hex"`
	ThisUpdate  time.Time `json:"this_update,omitzero"`
	NextUpdate  time.Time `json:"next_update,omitzero"`
	Issuer      []byte    `json:"crl_issuer,omitempty" doc:"DER of the CRL issuer's name, base64"`
	IDP         []byte    `json:"issuing_distribution_point,omitempty" doc:"DER of the extension's value, base64 (RFC 5280 section 5.2.5)"`
	OnlyKind    string    `json:"only_kind,omitempty" enum:"end-entity,ca,attribute"`
	OnlyReasons uint16    `json:"only_reasons,omitempty" doc:"The only reasons it lists, bit n for reason n; 0 for all"`
	Delta       *CRL      `json:"delta,omitempty" doc:"The delta CRL on top of it; its times count while it lasts (RFC 5280 section 5.2.4)"`
}

// The kinds of certificate in JSON, by revocation.Kind.
var kindNames = [...]string{revocation.AnyKind: "", revocation.EndEntity: "end-entity", revocation.CACertificate: "ca",
	revocation.AttributeCertificate: "attribute"}

// kindOf reads a kind. A name that is not known is that of certificates nobody has: nothing is good by it.
func kindOf(name string) revocation.Kind {
	for k, n := range kindNames {
		if n == name {
			return revocation.Kind(k)
		}
	}
	return revocation.AttributeCertificate
}

// SilenceOf describes evidence of a serial that nothing lists.
func SilenceOf(name string, ids []revocation.IssuerID, ev *revocation.Evidence) Issuer {
	i := Issuer{Name: name, Administered: ev.Administered, Issues: kindNames[ev.Kind], StaleGrace: int64(ev.StaleGrace), MaxAge: int64(ev.MaxAge),
		ClockSkew: int64(ev.ClockSkew), MissingCRLs: ev.MissingCRL,
		Ask: ev.Inventory != revocation.InventoryOff || ev.Upstream != nil || ev.Fenced}
	for _, id := range ids {
		i.IDs = append(i.IDs, id.String())
	}
	for n := range ev.CRLs {
		f := &ev.CRLs[n]
		c := crlOf(f.Info)
		if f.Delta != nil {
			delta := crlOf(f.Delta)
			c.Delta = &delta
		}
		i.CRLs = append(i.CRLs, c)
	}
	return i
}

func crlOf(info *revocation.CRLInfo) CRL {
	return CRL{URL: info.URL, Number: info.Number.String(), SHA256: hex.EncodeToString(info.SHA256[:]), ThisUpdate: info.ThisUpdate,
		NextUpdate: info.NextUpdate, Issuer: info.CRLIssuer, IDP: info.IDP, OnlyKind: kindNames[info.OnlyKind], OnlyReasons: uint16(info.OnlyReasons)}
}

// Evidence is the evidence that Issuer describes. Covers of each CRL is what it covers by the serial alone.
func (i *Issuer) Evidence() revocation.Evidence {
	ev := revocation.Evidence{Administered: i.Administered, Kind: kindOf(i.Issues), StaleGrace: time.Duration(i.StaleGrace),
		MaxAge: time.Duration(i.MaxAge), ClockSkew: time.Duration(i.ClockSkew), MissingCRL: i.MissingCRLs}
	for n := range i.CRLs {
		c := &i.CRLs[n]
		f := revocation.CRLFinding{Info: c.info()}
		f.Covers = f.Info.Coverage()
		if c.Delta != nil {
			f.Delta = c.Delta.info()
		}
		ev.CRLs = append(ev.CRLs, f)
	}
	return ev
}

func (c *CRL) info() *revocation.CRLInfo {
	return &revocation.CRLInfo{URL: c.URL, ThisUpdate: c.ThisUpdate, NextUpdate: c.NextUpdate, CRLIssuer: c.Issuer, IDP: c.IDP,
		OnlyKind: kindOf(c.OnlyKind), OnlyReasons: revocation.ReasonMask(c.OnlyReasons)}
}
