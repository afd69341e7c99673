package verify

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
)

var oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// statusRequest is the TLS extension by which a client asks for a stapled OCSP response (RFC 6066 §8).
const statusRequest = 5

// featuresOf are the TLS features that a certificate promises its server to have (RFC 7633 §4.1).
func featuresOf(c *x509.Certificate) (features []int, err error) {
	value := extensionOf(c, oidTLSFeature)
	if value == nil {
		return nil, nil
	}
	rest, err := asn1.Unmarshal(value, &features)
	if err == nil && len(rest) > 0 {
		err = asn1.SyntaxError{Msg: "something follows the features"}
	}
	return features, err
}

// mustStaple says whether a certificate asks for a stapled response.
func mustStaple(c *x509.Certificate) bool {
	features, err := featuresOf(c)
	return err != nil || slices.Contains(features, statusRequest)
}

// tlsFeatures sees that certificates have all features that their CAs have (RFC 7633 §4.2.2).
func tlsFeatures(path []*x509.Certificate) (faults []Fault) {
	const section = "RFC 7633 §4.2.2"
	for i := len(path) - 1; i >= 0; i-- {
		has, err := featuresOf(path[i])
		if err != nil {
			faults = append(faults, wrong(path[i], "tls-feature", "RFC 7633 §4.1", "the TLS features of %s cannot be read: %v", subjectName(path[i]), err))
		}
		if i+1 == len(path) {
			continue
		}
		needs, _ := featuresOf(path[i+1])
		for _, feature := range needs {
			if !slices.Contains(has, feature) {
				faults = append(faults, wrong(path[i], "tls-feature", section, "%s does not have the TLS feature %d, which its CA %s has and so asks of it",
					subjectName(path[i]), feature, subjectName(path[i+1])))
			}
		}
	}
	return faults
}
