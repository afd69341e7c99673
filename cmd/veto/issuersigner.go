package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// ocspSigner is one signer of an issuer's OCSP answers.
type ocspSigner struct {
	config   *config.Signer
	keys     []revocation.Issuer // whose certificates it answers for
	signer   *responder.Signer   // nil: it cannot sign yet
	unsigned error               // why not
}

// designating are the keys of a CA whose certificates a signer may answer for: the one that is the signer's, or issued its certificate
// (RFC 6960 §4.2.2.2); of a signer that relying parties are configured to trust, all.
func designating(cs *config.Signer, keys []revocation.Issuer) []revocation.Issuer {
	if cs.Trusted {
		return keys
	}
	var list []revocation.Issuer
	for _, key := range keys {
		if revocation.IssuerIDOf(cs.Certificate) == key.ID || isIssuedBy(cs.Certificate, key.Certificate) {
			list = append(list, key)
		}
	}
	if list == nil { // whoever makes the signer says what is wrong
		return keys[:1]
	}
	return list
}

// undesignated says which keys have no signer beside others that have.
func undesignated(signers []*config.Signer, keys []revocation.Issuer) (warnings []string) {
	for _, key := range keys {
		isFor := func(cs *config.Signer) bool { return slices.Contains(designating(cs, keys), key) }
		if len(signers) > 0 && !slices.ContainsFunc(signers, isFor) {
			warnings = append(warnings, fmt.Sprintf("no signer is designated by the key of the CA's certificate %x: OCSP says tryLater for what that key issued",
				key.Certificate.SerialNumber))
		}
	}
	return warnings
}

// setSigners gives an issuer its signers. One in force goes on when nothing about it changed. One that cannot sign now, for reasons
// that may pass, is refused when a key whose answers can be signed would be left without; otherwise the key is served in JSON
// only, and the signer is tried again.
func (s *service) setSigners(k *knownIssuer, now time.Time) (faults config.Faults) {
	before := s.directory.table.Load().byID[k.ID].knownIssuer
	for _, cs := range k.config.Signers {
		made := ocspSigner{config: cs, keys: designating(cs, k.keys)}
		var err error
		if same := before.sameSigner(&made); same != nil {
			made.signer = same.signer
		} else if made.signer, err = s.makeSigner(k.Name, &made, now); err != nil {
			faults = append(faults, cs.Pos.Fault("%v", err))
		}
		k.signers = append(k.signers, made)
	}
	for i := range k.signers {
		made := &k.signers[i]
		if made.unsigned == nil {
			continue
		}
		if slices.ContainsFunc(made.keys, func(key revocation.Issuer) bool { return before.canSignFor(key, now) && !k.canSignFor(key, now) }) {
			faults = append(faults, made.config.Pos.Fault("%v", made.unsigned))
			continue
		}
		s.log.Error("ocsp signer cannot sign, OCSP answers tryLater", "issuer", k.Name, "error", made.unsigned.Error(), "tried_again", mayPass(made.unsigned))
	}
	for _, w := range undesignated(k.config.Signers, k.keys) {
		s.log.Warn("ocsp signer", "issuer", k.Name, "warning", w)
	}
	return faults
}

// makeSigner makes a signer. Why it cannot sign now is noted in it when that may pass, and is an error otherwise.
func (s *service) makeSigner(issuer string, o *ocspSigner, now time.Time) (*responder.Signer, error) {
	signer, warnings, err := s.signers.make(o.config, o.keys, now)
	if _, passing := errors.AsType[*passingError](err); passing {
		o.unsigned = err
		return nil, nil
	}
	for _, w := range warnings {
		s.log.Warn("ocsp signer", "issuer", issuer, "warning", w)
	}
	return signer, err
}

// logSigners says which signers are new in a configuration that comes into force.
func (s *service) logSigners(known []knownIssuer) {
	before := s.directory.table.Load().byID
	for i := range known {
		k := &known[i]
		for n := range k.signers {
			o := &k.signers[n]
			if o.signer == nil || before[k.ID].knownIssuer.sameSigner(o) != nil {
				continue
			}
			cert := o.config.Certificate
			s.log.Info("ocsp signer in force", "issuer", k.Name, "signer", cert.Subject.String(), "serial", cert.SerialNumber.Text(16), "not_after", stamp(cert.NotAfter))
		}
	}
}

