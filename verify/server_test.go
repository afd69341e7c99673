package verify_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// server judges the certificates of a world as veto serve would, with each CA of the world configured: all its certificates, every
// other certificate as a signer of its CRLs, and a source for each series of CRLs that can be for it.
type server struct {
	*world
	revoked map[string]bool // signers whose status was asked for; false while it is
}

// status is what the server says of a certificate of an issuer.
func (s *server) status(c, issuer *x509.Certificate) revocation.CertStatus {
	if why, err := verify.Exemption(c); why != "" && err == nil {
		return revocation.CertStatus{Status: revocation.Good}
	}
	who := s.who(issuer)
	complete, deltas, missing := s.sources(who, c)
	ev := &revocation.Evidence{MissingCRL: missing, Kind: verify.KindOf(c), MaxAge: 7 * 24 * time.Hour}
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range complete {
		entry, listed := h.entries[string(serial)]
		f := revocation.CRLFinding{Info: h.info, Listed: listed, Entry: entry}
		f.Covers, _ = verify.Covers(h.info, c)
		for _, d := range deltas {
			if baseOf(d, complete) == h {
				entry, listed := d.entries[string(serial)]
				f.Apply(&revocation.DeltaFinding{Info: d.info, Listed: listed, Entry: entry})
			}
		}
		ev.CRLs = append(ev.CRLs, f)
	}
	return revocation.Decide(ev, noon)
}

// baseOf is the complete CRL whose delta a source is configured as: that of its scope or, where a row has none, the first.
func baseOf(d *holding, complete []*holding) *holding {
	for _, h := range complete {
		if revocation.FitOf(h.info, d.info) != revocation.DeltaApart {
			return h
		}
	}
	return complete[0]
}

func (s *server) who(issuer *x509.Certificate) verify.CRLIssuer {
	who := verify.CRLIssuer{Certificates: []*x509.Certificate{issuer}}
	for _, c := range append([]*x509.Certificate{s.root}, s.pool...) {
		switch {
		case c.Equal(issuer):
		case c.IsCA && crlder.NameKey(c.RawSubject) == crlder.NameKey(issuer.RawSubject):
			who.Certificates = append(who.Certificates, c)
		default:
			who.Signers = append(who.Signers, c)
		}
	}
	return who
}

// holding is what a source holds.
type holding struct {
	info    *revocation.CRLInfo
	entries map[string]revocation.Entry
}

// sources hands the world's CRLs, in order, to the sources of one issuer: one for each CRL issuer, key and issuing distribution
// point. missing are those that got none they may use. The CRLs of signers with another name than the issuer's are configured if
// the certificate names them.
func (s *server) sources(who verify.CRLIssuer, c *x509.Certificate) (complete, deltas []*holding, missing int) {
	held, order := map[string]*holding{}, []string(nil)
	for _, l := range s.lists {
		crl, h, err := s.receive(l, who)
		rule := revocation.RuleOf(err, "")
		if rule == "issuer" || crl.IsDelta() && !s.o.Deltas || !s.named(crl, who, c) {
			continue // nobody configures it for this issuer
		}
		key := crlder.NameKey(crl.RawIssuer) + "\x00" + string(crl.AuthorityKeyID)
		if crl.IDP != nil {
			key += "\x00" + string(crl.IDP.Raw)
		}
		if crl.IsDelta() {
			key += "\x00delta"
		}
		if _, known := held[key]; !known {
			order, held[key] = append(order, key), nil
		}
		if err != nil {
			continue
		}
		var prev *revocation.CRLInfo
		if held[key] != nil {
			prev = held[key].info
		}
		if same, err := verify.Newer(prev, h.info, ""); err == nil && !same {
			held[key] = h
		}
	}
	for _, key := range order {
		switch h := held[key]; {
		case h != nil && h.info.IsDelta():
			deltas = append(deltas, h)
		case h != nil:
			complete = append(complete, h)
		case !bytes.HasSuffix([]byte(key), []byte("delta")):
			missing++
		}
	}
	return complete, deltas, missing
}

func (s *server) named(crl *crlder.CRL, who verify.CRLIssuer, c *x509.Certificate) bool {
	if crlder.NameKey(crl.RawIssuer) == crlder.NameKey(who.Certificates[0].RawSubject) {
		return true
	}
	_, refused := verify.Covers(verify.CRLInfo(crl, revocation.IssuerID{}, revocation.ScopeID{}, ""), c)
	return refused == nil
}

