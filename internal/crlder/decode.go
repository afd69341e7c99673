package crlder

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Options tune Decode. The zero value is good.
type Options struct {
	// MaxKept bounds the octets kept of a CRL signed with Ed25519, which signs the list and not a digest of it. A longer one
	// decodes, but its signature cannot be verified. Zero means 64 MiB.
	MaxKept int64

	// Begin is called once, before the first entry if there is any, with what is known by then: Version, RawIssuer, Algorithm,
	// ThisUpdate and NextUpdate. An error of it ends the decoding and is returned as it is. nil: not asked for.
	Begin func(*CRL) error
}

const defaultMaxKept = 64 << 20

// Decode reads one CRL, DER or PEM, to the end of r. Each entry is passed to entry as it comes; the record and its serial are
// valid during the call only. An error of entry ends the decoding and is returned as it is; an error of r is wrapped;
// everything else is a [revocation.Refusal]. A nil entry only counts.
func Decode(r io.Reader, o Options, entry func(*revocation.Record) error) (*CRL, error) {
	plain, wrapped, err := unwrap(r)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		entry = func(*revocation.Record) error { return nil }
	}
	d := &decoder{src: newSource(plain), entry: entry, options: o, crl: &CRL{PEM: wrapped}}
	defer d.src.stop()
	for _, step := range steps {
		if err := step(d); err != nil {
			return nil, err
		}
	}
	return d.crl, nil
}

// steps walk a CertificateList from its first octet to its last (RFC 5280 §5.1):
//
//	CertificateList ::= SEQUENCE { tbsCertList TBSCertList, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
//	TBSCertList ::= SEQUENCE {
//	    version Version OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time, nextUpdate Time OPTIONAL,
//	    revokedCertificates SEQUENCE OF SEQUENCE {…} OPTIONAL, crlExtensions [0] EXPLICIT Extensions OPTIONAL }
var steps = [...]func(*decoder) error{
	(*decoder).open,
	(*decoder).version,
	(*decoder).innerAlgorithm,
	(*decoder).startDigests,
	(*decoder).issuer,
	(*decoder).thisUpdate,
	(*decoder).nextUpdate,
	(*decoder).begin,
	(*decoder).revokedCertificates,
	(*decoder).crlExtensions,
	(*decoder).closeSigned,
	(*decoder).outerAlgorithm,
	(*decoder).signature,
	(*decoder).finish,
}

// decoder is one CRL being read.
type decoder struct {
	src     *source
	entry   func(*revocation.Record) error
	options Options
	crl     *CRL

	outer, tbs region
	clock      clock
	seen       [][]byte          // identifiers of the list of extensions being read
	rec        revocation.Record // passed to entry, again and again
	sum        func()            // puts the digests into crl, once they stopped
}

func (d *decoder) open() (err error) {
	if d.outer, err = d.src.open(tagSequence, math.MaxInt64, "CertificateList"); err != nil {
		return err
	}
	d.src.total, d.crl.Size = d.outer.end, d.outer.end
	d.tbs, err = d.src.open(tagSequence, d.outer.end, "tbsCertList")
	return err
}

// version is absent in version 1 and INTEGER 1 in version 2 (§5.1.2.1).
func (d *decoder) version() error {
	d.crl.Version = 1
	if tag, err := d.src.next(d.tbs.end); err != nil || tag != tagInteger {
		return err
	}
	v, _, err := d.src.element(tagInteger, d.tbs.end, "version")
	if err != nil {
		return err
	}
	if len(v.b) != 1 || v.b[0] != 1 {
		return malformed(v.off, "RFC 5280 §5.1.2.1", "version is 0x%x: it must be 1 for a v2 CRL and absent for a v1 CRL", v.b)
	}
	d.crl.Version = 2
	return nil
}

func (d *decoder) innerAlgorithm() error {
	content, raw, err := d.src.element(tagSequence, d.tbs.end, "tbsCertList.signature")
	if err != nil {
		return err
	}
	d.crl.RawAlgorithm = bytes.Clone(raw)
	d.crl.Algorithm, err = parseAlgorithm(content)
	return err
}

