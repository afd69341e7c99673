package api

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TrustSet is a set of trust anchors. The one without a name is used when none with a name is configured.
type TrustSet struct {
	Name                 string
	Roots, Intermediates []*x509.Certificate
}

// SetTrust replaces the sets of trust anchors. It may be called while requests are served.
func (a *API) SetTrust(sets []TrustSet) { a.trust.Store(&sets) }

const maxVerifyBody = 512 << 10 // octets

type verifyInput struct{ Body VerifyBody }

func (a *API) registerVerify(h huma.API) {
	huma.Register(h, a.read(huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: verifyPath, Tags: []string{"verify"},
		Summary: "The five checks of mutual TLS",
		Description: "Judges a peer by the certificates it presented: validity, trust, integrity, identity and revocation, each by itself, so that all " +
			"that is wrong shows at once. 200 whatever the verdict is.",
		MaxBodyBytes: maxVerifyBody,
	}, malformedRequest, malformedCertificate, timedOut, tooLarge, wrongMediaType, invalidRequest, unknownTrust), a.verify)
}

func (a *API) verify(_ context.Context, in *verifyInput) (*output[VerifyReport], error) {
	at := in.Body.Time
	if at.IsZero() {
		at = a.now()
	}
	set, p := a.trustSet(in.Body.Trust)
	if p != nil {
		return nil, p
	}
	expected, p := identitiesOf(in.Body.Identity)
	if p != nil {
		return nil, p
	}
	chain, unreadable, p := parseChain(in.Body.Chain)
	if p != nil {
		return nil, p
	}
	answers := map[*x509.Certificate]Answer{}
	if unreadable != nil {
		return &output[VerifyReport]{Status: http.StatusOK, Body: a.verifyReport(verify.Unreadable(unreadable), at, answers)}, nil
	}
	o := verify.PeerOptions{Role: roleOf(in.Body.Role), Roots: set.Roots, Untrusted: set.Intermediates, Expected: expected,
		Staple: in.Body.OCSPResponse, ShortLived: time.Duration(in.Body.ShortLived) * time.Second}
	if in.Body.Revocation != "none" {
		o.Revocation = verify.ByStatus(func(id revocation.IssuerID, c *x509.Certificate) revocation.CertStatus {
			answer := a.answerOnPath(id, c, at)
			answers[c] = answer
			return answer.CertStatus
		}, in.Body.Revocation == "leaf")
	}
	return &output[VerifyReport]{Status: http.StatusOK, Body: a.verifyReport(verify.Peer(chain, at, o), at, answers)}, nil
}

// trustSet finds the anchors asked for.
func (a *API) trustSet(name string) (TrustSet, *Problem) {
	sets := *a.trust.Load()
	var named []TrustSet
	for _, s := range sets {
		if s.Name != "" {
			named = append(named, s)
		}
		if name != "" && s.Name == name {
			return s, nil
		}
	}
	switch {
	case name != "":
		return TrustSet{}, unknownTrust.problem("no set of trust anchors %q is configured", clip(name))
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return TrustSet{}, invalidRequest.problem("several sets of trust anchors are configured: say which").at("body.trust", "is missing")
	case len(sets) == 1:
		return sets[0], nil
	}
	return TrustSet{}, unknownTrust.problem("no trust anchors are configured: set trust in the configuration")
}

func roleOf(name string) verify.Role {
	return map[string]verify.Role{"client": verify.Client, "server": verify.Server}[name]
}

func identitiesOf(o *IdentityObject) (list []verify.Identity, p *Problem) {
	if o == nil {
		return nil, nil
	}
	for _, given := range []struct {
		kind  verify.IdentityKind
		names Names
	}{{verify.IdentityDNS, o.DNS}, {verify.IdentityIP, o.IP}, {verify.IdentityURI, o.URI}, {verify.IdentityEmail, o.Email}, {verify.IdentityCN, o.CN}} {
		for _, name := range given.names {
			i, err := verify.NewIdentity(given.kind, name)
			if err != nil {
				return nil, invalidRequest.problem("%v", err).at("body.identity."+string(given.kind), "cannot be a name")
			}
			list = append(list, i)
		}
	}
	return list, nil
}

