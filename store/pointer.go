package store

import (
	"encoding/json"
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// pointer is the record of a scope in state.db: which generation is in force, what it is, and what holds for the scope beside it.
type pointer struct {
	n    uint64 // 0: none is held, and info is of the delta CRL that was lost
	info *revocation.CRLInfo

	// overtaken: a newer generation was in force and was lost to damage. What this one lists is revoked; its silence is no
	// evidence, because the lost one may have listed more.
	overtaken bool

	// lost is the number of the newest delta CRL that was lost, while overtaken. A complete CRL with that number, or a higher one,
	// says everything it said.
	lost revocation.CRLNumber

	alarm  bool                  // serials are retained that no administrator has seen
	serves []revocation.IssuerID // whom the scope serves, in order: those who name it, and those who did and have nothing else yet
}

type pointerJSON struct {
	N         uint64          `json:"n"`
	CRL       json.RawMessage `json:"crl"`
	Overtaken bool            `json:"overtaken,omitempty"`
	Lost      hexOctets       `json:"lost,omitempty"`
	Alarm     bool            `json:"alarm,omitempty"`
	Serves    []string        `json:"serves,omitempty"` // absent: the issuer of the CRL alone
}

func (p pointer) encode() ([]byte, error) {
	crl, err := encodeInfo(p.info)
	if err != nil {
		return nil, fmt.Errorf("writing a pointer: %w", err)
	}
	j := pointerJSON{N: p.n, CRL: crl, Overtaken: p.overtaken, Lost: hexOctets(p.lost), Alarm: p.alarm}
	if len(p.serves) != 1 || p.serves[0] != p.info.Issuer {
		for _, issuer := range p.serves {
			j.Serves = append(j.Serves, issuer.String())
		}
	}
	return json.Marshal(j)
}

func decodePointer(b []byte) (pointer, error) {
	var j pointerJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return pointer{}, fmt.Errorf("reading a pointer: %w", err)
	}
	info, err := decodeInfo(j.CRL)
	if err != nil {
		return pointer{}, err
	}
	p := pointer{n: j.N, info: info, overtaken: j.Overtaken, lost: revocation.CRLNumber(j.Lost), alarm: j.Alarm}
	for _, text := range j.Serves {
		issuer, err := revocation.ParseIssuerID(text)
		if err != nil {
			return pointer{}, fmt.Errorf("reading a pointer: %w", err)
		}
		p.serves = append(p.serves, issuer)
	}
	if p.serves == nil {
		p.serves = []revocation.IssuerID{info.Issuer}
	}
	return p, nil
}

// pointer is the record of a scope as the transaction has it, the changes before in the same transaction included; nil when there
// is none. Whoever changes a record begins with this one: what lookups see may be older.
func (t *stateTx) pointer(scope revocation.ScopeID) (*pointer, error) {
	v, err := t.get(scopesBucket, scope[:])
	if v == nil || err != nil {
		return nil, err
	}
	p, err := decodePointer(v)
	return &p, err
}

func (t *stateTx) putPointer(p pointer) error {
	b, err := p.encode()
	if err == nil {
		t.put(scopesBucket, p.info.Scope[:], b)
		err = t.failed
	}
	return err
}