// startDigests begins to hash, or keep, what was read so far and all that follows. Everything up to here lies in the first
// chunk, unless somebody made the algorithm identifier larger than that.
func (d *decoder) startDigests() error {
	if d.src.made > 1 {
		return malformed(d.tbs.start, "RFC 5280 §5.1.1.2", "tbsCertList.signature is larger than %d octets", firstChunk)
	}
	whole, crl := sha256.New(), d.crl
	list := []*digest{newDigest(whole, 0, math.MaxInt64)}
	d.sum = func() { whole.Sum(crl.SHA256[:0]) }

	switch alg := &crl.Algorithm; {
	case alg.Problem != "":
	case alg.Kind == Ed25519:
		size, limit := d.tbs.end-d.tbs.start, d.options.MaxKept
		if limit == 0 {
			limit = defaultMaxKept
		}
		if size > limit {
			alg.Problem = fmt.Sprintf("Ed25519 signs the whole list, and this one has %d octets, more than the %d that are kept for "+
				"it; ask the CA to sign with ECDSA or to split the list", size, limit)
			break
		}
		kept := &keeper{size: int(size)}
		list = append(list, &digest{from: d.tbs.start, to: d.tbs.end, write: kept.write})
		d.sum = func() { whole.Sum(crl.SHA256[:0]); crl.Signed = kept.b }
	default:
		signed := alg.Hash.New()
		list = append(list, newDigest(signed, d.tbs.start, d.tbs.end))
		d.sum = func() { whole.Sum(crl.SHA256[:0]); crl.Digest = signed.Sum(nil) }
	}
	d.src.digest(list...)
	return nil
}

// issuer must not be empty (§5.1.2.3).
func (d *decoder) issuer() error {
	name, raw, err := d.src.element(tagSequence, d.tbs.end, "issuer")
	if err != nil {
		return err
	}
	if name.empty() {
		return malformed(name.off, "RFC 5280 §5.1.2.3", "issuer is an empty name")
	}
	d.crl.RawIssuer = bytes.Clone(raw)
	return checkName(name)
}

func (d *decoder) thisUpdate() error {
	tag, err := d.src.next(d.tbs.end)
	if err != nil {
		return err
	}
	if tag != tagGeneralizedTime {
		tag = tagUTCTime
	}
	d.crl.ThisUpdate, err = d.time(tag, "thisUpdate")
	return err
}

func (d *decoder) nextUpdate() error {
	tag, err := d.src.next(d.tbs.end)
	if err != nil || tag != tagUTCTime && tag != tagGeneralizedTime {
		return err
	}
	d.crl.NextUpdate, err = d.time(tag, "nextUpdate")
	return err
}

func (d *decoder) begin() error {
	if d.options.Begin == nil {
		return nil
	}
	return d.options.Begin(d.crl)
}

func (d *decoder) time(tag byte, what string) (time.Time, error) {
	t, _, err := d.src.element(tag, d.tbs.end, what)
	if err != nil {
		return time.Time{}, err
	}
	at, err := d.readTime(tag, t, what)
	return time.Unix(at, 0).UTC(), err
}

// readTime reads a Time (§4.1.2.5) and counts a GeneralizedTime that had to be a UTCTime.
func (d *decoder) readTime(tag byte, t der, what string) (int64, error) {
	at, ok := d.clock.read(tag, t.b)
	if !ok {
		return 0, malformed(t.off, "RFC 5280 §4.1.2.5", "%s %.20q is neither YYMMDDHHMMSSZ (UTCTime) nor YYYYMMDDHHMMSSZ "+
			"(GeneralizedTime) of a moment that exists", what, t.b)
	}
	const year2050 = 2524608000
	if tag == tagGeneralizedTime && at < year2050 {
		d.crl.Odd.EarlyGeneralizedTimes++
	}
	return at, nil
}

func (d *decoder) closeSigned() error { return d.src.close(d.tbs.end, "tbsCertList") }

// outerAlgorithm must be the inner one, octet for octet (§5.1.1.2): it is not covered by the signature.
func (d *decoder) outerAlgorithm() error {
	at := d.src.off
	_, raw, err := d.src.element(tagSequence, d.outer.end, "signatureAlgorithm")
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, d.crl.RawAlgorithm) {
		return revocation.Refuse("algorithm", "RFC 5280 §5.1.1.2",
			"CRL octet %d: signatureAlgorithm differs from the algorithm inside the signed part", at)
	}
	return nil
}

func (d *decoder) signature() error {
	bits, _, err := d.src.element(tagBitString, d.outer.end, "signatureValue")
	if err != nil {
		return err
	}
	if len(bits.b) < 2 || bits.b[0] != 0 {
		return malformed(bits.off, "RFC 5280 §5.1.1.3", "signatureValue is not a BIT STRING of whole octets")
	}
	d.crl.Signature = bytes.Clone(bits.b[1:])
	return d.src.close(d.outer.end, "CertificateList")
}

// finish sees that nothing follows, and collects the digests.
func (d *decoder) finish() error {
	if len(d.src.buf) == 0 {
		d.src.more()
	}
	if len(d.src.buf) > 0 {
		return malformed(d.src.off, "RFC 5280 §5.1", "octets follow the end of the CRL; a file holds one CRL and nothing else")
	}
	if err := d.src.readErr; err != io.EOF {
		return readFailed(err)
	}
	d.src.stop()
	d.sum()
	if !d.crl.IsDelta() {
		d.crl.Odd.RemovalsInComplete = d.crl.Reasons[revocation.RemoveFromCRL]
	}
	return nil
}
