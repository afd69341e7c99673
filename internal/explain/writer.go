package explain

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// writer collects lines.
type writer struct {
	options Options
	lines   []Line
}

func (w *writer) say(depth int, section, format string, args ...any) {
	w.lines = append(w.lines, Line{depth, fmt.Sprintf(format, args...), section})
}

// refused says why a message could not be read.
func (w *writer) refused(what string, octets int, err error) {
	w.say(0, "", "%s, %d octets.", what, octets)
	if r, ok := errors.AsType[*revocation.Refusal](err); ok {
		w.say(1, r.Section, "%s.", r.Detail)
		return
	}
	w.say(1, "", "%v.", err)
}

// certID says which certificate is meant, and of which of the known issuers.
func (w *writer) certID(depth int, id *ocspder.CertID) {
	w.say(depth, "RFC 6960 §4.1.1", "issuer: by %s, name hash %x, key hash %x", hashName(id), id.NameHash, id.KeyHash)
	if issuer := named(w.options.Issuers, id); issuer != nil {
		w.say(depth, "", "that is %s", describeIssuer(issuer))
	}
}

// named is the issuer that a CertID names, nil when it is not among the known.
func named(known []revocation.Issuer, id *ocspder.CertID) *revocation.Issuer {
	for i := range known {
		if id.Names(known[i].Certificate, id.Serial) {
			return &known[i]
		}
	}
	return nil
}

func describeIssuer(i *revocation.Issuer) string {
	if i.Name == "" {
		return fmt.Sprintf("%q", i.Certificate.Subject)
	}
	return fmt.Sprintf("the issuer %s, %q", i.Name, i.Certificate.Subject)
}

func hashName(id *ocspder.CertID) string {
	if id.Hash == 0 {
		return "a hash algorithm that is not known here"
	}
	return id.Hash.String()
}

// extensions says what each extension means.
func (w *writer) extensions(depth int, list []ocspder.Extension) {
	for i := range list {
		e := &list[i]
		name, meaning, section := describeExtension(e)
		critical := ""
		if e.Critical {
			critical = ", critical"
		}
		w.say(depth, section, "extension %s%s: %s", name, critical, meaning)
	}
}

// certificates says which certificates a message carries.
func (w *writer) certificates(depth int, list [][]byte) {
	for n, der := range list {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			w.say(depth, "", "certificate %d cannot be read: %v", n+1, err)
			continue
		}
		w.say(depth, "", "certificate %d: %q, issued by %q", n+1, c.Subject, c.Issuer)
		w.say(depth+1, "", "valid from %s to %s%s", stamp(c.NotBefore), stamp(c.NotAfter), w.outside(c.NotBefore, c.NotAfter))
		signs := "not for OCSP signing"
		for _, use := range c.ExtKeyUsage {
			if use == x509.ExtKeyUsageOCSPSigning {
				signs = "for OCSP signing"
			}
		}
		if verify.HasNoCheck(c) {
			signs += ", without need to check its own status (id-pkix-ocsp-nocheck)"
		}
		w.say(depth+1, "RFC 6960 §4.2.2.2", "%s", signs)
	}
}

// outside is a remark on a time that has not come or has gone.
func (w *writer) outside(from, to time.Time) string {
	switch {
	case w.options.Now.Before(from):
		return ", which has not begun"
	case !to.IsZero() && !w.options.Now.Before(to):
		return ", which is over"
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// algorithmName names the algorithm of an AlgorithmIdentifier.
func algorithmName(der []byte) string {
	alg, err := crlder.ParseAlgorithm(der)
	if err != nil {
		return "an algorithm that cannot be read"
	}
	return alg.Name
}

// nameText is a Name (RFC 5280 §4.1.2.4) as people write it.
func nameText(der []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return "a name that cannot be read: " + hex.EncodeToString(der)
	}
	return fmt.Sprintf("%q", rdns.String())
}

// looksLikeRequest and looksLikeResponse tell the two apart by what their SEQUENCE begins with.
func looksLikeRequest(der []byte) bool  { return beginsWith(der, cbasn1.SEQUENCE) }
func looksLikeResponse(der []byte) bool { return beginsWith(der, cbasn1.ENUM) }

func beginsWith(der []byte, tag cbasn1.Tag) bool {
	s := cryptobyte.String(der)
	var body cryptobyte.String
	return s.ReadASN1(&body, cbasn1.SEQUENCE) && body.PeekASN1Tag(tag)
}
