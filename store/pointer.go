package store

import (
	"encoding/json"
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// pointer is the record of a scope in state.db: which generation is in force, and what it is.
type pointer struct {
	n    uint64
	info *revocation.CRLInfo

	// overtaken: a newer generation was in force and was lost to damage. What this one lists is revoked; its silence is no
	// evidence, because the lost one may have listed more.
	overtaken bool
}

type pointerJSON struct {
	N         uint64          `json:"n"`
	CRL       json.RawMessage `json:"crl"`
	Overtaken bool            `json:"overtaken,omitempty"`
}

func (p pointer) encode() ([]byte, error) {
	crl, err := encodeInfo(p.info)
	if err != nil {
		return nil, fmt.Errorf("writing a pointer: %w", err)
	}
	return json.Marshal(pointerJSON{p.n, crl, p.overtaken})
}

func decodePointer(b []byte) (pointer, error) {
	var j pointerJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return pointer{}, fmt.Errorf("reading a pointer: %w", err)
	}
	info, err := decodeInfo(j.CRL)
	return pointer{j.N, info, j.Overtaken}, err
}
