package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// infoJSON is a CRLInfo as it is written, in a generation's header and in state.db.
type infoJSON struct {
	Issuer     string    `json:"issuer"`
	Scope      string    `json:"scope"`
	URL        string    `json:"url"`
	Number     string    `json:"number,omitempty"` // hex of the magnitude
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	Entries    int       `json:"entries"`
	Points     []string  `json:"distribution_points,omitempty"`
}

func encodeInfo(c *revocation.CRLInfo) ([]byte, error) {
	return json.Marshal(infoJSON{Issuer: c.Issuer.String(), Scope: c.Scope.String(), URL: c.URL,
		Number: hex.EncodeToString([]byte(c.Number)), ThisUpdate: c.ThisUpdate.UTC(), NextUpdate: c.NextUpdate.UTC(),
		SHA256: hex.EncodeToString(c.SHA256[:]), Size: c.Size, Entries: c.Entries, Points: c.DistributionPoints})
}

func decodeInfo(b []byte) (*revocation.CRLInfo, error) {
	var j infoJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("reading the description of a CRL: %w", err)
	}
	number, err := hex.DecodeString(j.Number)
	if err != nil {
		return nil, fmt.Errorf("reading the number of a CRL: %w", err)
	}
	c := &revocation.CRLInfo{URL: j.URL, Number: revocation.CRLNumber(number), ThisUpdate: j.ThisUpdate,
		NextUpdate: j.NextUpdate, Size: j.Size, Entries: j.Entries, DistributionPoints: j.Points}
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

// decodeHex reads exactly as many octets as fit.
func decodeHex(to []byte, from string) error {
	if len(from) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%q has not %d hexadecimal digits", from, hex.EncodedLen(len(to)))
	}
	_, err := hex.Decode(to, []byte(from))
	return err
}
