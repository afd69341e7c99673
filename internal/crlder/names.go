package crlder

import "bytes"

// checkName sees that the content is an RDNSequence (RFC 5280 §4.1.2.4): SEQUENCE OF SET OF SEQUENCE { type, value }. The
// values are not looked into: names are compared, and shown, as they are.
func checkName(name der) error {
	for !name.empty() {
		rdn, err := name.expect(tagSet, "RelativeDistinguishedName")
		if err != nil {
			return err
		}
		if err := checkRDN(rdn, "RelativeDistinguishedName"); err != nil {
			return err
		}
	}
	return nil
}

// checkRDN sees that the content is the inside of a RelativeDistinguishedName: one or more attributes.
func checkRDN(rdn der, what string) error {
	if rdn.empty() {
		return malformed(rdn.off, "RFC 5280 §4.1.2.4", "%s is empty", what)
	}
	for !rdn.empty() {
		attribute, err := rdn.expect(tagSequence, "AttributeTypeAndValue")
		if err != nil {
			return err
		}
		oid, err := attribute.expect(tagOID, "AttributeType")
		if err != nil {
			return err
		}
		if err := checkOID(oid, "AttributeType"); err != nil {
			return err
		}
		if _, _, _, err := attribute.any("AttributeValue"); err != nil {
			return err
		}
		if err := attribute.end("AttributeTypeAndValue"); err != nil {
			return err
		}
	}
	return nil
}

// tagURI is uniformResourceIdentifier [6] IA5String, tagDirectoryName directoryName [4] Name, of GeneralName (§4.2.1.6).
const (
	tagURI           = tagContext | 6
	tagDirectoryName = tagConstructed | 4
	lastGeneralName  = 8 // registeredID
)

// generalNames reads the content of GeneralNames, one or more, and returns each as a whole element.
func generalNames(names der, what string) ([][]byte, error) {
	if names.empty() {
		return nil, malformed(names.off, "RFC 5280 §4.2.1.6", "%s has no name", what)
	}
	var list [][]byte
	for !names.empty() {
		at := names.off
		tag, content, raw, err := names.any("GeneralName")
		if err != nil {
			return nil, err
		}
		if tag&0xc0 != tagContext || tag&0x1f > lastGeneralName {
			return nil, malformed(at, "RFC 5280 §4.2.1.6", "%s has a name with tag 0x%02x, which is no GeneralName", what, tag)
		}
		if tag == tagDirectoryName {
			if err := checkDirectoryName(content); err != nil {
				return nil, err
			}
		}
		list = append(list, bytes.Clone(raw))
	}
	return list, nil
}

// checkDirectoryName reads the Name inside directoryName, which is tagged explicitly because Name is a CHOICE.
func checkDirectoryName(content der) error {
	name, err := content.expect(tagSequence, "directoryName")
	if err != nil {
		return err
	}
	if err := content.end("directoryName"); err != nil {
		return err
	}
	return checkName(name)
}

// urisOf returns the URIs among checked GeneralNames.
func urisOf(names [][]byte) []string {
	var list []string
	for _, raw := range names {
		if raw[0] == tagURI {
			_, header, _, _ := parseHeader(raw)
			list = append(list, string(raw[header:]))
		}
	}
	return list
}

// directoryNames returns the Name, a DER element, of each directoryName among checked GeneralNames.
func directoryNames(names [][]byte) [][]byte {
	var list [][]byte
	for _, raw := range names {
		if raw[0] == tagDirectoryName {
			_, header, _, _ := parseHeader(raw)
			list = append(list, raw[header:])
		}
	}
	return list
}

// DirectoryName returns the Name, a DER element, of a GeneralName of this package that is a directoryName.
func DirectoryName(generalName []byte) (name []byte, ok bool) {
	list := directoryNames([][]byte{generalName})
	if len(list) == 0 {
		return nil, false
	}
	return list[0], true
}