// maxVerifyChain is how many certificates a peer may present.
const maxVerifyChain = 10

// parseChain reads PEM. That the peer's own certificate cannot be read is a fault of the peer; anything else is one of the request.
func parseChain(texts []string) (chain []*x509.Certificate, unreadable error, p *Problem) {
	for i, text := range texts {
		rest := []byte(text)
		for before := len(chain); ; {
			rest = bytes.TrimSpace(rest)
			if len(rest) == 0 && len(chain) > before {
				break
			}
			block, after := pem.Decode(rest)
			if block == nil || block.Type != "CERTIFICATE" {
				_, p := parsePEM(text)
				if p == nil {
					p = malformedCertificate.problem("something besides certificates is in the PEM text")
				}
				return nil, nil, p.at(fmt.Sprintf("body.chain[%d]", i), "not certificates in PEM")
			}
			c, err := verify.ParseCertificate(block.Bytes)
			switch {
			case err != nil && len(chain) == 0:
				return nil, err, nil
			case err != nil:
				return nil, nil, malformedCertificate.problem("%v", err).at(fmt.Sprintf("body.chain[%d]", i), "cannot be read")
			case len(chain) == maxVerifyChain:
				return nil, nil, invalidRequest.problem("the chain has more than %d certificates", maxVerifyChain).at("body.chain", "too long")
			}
			chain, rest = append(chain, c), after
		}
	}
	return chain, nil, nil
}

// answerOnPath is the answer for a certificate whose issuer is known from its path.
func (a *API) answerOnPath(id revocation.IssuerID, c *x509.Certificate, at time.Time) Answer {
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	if err != nil {
		return Answer{}
	}
	known, ok := a.directory.Resolve(id.String())
	if !ok {
		known = revocation.Issuer{ID: id}
	}
	st := a.source.CertificateStatus(id, c, at)
	a.metrics.answers.WithLabelValues(st.Status.String(), string(st.Because)).Inc()
	return Answer{Issuer: known.Name, IssuerID: known.ID, Serial: serial, CertStatus: st, TTL: TTL(&st, at, a.ttl)}
}

func (a *API) verifyReport(r *verify.PeerReport, at time.Time, answers map[*x509.Certificate]Answer) VerifyReport {
	report := VerifyReport{Verdict: string(r.Verdict), Time: jsonTime(at)}
	for i := range r.Checks {
		report.Checks = append(report.Checks, checkObject(&r.Checks[i]))
	}
	for i, c := range r.Path {
		one := PathObject{Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: serialText(c), NotBefore: jsonTime(c.NotBefore),
			NotAfter: jsonTime(c.NotAfter), Anchor: r.Anchored && i == len(r.Path)-1}
		if answer, asked := answers[c]; asked && i < len(r.Revocations) {
			status := answer.Object()
			one.Status, one.Exempt = &status, r.Revocations[i].Exempt
		}
		report.Path = append(report.Path, one)
	}
	return report
}

func checkObject(c *verify.Check) CheckObject {
	o := CheckObject{Name: c.Name, Outcome: string(c.Outcome), Detail: c.Detail, Section: c.Section}
	for _, f := range c.Faults {
		fault := FaultObject{Rule: f.Err.Rule, Section: f.Err.Section, Detail: f.Err.Detail, Later: f.Later}
		if f.Certificate != nil {
			fault.Subject, fault.Serial = f.Certificate.Subject.String(), serialText(f.Certificate)
		}
		o.Faults = append(o.Faults, fault)
	}
	return o
}

func serialText(c *x509.Certificate) string {
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	if err != nil {
		return c.SerialNumber.Text(16)
	}
	return serial.String()
}
