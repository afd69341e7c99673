package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

func TestEverythingAboutACRLIsKept(t *testing.T) {
	want := &revocation.CRLInfo{Issuer: issuerA, Scope: scopeA, URL: "ldap://dc/CN=x?deltaRevocationList", Number: "\x01\x00", BaseNumber: "\x00",
		ThisUpdate: day, NextUpdate: day.Add(time.Hour), SHA256: [32]byte{1, 2, 3}, Size: 5 << 30, Entries: 17, Retained: 3,
		CRLIssuer: []byte{0x30, 0x00}, AuthorityKeyID: []byte{9}, IDP: []byte{0x30, 0x03, 0x81, 0x01, 0xff}, OnlyKind: revocation.EndEntity,
		OnlyReasons: revocation.AllReasons &^ 2, DistributionPoints: []string{"http://a/", "http://b/"}, FreshestCRL: []string{"http://a/+"}}
	for name, info := range map[string]*revocation.CRLInfo{"all of it": want, "no more than must be": {Issuer: issuerA, Scope: scopeA}} {
		b, err := encodeInfo(info)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeInfo(b)
		if d := cmp.Diff(info, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
	s := open(t, t.TempDir())
	change, err := tryPut(s, want, record("\x01", 4, day))
	if err != nil {
		t.Fatal(err)
	}
	want.Retained = 0 // the store counts for itself
	for _, when := range []string{"at once", "after a restart"} {
		if d := cmp.Diff(want, s.CRLInfo(scopeA)); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
		s = reopen(t, s)
	}
	if d := cmp.Diff(want, change.New); d != "" {
		t.Errorf("the change (-want +got):\n%s", d)
	}
}

func TestADescriptionThatMakesNoSenseIsRefused(t *testing.T) {
	sound, err := encodeInfo(infoOf(issuerA, scopeA, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no JSON": "{", "no issuer": "{}", "a number that is none": `{"number":"0"}`, "a base number that is none": `{"base_number":"x"}`,
		"a kind that is none": string(sound[:len(sound)-1]) + `,"only_kind":4}`,
	} {
		if _, err := decodeInfo([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
