package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// kit makes certificates and CRLs from raw DER, among them what no CA may sign. Names are written "A/B": an RDN for each part,
// a commonName as PrintableString. Keys have names too, and are made when first used.
type kit struct {
	t    testing.TB
	keys map[string]*ecdsa.PrivateKey
}

func newKit(t testing.TB) *kit { return &kit{t, map[string]*ecdsa.PrivateKey{}} }

func (k *kit) key(name string) *ecdsa.PrivateKey {
	if k.keys[name] == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			k.t.Fatal(err)
		}
		k.keys[name] = key
	}
	return k.keys[name]
}

func keyID(name string) []byte { sum := sha256.Sum256([]byte(name)); return sum[:20] }

// tlv makes one DER element.
func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	switch n := len(body); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, body...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, body...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, body...)
	}
}

func seq(parts ...[]byte) []byte { return tlv(0x30, parts...) }

func raw(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func utc(at time.Time) []byte { return tlv(0x17, []byte(at.UTC().Format("060102150405Z"))) }

// attribute is the content of an RDN with one commonName.
func attribute(value string) []byte { return seq(raw("0603 550403"), tlv(0x13, []byte(value))) }

func name(text string) []byte {
	var rdns [][]byte
	for part := range strings.SplitSeq(text, "/") {
		rdns = append(rdns, tlv(0x31, attribute(part)))
	}
	return seq(rdns...)
}

// ext makes an extension under 2.5.29.
func ext(arc byte, critical bool, value ...[]byte) []byte {
	flag := []byte(nil)
	if critical {
		flag = raw("0101ff")
	}
	return seq(raw("0603 551d"), []byte{arc}, flag, tlv(0x04, value...))
}

// The names of a distribution point.
func fullName(names ...string) []byte {
	var list [][]byte
	for _, n := range names {
		if strings.Contains(n, "://") {
			list = append(list, tlv(0x86, []byte(n)))
		} else {
			list = append(list, tlv(0xa4, name(n)))
		}
	}
	return tlv(0xa0, tlv(0xa0, list...))
}

func relativeName(part string) []byte { return tlv(0xa0, tlv(0xa1, attribute(part))) }

func crlIssuer(n string) []byte { return tlv(0xa2, tlv(0xa4, name(n))) }

// cdp makes a cRLDistributionPoints extension; each point is the content of its SEQUENCE.
func cdp(points ...[]byte) []byte {
	var list [][]byte
	for _, p := range points {
		list = append(list, seq(p))
	}
	return ext(31, false, seq(list...))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// The flags of an issuing distribution point, and the reasons in it ([3]) or in a distribution point of a certificate ([1]).
var (
	onlyUser, onlyCA, indirect, onlyAttribute = raw("8101ff"), raw("8201ff"), raw("8401ff"), raw("8501ff")

	compromise, otherReasons       = raw("8302 0560"), raw("8303 071f 80") // keyCompromise, cACompromise · all others
	affiliation                    = raw("8302 0410")
	pointCompromise, pointOthers   = raw("8102 0560"), raw("8103 071f 80")
	certSign, crlSign, certAndCRLs = byte(0x04), byte(0x02), byte(0x06)
)

// certificate describes one. Signer defaults to the key with the issuer's name, key to that with the subject's.
type certificate struct {
	subject, issuer, key, signer string
	serial                       []byte // content octets; default made of the subject
	ca                           bool
	usage                        byte // 0: no keyUsage
	version1                     bool
	extensions                   [][]byte
	from, until                  time.Time
}

var p256SHA256 = raw("300a 0608 2a8648ce3d040302")

func (k *kit) cert(c certificate) *x509.Certificate {
	k.t.Helper()
	if c.key == "" {
		c.key = c.subject
	}
	if c.signer == "" {
		c.signer = c.issuer
	}
	if c.serial == nil {
		c.serial = append([]byte{1}, keyID(c.subject + c.key + c.issuer)[:8]...)
	}
	if c.from.IsZero() {
		c.from, c.until = noon.Add(-24*time.Hour), noon.Add(24*time.Hour)
	}
	spki, err := x509.MarshalPKIXPublicKey(k.key(c.key).Public())
	if err != nil {
		k.t.Fatal(err)
	}
	tbs := [][]byte{raw("a003 020102"), tlv(0x02, c.serial), p256SHA256, name(c.issuer), seq(utc(c.from), utc(c.until)), name(c.subject), spki}
	if c.version1 {
		tbs = tbs[1:]
	} else {
		list := [][]byte{ext(14, false, tlv(0x04, keyID(c.key))), ext(35, false, seq(tlv(0x80, keyID(c.signer))))}
		if c.ca {
			list = append(list, ext(19, true, seq(raw("0101ff"))))
		}
		if c.usage != 0 {
			list = append(list, ext(15, true, raw("0302 01"), []byte{c.usage}))
		}
		tbs = append(tbs, tlv(0xa3, seq(append(list, c.extensions...)...)))
	}
	parsed, err := verify.ParseCertificate(k.sign(seq(tbs...), c.signer))
	if err != nil {
		k.t.Fatalf("%s: %v", c.subject, err)
	}
	return parsed
}

// sign appends algorithm and signature.
func (k *kit) sign(tbs []byte, signer string) []byte {
	sum := sha256.Sum256(tbs)
	signature, err := k.key(signer).Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		k.t.Fatal(err)
	}
	return seq(tbs, p256SHA256, tlv(0x03, []byte{0}, signature))
}

// list describes a CRL. Signer defaults to the key with the issuer's name.
type list struct {
	file           string
	issuer, signer string
	rawIssuer      []byte // instead of issuer
	number, base   int64  // 0: without
	idp            []byte // content of the IDP's SEQUENCE
	entries        [][]byte
	extensions     [][]byte
	this, next     time.Time
	noNext         bool
	version1       bool
	emptyList      bool
	keyID          string // of the authorityKeyIdentifier; default the signer
	broken         bool   // the signature
}

// revoked makes an entry; more are entry extensions.
func revoked(c *x509.Certificate, reason int, more ...[]byte) []byte {
	serial, err := revocation.SerialFromBig(c.SerialNumber)
	if err != nil {
		panic(err)
	}
	if reason > 0 {
		more = append([][]byte{ext(21, false, tlv(0x0a, []byte{byte(reason)}))}, more...)
	}
	e := [][]byte{tlv(0x02, []byte(serial)), utc(noon.Add(-2 * time.Hour))}
	if more != nil {
		e = append(e, seq(more...))
	}
	return seq(e...)
}

// of is the certificateIssuer entry extension.
func of(issuer string) []byte { return ext(29, true, seq(tlv(0xa4, name(issuer)))) }

func integer(n int64) []byte {
	b, err := asn1.Marshal(big.NewInt(n))
	if err != nil {
		panic(err)
	}
	return b
}

func (k *kit) crlDER(l list) []byte {
	if l.signer == "" {
		l.signer = l.issuer
	}
	if l.this.IsZero() {
		l.this = noon.Add(-time.Hour)
	}
	if l.next.IsZero() {
		l.next = noon.Add(time.Hour)
	}
	if l.rawIssuer == nil {
		l.rawIssuer = name(l.issuer)
	}
	if l.keyID == "" {
		l.keyID = l.signer
	}
	tbs := [][]byte{raw("020101"), p256SHA256, l.rawIssuer, utc(l.this)}
	if !l.noNext {
		tbs = append(tbs, utc(l.next))
	}
	if len(l.entries) > 0 || l.emptyList {
		tbs = append(tbs, seq(l.entries...))
	}
	if l.version1 {
		tbs = tbs[1:]
	} else {
		list := append([][]byte{ext(35, false, seq(tlv(0x80, keyID(l.keyID))))}, l.extensions...)
		if l.number > 0 {
			list = append(list, ext(20, false, integer(l.number)))
		}
		if l.base > 0 {
			list = append(list, ext(27, true, integer(l.base)))
		}
		if l.idp != nil {
			list = append(list, ext(28, true, seq(l.idp)))
		}
		tbs = append(tbs, tlv(0xa0, seq(list...)))
	}
	signed := k.sign(seq(tbs...), l.signer)
	if l.broken {
		signed[len(signed)-1] ^= 1
	}
	return signed
}

// world is one case: what is trusted, what is known, what is asked.
type world struct {
	*kit
	root  *x509.Certificate
	pool  []*x509.Certificate
	lists []list
	o     verify.RevocationOptions
}

// newWorld has the root "TA" and its CRL.
func newWorld(t testing.TB) *world {
	w := &world{kit: newKit(t)}
	w.root = w.cert(certificate{subject: "TA", issuer: "TA", ca: true, usage: certAndCRLs})
	w.lists = []list{{issuer: "TA", file: "TA CRL"}}
	return w
}

// ca makes a CA below TA and adds it to the pool.
func (w *world) ca(subject string) *x509.Certificate {
	return w.add(certificate{subject: subject, issuer: "TA", ca: true, usage: certAndCRLs})
}

func (w *world) add(c certificate) *x509.Certificate {
	cert := w.cert(c)
	w.pool = append(w.pool, cert)
	return cert
}

// views decodes the lists as veto verify does.
func (w *world) views(leaf *x509.Certificate) []*verify.CRLView {
	var views []*verify.CRLView
	for _, l := range w.lists {
		collector := verify.Collect(append([]*x509.Certificate{leaf, w.root}, w.pool...))
		crl, err := crlder.Decode(bytes.NewReader(w.crlDER(l)), crlder.Options{}, collector.Add)
		if err != nil {
			w.t.Fatalf("CRL %s: %v", l.file, err)
		}
		views = append(views, collector.View(crl, l.file))
	}
	return views
}

// judge returns the results of the leaf's first path.
func (w *world) judge(leaf *x509.Certificate) []verify.CertRevocation {
	w.t.Helper()
	paths, err := verify.Paths(leaf, w.pool, []*x509.Certificate{w.root}, noon)
	if err != nil {
		w.t.Fatalf("no path: %v", err)
	}
	w.o.Untrusted = w.pool
	return verify.Revocation(paths[0], w.views(leaf), noon, w.o)
}

// want sees that the whole path has a status: the worst of its certificates.
func (w *world) want(leaf *x509.Certificate, want revocation.Status) {
	w.t.Helper()
	got := revocation.Good
	results := w.judge(leaf)
	for _, r := range results {
		if r.Status == revocation.Revoked || r.Status == revocation.Unknown && got == revocation.Good {
			got = r.Status
		}
	}
	if got != want {
		w.t.Errorf("got %s, want %s", got, want)
		for _, r := range results {
			w.t.Logf("%s: %s %s", r.Certificate.Subject, r.Status, r.Detail)
			for _, refused := range r.Refused {
				w.t.Logf("    %s: %v", refused.CRL.Name, refused.Err)
			}
		}
	}
}
