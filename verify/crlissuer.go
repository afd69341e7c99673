package verify

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// CRLIssuer is who may sign the CRLs of a CA's certificates. Whom it names is trusted for that by the configuration.
type CRLIssuer struct {
	Certificates []*x509.Certificate // of the CA: one or, while its key changes, several. All have one subject
	Signers      []*x509.Certificate // of CRLs beside the CA, with its name or their own; they need not be CAs
}

// name is that of the CA, DER.
func (w CRLIssuer) name() []byte {
	if len(w.Certificates) == 0 {
		return nil
	}
	return w.Certificates[0].RawSubject
}

// named are the certificates with a name (§7.1), the CA's own first.
func (w CRLIssuer) named(name []byte) []*x509.Certificate {
	key := crlder.NameKey(name)
	return slices.DeleteFunc(slices.Concat(w.Certificates, w.Signers), func(c *x509.Certificate) bool { return crlder.NameKey(c.RawSubject) != key })
}

// stranger refuses a CRL whose issuer has no certificate here.
func (w CRLIssuer) stranger(rawIssuer []byte) *revocation.Refusal {
	if len(w.named(rawIssuer)) > 0 {
		return nil
	}
	or := ""
	if len(w.Signers) > 0 {
		or = " or a CRL signer that is configured"
	}
	return revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)", "the CRL is issued by %q, not by %q%s", nameText(rawIssuer), nameText(w.name()), or)
}

// mayBeListed sees that certificates of the CA may be listed in the CRL: it is the CA's by name, or indirect and of a signer that is
// configured (§6.3.3 (b)(1)).
func (w CRLIssuer) mayBeListed(crl *crlder.CRL) *revocation.Refusal {
	if err := w.stranger(crl.RawIssuer); err != nil {
		return err
	}
	if crlder.NameKey(crl.RawIssuer) != crlder.NameKey(w.name()) && (crl.IDP == nil || !crl.IDP.Indirect) {
		return revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)(1)", "the CRL is issued by %q and does not say indirectCRL: it lists the certificates of "+
			"that issuer, not those of %q", nameText(crl.RawIssuer), nameText(w.name()))
	}
	return nil
}

// signerOf finds who signed the CRL (§6.3.3 (f), (g)).
func (w CRLIssuer) signerOf(crl *crlder.CRL, now time.Time, o CRLOptions) (*x509.Certificate, *revocation.Refusal) {
	return findSigner(crl, w.named(crl.RawIssuer),
		func(c *x509.Certificate) *revocation.Refusal { return signerKey(crl, c) },
		signerUsage,
		func(c *x509.Certificate) *revocation.Refusal { return w.current(c, now) },
		func(c *x509.Certificate) *revocation.Refusal {
			if err := crlSignature(crl, c, o.RefuseSHA1); err != nil {
				return asRefusal(err)
			}
			return nil
		})
}

// current refuses a CRL signer out of its time. The time of the CA's own certificate is no part of this: what it says is asked of
// whoever builds a path.
func (w CRLIssuer) current(c *x509.Certificate, now time.Time) *revocation.Refusal {
	if slices.ContainsFunc(w.Certificates, c.Equal) || !now.Before(c.NotBefore) && !now.After(c.NotAfter) {
		return nil
	}
	return revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "the certificate of the CRL signer %q is valid from %s to %s only; configure its "+
		"successor", c.Subject, c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339))
}

// nameText is a Name, given as DER, for people.
func nameText(raw []byte) string {
	name, err := (&crlder.CRL{RawIssuer: raw}).Issuer()
	if err != nil {
		return fmt.Sprintf("%x", raw)
	}
	return name.String()
}