// receive takes a CRL in as crlfetch does.
func (s *server) receive(l list, who verify.CRLIssuer) (*crlder.CRL, *holding, error) {
	h := &holding{entries: map[string]revocation.Entry{}}
	own := verify.NewOwnEntries(who, func(r *revocation.Record) error {
		entry := revocation.Entry{RevokedAt: time.Unix(r.RevokedAt, 0), Reason: r.Reason}
		before, twice := h.entries[string(r.Serial)]
		removal := before.Reason == revocation.RemoveFromCRL
		if !twice || removal || before.Reason == revocation.CertificateHold && entry.Reason != revocation.RemoveFromCRL { // the worse counts
			h.entries[string(r.Serial)] = entry
		}
		return nil
	})
	crl, err := crlder.Decode(bytes.NewReader(s.crlDER(l)), crlder.Options{Begin: own.Begin}, own.Add)
	if err != nil {
		return crl, nil, err
	}
	signer, err := verify.CRL(crl, who, noon, verify.CRLOptions{})
	if err != nil {
		return crl, nil, err
	}
	if !slices.ContainsFunc(who.Certificates, signer.Equal) && s.isRevoked(signer) {
		return crl, nil, revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "the signer is revoked")
	}
	h.info = verify.CRLInfo(crl, revocation.IssuerIDOf(who.Certificates[0]), revocation.ScopeID{}, l.file)
	if h.info.OnlyKind == revocation.AttributeCertificate {
		h.entries = nil
	}
	return crl, h, nil
}

// isRevoked asks the server itself for a signer's status. One whose status is being asked for is not, meanwhile.
func (s *server) isRevoked(signer *x509.Certificate) bool {
	if known, asked := s.revoked[string(signer.Raw)]; asked {
		return known
	}
	s.revoked[string(signer.Raw)] = false
	for _, issuer := range append([]*x509.Certificate{s.root}, s.pool...) {
		if crlder.NameKey(issuer.RawSubject) == crlder.NameKey(signer.RawIssuer) && signer.CheckSignatureFrom(issuer) == nil {
			s.revoked[string(signer.Raw)] = s.status(signer, issuer).Status == revocation.Revoked
			break
		}
	}
	return s.revoked[string(signer.Raw)]
}

// difference is what the server says of a row's leaf where veto verify says something else, and why both are right.
type difference struct {
	server revocation.Status
	why    string
}

var differences = map[string]difference{
	"so many that the search ends":                           {revocation.Good, "the server searches nothing: it asks what it holds of the signer"},
	"in a circle with one that is listed":                    {revocation.Good, "a signer whose own status nobody says any more is trusted until it is known to be revoked"},
	"nobody says whether the CRL signer is revoked":          {revocation.Good, "the configuration trusts the signer until it is known to be revoked"},
	"the CRL signer is of another trust anchor":              {revocation.Good, "the configuration is the trust anchor of CRL signers"},
	"a fresh CRL of another key lifts a hold of a stale one": {revocation.Revoked, "what a source lists, a newer CRL of that source lifts, and no other"},
	"older than a maximal age that is given":                 {revocation.Good, "the age is a setting of veto verify"},
	"an empty list of entries":                               {revocation.Good, "the server takes it, because real CAs sign such"},
	"4.15.8 the complete CRL is older than the delta's base and still valid": {revocation.Revoked,
		"what a verified delta lists is revoked, also where it cannot be applied"},
}

// alike sees that the server says of each certificate of the leaf's path what veto verify says, but for the differences that are
// stated.
func (w *world) alike(row string, leaf *x509.Certificate) {
	w.t.Helper()
	paths, err := verify.Paths(leaf, w.pool, []*x509.Certificate{w.root}, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range w.judge(leaf) {
		if r.Invalid != nil {
			continue // the server says nothing of that
		}
		s := &server{w, map[string]bool{}}
		got := s.status(r.Certificate, paths[0][i+1])
		want := r.Status
		if d, differs := differences[row]; i == 0 && differs {
			if want = d.server; want == r.Status {
				w.t.Errorf("no difference any more where %s", d.why)
			}
		}
		if got.Status != want {
			w.t.Errorf("of %s the server says %s because %s, want %s; veto verify says %s %s", r.Certificate.Subject, got.Status, got.Because, want, r.Status, r.Detail)
		}
	}
}
