package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// infoJSON is a CRLInfo as it is written, in a generation's header and in state.db. A field that an older veto did not write is
// absent there and means what its zero value says: a complete CRL of the issuer itself that speaks of everything.
type infoJSON struct {
	Issuer     string    `json:"issuer"`
	Scope      string    `json:"scope"`
	URL        string    `json:"url"`
	Number     hexOctets `json:"number,omitempty"`      // the magnitude
	BaseNumber hexOctets `json:"base_number,omitempty"` // likewise; of a delta only
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	Entries    int       `json:"entries"`
	Retained   int       `json:"retained,omitempty"`

	CRLIssuer      hexOctets             `json:"crl_issuer,omitempty"`
	AuthorityKeyID hexOctets             `json:"authority_key_id,omitempty"`
	IDP            hexOctets             `json:"issuing_distribution_point,omitempty"`
	OnlyKind       revocation.Kind       `json:"only_kind,omitempty"`
	OnlyReasons    revocation.ReasonMask `json:"only_reasons,omitempty"`

	Points   []string `json:"distribution_points,omitempty"`
	Freshest []string `json:"freshest_crl,omitempty"`
}

func encodeInfo(c *revocation.CRLInfo) ([]byte, error) {
	return json.Marshal(infoJSON{Issuer: c.Issuer.String(), Scope: c.Scope.String(), URL: c.URL,
		Number: hexOctets(c.Number), BaseNumber: hexOctets(c.BaseNumber),
		ThisUpdate: c.ThisUpdate.UTC(), NextUpdate: c.NextUpdate.UTC(), SHA256: hex.EncodeToString(c.SHA256[:]), Size: c.Size,
		Entries: c.Entries, Retained: c.Retained, CRLIssuer: c.CRLIssuer, AuthorityKeyID: c.AuthorityKeyID, IDP: c.IDP,
		OnlyKind: c.OnlyKind, OnlyReasons: c.OnlyReasons, Points: c.DistributionPoints, Freshest: c.FreshestCRL})
}

func decodeInfo(b []byte) (*revocation.CRLInfo, error) {
	var j infoJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("reading the description of a CRL: %w", err)
	}
	if j.OnlyKind > revocation.AttributeCertificate {
		return nil, fmt.Errorf("reading the description of a CRL: %d is no kind of certificate", j.OnlyKind)
	}
	c := &revocation.CRLInfo{URL: j.URL, Number: revocation.CRLNumber(j.Number), BaseNumber: revocation.CRLNumber(j.BaseNumber),
		ThisUpdate: j.ThisUpdate, NextUpdate: j.NextUpdate, Size: j.Size, Entries: j.Entries, Retained: j.Retained,
		CRLIssuer: j.CRLIssuer, AuthorityKeyID: j.AuthorityKeyID, IDP: j.IDP, OnlyKind: j.OnlyKind, OnlyReasons: j.OnlyReasons,
		DistributionPoints: j.Points, FreshestCRL: j.Freshest}
	for _, f := range []struct {
		to   []byte
		from string
	}{{c.Issuer[:], j.Issuer}, {c.Scope[:], j.Scope}, {c.SHA256[:], j.SHA256}} {
		if err := decodeHex(f.to, f.from); err != nil {
			return nil, fmt.Errorf("reading the description of a CRL: %w", err)
		}
	}
	return c, nil
}

// hexOctets are octets that are written in hex.
type hexOctets []byte

// MarshalText implements encoding.TextMarshaler.
func (h hexOctets) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hexOctets) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// decodeHex reads exactly as many octets as fit.
func decodeHex(to []byte, from string) error {
	if len(from) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%q has not %d hexadecimal digits", from, hex.EncodedLen(len(to)))
	}
	_, err := hex.Decode(to, []byte(from))
	return err
}
