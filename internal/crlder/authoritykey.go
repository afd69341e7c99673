package crlder

import "bytes"

// AuthorityCert names the certificate of the key that signed (RFC 5280 §4.2.1.1).
type AuthorityCert struct {
	Issuers [][]byte // DER of the Name of each directoryName of authorityCertIssuer
	Serial  []byte   // content octets of authorityCertSerialNumber
}

// parseAuthorityKeyID returns the keyIdentifier and the certificate named, nil where there is none (RFC 5280 §4.2.1.1):
//
//	SEQUENCE { keyIdentifier [0] OPTIONAL, authorityCertIssuer [1] OPTIONAL, authorityCertSerialNumber [2] OPTIONAL }
func parseAuthorityKeyID(v der) (keyID []byte, cert *AuthorityCert, err error) {
	seq, err := v.expect(tagSequence, "authorityKeyIdentifier")
	if err != nil {
		return nil, nil, err
	}
	if err := v.end("authorityKeyIdentifier"); err != nil {
		return nil, nil, err
	}
	if seq.next() == tagContext {
		id, err := seq.expect(tagContext, "keyIdentifier")
		if err != nil {
			return nil, nil, err
		}
		keyID = bytes.Clone(id.b)
	}
	var named AuthorityCert
	if seq.next() == tagConstructed|1 {
		names, err := seq.expect(tagConstructed|1, "authorityCertIssuer")
		if err != nil {
			return nil, nil, err
		}
		list, err := generalNames(names, "authorityCertIssuer")
		if err != nil {
			return nil, nil, err
		}
		named.Issuers = directoryNames(list)
	}
	if seq.next() == tagContext|2 {
		serial, err := seq.expect(tagContext|2, "authorityCertSerialNumber")
		if err != nil {
			return nil, nil, err
		}
		named.Serial = bytes.Clone(serial.b)
	}
	if named.Issuers != nil && named.Serial != nil {
		cert = &named
	}
	return keyID, cert, seq.end("authorityKeyIdentifier")
}
