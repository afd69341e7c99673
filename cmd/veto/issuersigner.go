package main

import (
	"errors"
	"time"
)

// setSigner gives an issuer its signer. The one in force goes on when nothing about it changed. One that cannot sign now, for
// reasons that may pass, is refused when it would replace one that can; otherwise the issuer is served without, in JSON only,
// and the signer is tried again.
func (s *service) setSigner(k *knownIssuer, now time.Time) error {
	before := s.directory.table.Load().byID[k.ID]
	if before != nil && before.signer != nil && sameSigner(before.config, k.config) {
		k.signer = before.signer
		return nil
	}
	signer, warnings, err := s.signers.make(k.config, now)
	if _, passing := errors.AsType[*passingError](err); passing && (before == nil || !before.canSign(now)) {
		s.log.Error("ocsp signer cannot sign, OCSP answers tryLater", "issuer", k.Name, "error", err.Error(), "tried_again", mayPass(err))
		k.unsigned = err
		return nil
	}
	for _, w := range warnings {
		s.log.Warn("ocsp signer", "issuer", k.Name, "warning", w)
	}
	k.signer = signer
	return err
}

// logSigners says which signers are new in a configuration that comes into force.
func (s *service) logSigners(known []knownIssuer) {
	before := s.directory.table.Load().byID
	for i := range known {
		k := &known[i]
		if was := before[k.ID]; k.signer != nil && (was == nil || was.signer != k.signer) {
			cert := k.config.Signer.Certificate
			s.log.Info("ocsp signer in force", "issuer", k.Name, "signer", cert.Subject.String(), "serial", cert.SerialNumber.Text(16), "not_after", stamp(cert.NotAfter))
		}
	}
}

// retrySigners tries the signers again that could not sign, and puts the configuration in force anew when one now can. It says
// whether some may yet.
func (s *service) retrySigners(now time.Time) (waiting bool) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	t := s.directory.table.Load()
	works := false
	for i := range t.issuers {
		k := &t.issuers[i]
		if !mayPass(k.unsigned) || !now.Before(k.config.Signer.Certificate.NotAfter) {
			continue
		}
		if _, _, err := s.signers.make(k.config, now); err == nil {
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

// ownSigner says whether the CA itself signs, not a delegate.
func (k *knownIssuer) ownSigner() bool { return k.config.Signer.Certificate.Equal(k.Certificate) }

// signerAlarms are the moments at which the end of the issuer's signer is spoken of.
func (k *knownIssuer) signerAlarms() []time.Time {
	return signerAlarms(k.config.Signer.Certificate, k.ownSigner())
}

// canSign says whether OCSP answers of the issuer can be signed at a moment.
func (k *knownIssuer) canSign(now time.Time) bool { return k.whyUnsigned(now) == "" }

// whyUnsigned is why OCSP answers of the issuer cannot be signed at a moment, "" when they can.
func (k *knownIssuer) whyUnsigned(now time.Time) string {
	if k.config.Signer == nil {
		return "no signer is configured"
	}
	cert := k.config.Signer.Certificate
	switch {
	case !now.Before(cert.NotAfter):
		return "the signing certificate expired on " + stamp(cert.NotAfter)
	case k.signer == nil:
		return k.unsigned.Error()
	case k.signer.Failure() != nil:
		return k.signer.Failure().Error()
	case now.Before(cert.NotBefore):
		return "the signing certificate is not valid before " + stamp(cert.NotBefore)
	}
	return ""
}

// signerProblem is what is wrong with the signer of an issuer, or will be soon; "" when all is well.
func (k *knownIssuer) signerProblem(now time.Time) string {
	switch why := k.whyUnsigned(now); {
	case why != "" && k.relays():
		return "OCSP gives on what the CA's own responder signed, and answers tryLater otherwise: " + why
	case why != "":
		return "OCSP answers tryLater: " + why
	}
	if raised, _ := alarmsRaised(k.signerAlarms(), now); raised > 0 {
		return expirySentence(k.config.Signer.Certificate, now)
	}
	return ""
}