// retrySigners tries the signers again that could not sign, and puts the configuration in force anew when one now can. It says
// whether some may yet.
func (s *service) retrySigners(now time.Time) (waiting bool) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	works := false
	for _, o := range s.directory.allSigners() {
		if !mayPass(o.unsigned) || !now.Before(o.config.Certificate.NotAfter) {
			continue
		}
		if _, _, err := s.signers.make(o.config, o.keys, now); err == nil {
			works = true
		} else {
			waiting = true
		}
	}
	if works {
		if err := s.putInForce(s.inForce); err != nil {
			s.log.Error("putting signers in force that work again", "error", err.Error())
		}
	}
	return waiting
}

// allSigners are those of all issuers.
func (d *directory) allSigners() (list []*ocspSigner) {
	t := d.table.Load()
	for i := range t.issuers {
		for n := range t.issuers[i].signers {
			list = append(list, &t.issuers[i].signers[n])
		}
	}
	return list
}

// sameSigner is the issuer's signer that another means too and that works, nil when there is none. The issuer may be nil.
func (k *knownIssuer) sameSigner(o *ocspSigner) *ocspSigner {
	if k == nil {
		return nil
	}
	for i := range k.signers {
		if was := &k.signers[i]; was.signer != nil && sameSigner(was, o) && (o.signer == nil || o.signer == was.signer) {
			return was
		}
	}
	return nil
}

// signersFor are the signers that answer for the certificates of a key.
func (k *knownIssuer) signersFor(key revocation.Issuer) (list []*ocspSigner) {
	for i := range k.signers {
		if slices.ContainsFunc(k.signers[i].keys, func(of revocation.Issuer) bool { return of.ID == key.ID }) {
			list = append(list, &k.signers[i])
		}
	}
	return list
}

// canSign says whether OCSP answers for the certificates of every key can be signed at a moment.
func (k *knownIssuer) canSign(now time.Time) bool {
	return !slices.ContainsFunc(k.keys, func(key revocation.Issuer) bool { return !k.canSignFor(key, now) })
}

// canSignFor is false for an issuer that is nil.
func (k *knownIssuer) canSignFor(key revocation.Issuer, now time.Time) bool {
	return k != nil && k.whyUnsigned(key, now) == ""
}

// whyUnsigned is why OCSP answers for the certificates of a key cannot be signed at a moment, "" when they can.
func (k *knownIssuer) whyUnsigned(key revocation.Issuer, now time.Time) (why string) {
	if len(k.signers) == 0 {
		return "no signer is configured"
	}
	why = "no signer is designated by the key"
	for i, o := range k.signersFor(key) {
		switch reason := o.whyUnsigned(now); {
		case reason == "":
			return ""
		case i == 0:
			why = reason
		}
	}
	return why
}

// signerProblem is what is wrong with the signers of a key, or will be soon; "" when all is well.
func (k *knownIssuer) signerProblem(key revocation.Issuer, now time.Time) string {
	switch why := k.whyUnsigned(key, now); {
	case why != "" && k.relays():
		return "OCSP gives on what the CA's own responder signed, and answers tryLater otherwise: " + why
	case why != "":
		return "OCSP answers tryLater: " + why
	}
	for _, o := range k.signersFor(key) {
		if raised, _ := alarmsRaised(o.alarms(), now); raised > 0 {
			return expirySentence(o.config.Certificate, now)
		}
	}
	return ""
}

// own says whether the CA itself signs, not a delegate.
func (o *ocspSigner) own() bool {
	return slices.ContainsFunc(o.keys, func(key revocation.Issuer) bool { return key.Certificate.Equal(o.config.Certificate) })
}

// alarms are the moments at which the end of the signer is spoken of.
func (o *ocspSigner) alarms() []time.Time { return signerAlarms(o.config.Certificate, o.own()) }

// whyUnsigned is why the signer cannot sign at a moment, "" when it can.
func (o *ocspSigner) whyUnsigned(now time.Time) string {
	cert := o.config.Certificate
	switch {
	case !now.Before(cert.NotAfter):
		return "the signing certificate expired on " + stamp(cert.NotAfter)
	case o.signer == nil:
		return o.unsigned.Error()
	case o.signer.Failure() != nil:
		return o.signer.Failure().Error()
	case now.Before(cert.NotBefore):
		return "the signing certificate is not valid before " + stamp(cert.NotBefore)
	}
	return ""
}
