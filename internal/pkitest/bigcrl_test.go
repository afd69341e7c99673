package pkitest

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

func TestBigCRLIsAcceptedByTheStandardLibrary(t *testing.T) {
	ca := newTestCA(t, P256)
	for name, o := range map[string]BigCRLOptions{
		"without entries it is empty":          {},
		"one entry":                            {Entries: 1},
		"a thousand ascending entries":         {Entries: 1000, Seed: 7},
		"a thousand scattered entries":         {Entries: 1000, Seed: 7, Shuffled: true},
		"every entry has a reason":             {Entries: 300, ReasonShare: 1},
		"some entries have a reason":           {Entries: 300, ReasonShare: 0.3},
		"serials of one octet":                 {Entries: 127, SerialOctets: 1, Shuffled: true},
		"serials of twenty octets":             {Entries: 500, SerialOctets: 20},
		"serials of nine octets, another seed": {Entries: 500, SerialOctets: 9, Seed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			list := writeAndParse(t, ca, o)
			if got := len(list.RevokedCertificateEntries); got != o.Entries {
				t.Fatalf("%d entries, want %d", got, o.Entries)
			}
			checkEntries(t, list, o)
		})
	}
}

func checkEntries(t *testing.T, list *x509.RevocationList, o BigCRLOptions) {
	t.Helper()
	octets := o.SerialOctets
	if octets == 0 {
		octets = 16
	}
	want := map[string]bool{}
	for i := range o.Entries {
		serial, err := BigCRLSerial(o, i)
		if err != nil {
			t.Fatal(err)
		}
		want[string(serial)] = true
	}
	if len(want) != o.Entries {
		t.Fatalf("%d different serials, want %d", len(want), o.Entries)
	}
	ascending, reasons := true, 0
	var last *big.Int
	for _, e := range list.RevokedCertificateEntries {
		serial := e.SerialNumber.FillBytes(make([]byte, octets))
		if serial[0] == 0 || serial[0] >= 0x80 || !want[string(serial)] {
			t.Fatalf("serial %x is not one that BigCRLSerial names, or not of %d octets", serial, octets)
		}
		delete(want, string(serial))
		if last != nil && last.Cmp(e.SerialNumber) >= 0 {
			ascending = false
		}
		last = e.SerialNumber
		if e.ReasonCode != 0 {
			reasons++
		}
		if !e.RevocationTime.Before(list.ThisUpdate) {
			t.Fatalf("revoked at %v, after thisUpdate %v", e.RevocationTime, list.ThisUpdate)
		}
	}
	if o.Entries > 100 && ascending == o.Shuffled {
		t.Errorf("ascending is %v, want %v", ascending, !o.Shuffled)
	}
	if share := float64(reasons) / float64(max(o.Entries, 1)); share < o.ReasonShare-0.1 || share > o.ReasonShare+0.1 {
		t.Errorf("%.2f of the entries have a reason, want %.2f", share, o.ReasonShare)
	}
}

func TestBigCRLIsSignedByEveryKindOfKey(t *testing.T) {
	for _, kind := range []KeyKind{P256, P384, P521, RSA2048} {
		writeAndParse(t, newTestCA(t, kind), BigCRLOptions{Entries: 3})
	}
	if err := WriteBigCRL(&bytes.Buffer{}, newTestCA(t, Ed25519), BigCRLOptions{}); err == nil {
		t.Error("Ed25519 was not refused")
	}
}

func TestBigCRLHasTheSameEntriesForTheSameSeed(t *testing.T) {
	ca := newTestCA(t, RSA2048)
	o := BigCRLOptions{Entries: 50, Seed: 3, ReasonShare: 0.5, Number: big.NewInt(77), ThisUpdate: time.Unix(1.7e9, 0), NextUpdate: time.Unix(1.8e9, 0)}
	var a, b bytes.Buffer
	if WriteBigCRL(&a, ca, o) != nil || WriteBigCRL(&b, ca, o) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two CRLs from the same options differ")
	}
	list := writeAndParse(t, ca, o)
	if list.Number.Int64() != 77 || !list.ThisUpdate.Equal(o.ThisUpdate) || !list.NextUpdate.Equal(o.NextUpdate) {
		t.Errorf("number %v, thisUpdate %v, nextUpdate %v are not those asked for", list.Number, list.ThisUpdate, list.NextUpdate)
	}
}

func TestImpossibleBigCRLsAreRefused(t *testing.T) {
	for name, o := range map[string]BigCRLOptions{
		"more entries than serials":   {Entries: 128, SerialOctets: 1},
		"serials of 65 octets":        {SerialOctets: 65},
		"a share of reasons beyond 1": {ReasonShare: 1.5},
		"a negative number":           {Entries: -1},
	} {
		if err := WriteBigCRL(&bytes.Buffer{}, newTestCA(t, P256), o); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
}

func newTestCA(t *testing.T, kind KeyKind) *CA {
	t.Helper()
	ca, err := NewCA(CAOptions{Key: kind})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func writeAndParse(t *testing.T, ca *CA, o BigCRLOptions) *x509.RevocationList {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBigCRL(&b, ca, o); err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(ca.Certificate); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBigCRLForHostileUse(t *testing.T) {
	ca := newTestCA(t, P256)
	o := BigCRLOptions{Entries: 301, Descending: true, Repeats: 3}
	list := writeAndParse(t, ca, o)
	for i, e := range list.RevokedCertificateEntries {
		want, err := BigCRLSerial(o, (300-i)/3)
		if err != nil || string(e.SerialNumber.Bytes()) != string(want) {
			t.Fatalf("entry %d has serial %x, want %x, %v", i, e.SerialNumber, want, err)
		}
	}
	if _, err := BigCRLSerial(o, 101); err == nil {
		t.Error("301 entries with three for each serial have more than 101 serials")
	}
	var b bytes.Buffer
	if err := WriteBigCRL(&b, ca, BigCRLOptions{Entries: 2, BadSignature: true, SerialOctets: 20}); err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(b.Bytes())
	if err != nil || list.CheckSignatureFrom(ca.Certificate) == nil {
		t.Errorf("the bad signature is good, %v", err)
	}
}
