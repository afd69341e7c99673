package certheader

import "strings"

// readRFC9440 reads Client-Cert, one Byte Sequence, and Client-Cert-Chain, a List of them without the leaf (RFC 9440 §2).
func readRFC9440(r *Reader, v values) (Presented, error) {
	leaf, err := byteSequence(v.first, r.names.Certificate)
	if err != nil || v.second == "" {
		return presented([][]byte{leaf}, err)
	}
	var rest [][]byte
	if strings.Count(v.second, ",") >= MaxCertificates {
		return Presented{}, tooMany(r.names.Chain)
	}
	for member := range strings.SplitSeq(v.second, ",") { // base64 has no comma
		der, err := byteSequence(strings.Trim(member, " \t"), r.names.Chain)
		if err != nil {
			return Presented{}, err
		}
		rest = append(rest, der)
	}
	return presented(chain(leaf, rest, r.names.Chain))
}

// byteSequence reads one Byte Sequence without parameters (RFC 8941 §3.3.5) that is a certificate.
func byteSequence(text, header string) ([]byte, error) {
	if len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return nil, refuse("structured", "RFC 8941 §3.3.5", header, "is not a Byte Sequence: base64 between two colons and nothing else")
	}
	return decodeCertificate(text[1:len(text)-1], header)
}
