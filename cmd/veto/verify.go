package main

import (
	"crypto/x509"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/verify"
)

func newVerify() *cobra.Command {
	var q verifyQuestion
	var at, scope, role string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify LEAF", Short: "Judge a certificate offline by the five checks of mutual TLS",
		Long: "Judges a peer by its certificate, LEAF: validity, trust, integrity, identity and revocation, a line each. Paths lead from LEAF to a\n" +
			"root (RFC 5280 §6.1), and each certificate below the root is judged by the CRLs given (§6.3) and a stapled OCSP response.\n" +
			"Of each kind of name that is given one must be in the certificate; without any, the identity is not checked.\n" +
			"Files are PEM or DER and may hold several objects; LEAF may be followed by its intermediates. The untrusted certificates\n" +
			"are used for the path and as signers of CRLs.\n\n" +
			"Ends with 0 valid · 1 invalid: revoked, no path, a bad signature · 2 undetermined: the CRLs do not say, and nothing else is wrong.",
		Example: "  veto verify --roots root.pem --untrusted intermediates.pem --crl root.crl --crl ca.crl leaf.pem\n" +
			"  veto verify --roots root.pem --crl ca.crl --deltas --crl ca+.crl --time 2026-03-01T00:00:00Z --json leaf.pem\n" +
			"  veto verify --roots root.pem --role server --dns www.example.org --ocsp-response staple.der chain.pem\n" +
			"  veto verify --roots root.pem --role client --uri 'spiffe://example.org/ns/prod/*' --revocation none client.pem",
		Args: exactly(1, "one certificate file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.leaf = args[0]
			if err := q.settings(at, scope, role); err != nil {
				return err
			}
			report, err := q.answer(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				report.print(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			return exitWith(report.exit)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.roots, "roots", "", "`FILE` with the trusted root certificates (required)")
	f.StringArrayVar(&q.untrusted, "untrusted", nil, "`FILE` with intermediate certificates and signers of CRLs; may repeat")
	f.StringArrayVar(&q.crls, "crl", nil, "`FILE` with CRLs; may repeat")
	f.StringVar(&role, "role", "any", "what the certificate is used for: server, client or `any`")
	f.StringArrayVar(&q.names.dns, "dns", nil, "the peer's DNS `NAME`; its first label may be *; may repeat: one must match")
	f.StringArrayVar(&q.names.ip, "ip", nil, "the peer's `ADDRESS`; may repeat")
	f.StringArrayVar(&q.names.uri, "uri", nil, "the peer's `URI`, exact, or any below when it ends in /*; may repeat")
	f.StringArrayVar(&q.names.email, "email", nil, "the peer's e-mail `ADDRESS`; may repeat")
	f.StringArrayVar(&q.names.cn, "cn", nil, "the common `NAME` of the peer's subject, which is looked at only if this is given; may repeat")
	f.StringVar(&q.staple, "ocsp-response", "", "`FILE` with the OCSP response that came with the certificate, DER")
	f.StringVar(&at, "time", "", "judge at this moment, `RFC3339`; default now")
	f.StringVar(&scope, "revocation", "chain", "which certificates must not be revoked: `chain`, leaf or none")
	f.BoolVar(&q.options.Deltas, "deltas", false, "apply delta CRLs; without it they are left aside")
	f.DurationVar(&q.options.MaxAge, "max-crl-age", 0, "refuse CRLs older than this `DURATION`; default: as old as their nextUpdate allows, "+
		"168h for a CRL without one")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// verifyQuestion is what veto verify is asked.
type verifyQuestion struct {
	leaf, roots     string
	untrusted, crls []string
	at              time.Time
	skip            bool // no revocation
	options         verify.RevocationOptions

	role     verify.Role
	names    peerNames
	expected []verify.Identity
	staple   string // a file
}

func (q *verifyQuestion) settings(at, scope, role string) (err error) {
	q.at = time.Now()
	if at != "" {
		if q.at, err = time.Parse(time.RFC3339, at); err != nil {
			return usage("--time: %q is not a time like 2026-03-01T12:00:00Z", at)
		}
		q.options.ClockSkew = -1 // a moment that was chosen has no clock to be wrong
	}
	switch scope {
	case "chain":
	case "leaf":
		q.options.LeafOnly = true
	case "none":
		q.skip = true
	default:
		return usage("--revocation: %q is none of chain, leaf and none", scope)
	}
	if q.role, err = parseRole(role); err != nil {
		return err
	}
	if q.expected, err = q.names.identities(); err != nil {
		return err
	}
	switch {
	case q.roots == "":
		return usage("--roots FILE is required: nothing is trusted by itself")
	case q.options.MaxAge < 0:
		return usage("--max-crl-age: %s is negative", q.options.MaxAge)
	}
	return nil
}

// judge runs the five checks.
func (q *verifyQuestion) judge(set *certificateSet, crls []crlFile, staple []byte) *verifyReport {
	if set.leafError != nil {
		return reportPeer(verify.Unreadable(set.leafError), q.at, crls)
	}
	q.options.Untrusted = set.untrusted
	o := verify.PeerOptions{Role: q.role, Roots: set.roots, Untrusted: set.untrusted, Expected: q.expected, Staple: staple, ClockSkew: q.options.ClockSkew}
	if !q.skip {
		o.Revocation = func(path []*x509.Certificate) []verify.CertRevocation {
			return verify.Revocation(path, views(crls), q.at, q.options)
		}
	}
	return reportPeer(verify.Peer([]*x509.Certificate{set.leaf}, q.at, o), q.at, crls)
}
