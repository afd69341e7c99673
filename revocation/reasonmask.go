package revocation

// ReasonMask is a set of reasons by the bits of ReasonFlags (RFC 5280 §4.2.1.13): bit 1 keyCompromise to bit 8 aACompromise.
type ReasonMask uint16

var reasonFlagNames = [...]string{"unused", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
	"cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"}

// ReasonFlags is how many bits ReasonFlags defines, bit 0 included, which is not used.
const ReasonFlags = len(reasonFlagNames)

// AllReasons are all that a certificate can be revoked for (RFC 5280 §6.3.3).
const AllReasons ReasonMask = 1<<ReasonFlags - 2

// OrAll reads a set as it stands in a certificate or CRL: an absent one means all reasons, and the unused bit means none.
func (m ReasonMask) OrAll() ReasonMask {
	if m == 0 {
		return AllReasons
	}
	return m & AllReasons
}

// Names lists the reasons in the set.
func (m ReasonMask) Names() []string {
	var list []string
	for bit, name := range reasonFlagNames {
		if m&(1<<bit) != 0 {
			list = append(list, name)
		}
	}
	return list
}
