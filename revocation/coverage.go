package revocation

// Kind is a kind of certificate that CRLs may be partitioned by (RFC 5280 §5.2.5).
type Kind uint8

// The kinds. Attribute certificates are none that veto answers for.
const (
	AnyKind              Kind = iota // not known, or not restricted
	EndEntity                        // onlyContainsUserCerts
	CACertificate                    // onlyContainsCACerts
	AttributeCertificate             // onlyContainsAttributeCerts
)

// String is the kind for people.
func (k Kind) String() string {
	return [...]string{"certificates of any kind", "end-entity certificates", "CA certificates", "attribute certificates"}[k]
}

// Coverage is for which reasons CRLs speak of the certificates of each kind. The zero value covers nothing.
type Coverage struct {
	EndEntity ReasonMask
	CA        ReasonMask
}

// Of is the coverage restricted to what a certificate of a kind may be.
func (c Coverage) Of(k Kind) Coverage {
	switch k {
	case EndEntity:
		c.CA = 0
	case CACertificate:
		c.EndEntity = 0
	case AttributeCertificate:
		c = Coverage{}
	}
	return c
}

// And adds up two coverages: a certificate may be covered by several CRLs, each for some reasons (RFC 5280 §6.3.3 (e)).
func (c Coverage) And(d Coverage) Coverage {
	return Coverage{EndEntity: c.EndEntity | d.EndEntity, CA: c.CA | d.CA}
}

// Whole says whether a certificate of a kind is covered for all reasons; of an unknown kind, whatever it is.
func (c Coverage) Whole(k Kind) bool {
	switch k {
	case EndEntity:
		return c.EndEntity == AllReasons
	case CACertificate:
		return c.CA == AllReasons
	case AttributeCertificate:
		return false
	}
	return c.EndEntity == AllReasons && c.CA == AllReasons
}
