package crlder_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

func TestDecodeReturnsWhatTheCRLSays(t *testing.T) {
	der := sound().der()
	crl, list := mustDecode(t, der)
	at := time.Date(2025, 12, 24, 6, 7, 8, 0, time.UTC).Unix()
	want := []listed{
		{"01", revocation.Record{RevokedAt: at}},
		{"7f02", revocation.Record{RevokedAt: at, Reason: revocation.KeyCompromise}},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	name, err := crl.Issuer()
	tbs := der[3 : len(der)-len(sound().outer)-len(sound().signature)]
	digest := sha256.Sum256(tbs)
	for what, ok := range map[string]bool{
		"version":              crl.Version == 2,
		"issuer":               err == nil && name.CommonName == "Issuer",
		"thisUpdate":           crl.ThisUpdate.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		"nextUpdate":           crl.NextUpdate.Equal(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)),
		"algorithm":            crl.SignatureAlgorithmName() == "ecdsa-with-SHA256" && crl.Algorithm.Hash == crypto.SHA256,
		"kind":                 crl.Algorithm.Kind == crlder.ECDSA && crl.Algorithm.Problem == "",
		"signature":            len(crl.Signature) == 8,
		"number":               crl.Number.String() == "7",
		"complete":             !crl.IsDelta() && !crl.IsIndirect(),
		"entries":              crl.Entries == 2,
		"reasons":              crl.Reasons[0] == 1 && crl.Reasons[1] == 1,
		"extensions":           len(crl.Extensions) == 1 && crl.Extensions[0].OID.String() == "2.5.29.20",
		"not odd":              crl.Oddities() == nil,
		"size":                 crl.Size == int64(len(der)),
		"SHA-256":              crl.SHA256 == sha256.Sum256(der),
		"digest of the signed": bytes.Equal(crl.Digest, digest[:]),
		"DER":                  !crl.PEM,
	} {
		if !ok {
			t.Errorf("%s is wrong in %+v", what, crl)
		}
	}
}

func TestDecodeRefusesEveryTruncation(t *testing.T) {
	der := sound().der()
	for n := range der {
		crl, _, err := decode(der[:n])
		if crl != nil || revocation.RuleOf(err, "") != "truncated" {
			t.Fatalf("the first %d of %d octets: got %v, want the rule truncated", n, len(der), err)
		}
	}
}

func TestDecodeRefusesEveryTruncationOfPEM(t *testing.T) {
	text := wrap(sound().der())
	for n := range len(text) - 1 { // the last new line may be missing
		crl, _, err := decode(text[:n])
		if rule := revocation.RuleOf(err, ""); crl != nil || rule != "truncated" && rule != "parse" {
			t.Fatalf("the first %d of %d characters: got %v", n, len(text), err)
		}
	}
}

// Whatever single octet is changed, the decoder ends with a verdict, and what it accepts has other digests.
func TestDecodeSurvivesEveryChangedOctet(t *testing.T) {
	der := sound().der()
	good, _ := mustDecode(t, der)
	for i := range der {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			changed := bytes.Clone(der)
			changed[i] ^= flip
			crl, _, err := decode(changed)
			if err != nil {
				if revocation.RuleOf(err, "") == "" {
					t.Fatalf("octet %d changed by %#x: %v is no refusal", i, flip, err)
				}
				continue
			}
			if crl.SHA256 == good.SHA256 {
				t.Fatalf("octet %d changed by %#x: same SHA-256", i, flip)
			}
		}
	}
}

func TestDecodeReadsPEM(t *testing.T) {
	der := sound().der()
	plain, _ := mustDecode(t, der)
	text := string(wrap(der))
	body := strings.TrimSuffix(strings.TrimPrefix(text, "-----BEGIN X509 CRL-----\n"), "-----END X509 CRL-----\n")
	for name, in := range map[string]string{
		"as written by most":        text,
		"with CR LF":                strings.ReplaceAll(text, "\n", "\r\n"),
		"after explanatory text":    "Certificate Revocation List (CRL):\n  Version 2\n" + text,
		"with one long line":        "-----BEGIN X509 CRL-----\n" + strings.ReplaceAll(body, "\n", "") + "\n-----END X509 CRL-----\n",
		"with trailing white space": text + "\n \t\r\n",
		"without a last new line":   strings.TrimSpace(text),
	} {
		t.Run(name, func(t *testing.T) {
			crl, list := mustDecode(t, []byte(in))
			if !crl.PEM || crl.SHA256 != plain.SHA256 || crl.Size != plain.Size || len(list) != 2 {
				t.Errorf("PEM %v, size %d, %d entries; want the CRL inside", crl.PEM, crl.Size, len(list))
			}
		})
	}
	for name, in := range map[string]string{
		"text after the CRL":         text + "more",
		"a second CRL":               text + text,
		"another kind of PEM":        strings.ReplaceAll(text, "X509 CRL", "CERTIFICATE"),
		"a character outside base64": strings.Replace(text, "M", "!", 1),
		"PEM headers":                strings.Replace(text, "\n", "\nProc-Type: 4\n\n", 1),
		"HTML":                       "<!DOCTYPE html><html><body>maintenance</body></html>",
		"spaces only":                "    ",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if _, _, err := decode([]byte(in)); revocation.RuleOf(err, "") != "parse" {
				t.Errorf("got %v, want the rule parse", err)
			}
		})
	}
}

func TestDecodeReadsInAnyPortions(t *testing.T) {
	der := manyEntries(40_000)
	whole, want := mustDecode(t, der)
	if len(want) != 40_000 {
		t.Fatalf("%d entries, want 40000", len(want))
	}
	for name, r := range map[string]io.Reader{
		"odd portions":      &portions{b: der, n: 7919},
		"data with the EOF": iotest.DataErrReader(bytes.NewReader(der)),
		"half portions":     iotest.HalfReader(bytes.NewReader(der)),
	} {
		i := 0
		crl, err := crlder.Decode(r, crlder.Options{}, func(r *revocation.Record) error {
			if i < len(want) && want[i].RevokedAt == r.RevokedAt && want[i].Reason == r.Reason {
				i++
			}
			return nil
		})
		if err != nil || i != len(want) || crl.SHA256 != whole.SHA256 || !bytes.Equal(crl.Digest, whole.Digest) {
			t.Errorf("%s: %v, %d equal entries of %d", name, err, i, len(want))
		}
	}
}

// The serials of entries across the border of two chunks are whole.
func TestDecodePassesEntriesWholeAcrossChunks(t *testing.T) {
	_, list := mustDecode(t, manyEntries(40_000))
	for i, e := range list {
		if want := wantSerial(i); e.Serial != want {
			t.Fatalf("entry %d has serial %s, want %s", i, e.Serial, want)
		}
	}
}

func TestDecodeWrapsTheErrorOfTheReader(t *testing.T) {
	broken := errors.New("connection reset")
	for _, n := range []int{0, 1, 2, 50, 20_000, 400_000} {
		r := io.MultiReader(bytes.NewReader(manyEntries(40_000)[:n]), iotest.ErrReader(broken))
		if _, err := crlder.Decode(r, crlder.Options{}, nil); !errors.Is(err, broken) {
			t.Errorf("after %d octets: got %v, want the reader's error inside", n, err)
		}
	}
	r := io.MultiReader(bytes.NewReader(sound().der()), iotest.ErrReader(broken))
	if _, err := crlder.Decode(r, crlder.Options{}, nil); !errors.Is(err, broken) {
		t.Errorf("after the CRL: got %v, want the reader's error inside", err)
	}
}

func TestDecodeEndsWithTheErrorOfTheCallback(t *testing.T) {
	full := errors.New("disk full")
	calls := 0
	_, err := crlder.Decode(bytes.NewReader(manyEntries(40_000)), crlder.Options{}, func(*revocation.Record) error {
		if calls++; calls == 30_000 {
			return full
		}
		return nil
	})
	if err != full || calls != 30_000 {
		t.Errorf("got %v after %d calls, want the callback's error after 30000", err, calls)
	}
}

// A length of a tebibyte over a few octets must not be believed.
func TestDecodeAllocatesNothingForALengthThatLies(t *testing.T) {
	lying := fromHex("30 84 7fffffff 30 84 7ffffff0 02 01 01 30 05 06 03 2b6570 30")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := decode(lying)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 1<<20 {
		t.Errorf("%d octets were allocated for %d octets of input", allocated, len(lying))
	}
	if revocation.RuleOf(err, "") != "truncated" {
		t.Errorf("got %v, want the rule truncated", err)
	}
}

func TestDecodeKeepsOrDropsWhatEd25519Signs(t *testing.T) {
	p := sound()
	p.inner = fromHex("30 05 06 03 2b6570")
	p.outer = p.inner
	der := p.der()
	crl, _ := mustDecode(t, der)
	if want := der[3 : len(der)-len(p.outer)-len(p.signature)]; !bytes.Equal(crl.Signed, want) || crl.Digest != nil {
		t.Errorf("kept %x, want the signed part %x", crl.Signed, want)
	}
	short, err := crlder.Decode(bytes.NewReader(der), crlder.Options{MaxKept: 16}, nil)
	if err != nil || short.Signed != nil || !strings.Contains(short.Algorithm.Problem, "Ed25519") {
		t.Errorf("beyond the limit: error %v, problem %q; want it decoded with a problem", err, short.Algorithm.Problem)
	}
}

func wrap(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}) }

func manyEntries(n int) []byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = entry(wantSerial(i), map[bool][]byte{true: reason(byte(i % 7))}[i%3 == 0])
	}
	p := sound()
	p.revoked = seq(list...)
	return p.der()
}

func wantSerial(i int) string {
	return "4" + strings.Repeat("0", i%10*2) + string("0123456789abcdef"[i%16]) + "0" + string("0123456789abcdef"[i/16%16])
}

// portions reads n octets at a time.
type portions struct {
	b []byte
	n int
}

func (p *portions) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.b)
	p.b = p.b[n:]
	return n, nil
}

// TestBeginIsCalledOnceBeforeTheFirstEntry: whoever filters entries has to know by then whose they are.
func TestBeginIsCalledOnceBeforeTheFirstEntry(t *testing.T) {
	without := sound()
	without.revoked = nil
	for name, der := range map[string][]byte{"two entries": sound().der(), "no entries": without.der()} {
		var calls, entries int
		o := crlder.Options{Begin: func(crl *crlder.CRL) error {
			calls++
			year := crl.ThisUpdate.Year()
			if issuer, err := crl.Issuer(); err != nil || issuer.CommonName != "Issuer" || year != 2026 || crl.NextUpdate.IsZero() || entries > 0 {
				t.Errorf("%s: after %d entries Begin got %+v", name, entries, crl)
			}
			return nil
		}}
		_, err := crlder.Decode(bytes.NewReader(der), o, func(*revocation.Record) error { entries++; return nil })
		if err != nil || calls != 1 {
			t.Errorf("%s: Begin was called %d times, %v", name, calls, err)
		}
	}
	stop := errors.New("not ours")
	_, err := crlder.Decode(bytes.NewReader(sound().der()), crlder.Options{Begin: func(*crlder.CRL) error { return stop }}, func(*revocation.Record) error {
		t.Error("an entry was passed on")
		return nil
	})
	if err != stop {
		t.Errorf("got %v, want the error of Begin as it is", err)
	}
}
