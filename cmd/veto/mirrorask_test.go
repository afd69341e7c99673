package main

import (
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Where an inventory or the CA's own responder has a say, what a mirror has is not everything: it asks the server.
func TestMirrorsAskWhereMoreThanCRLsHasASay(t *testing.T) {
	r := newMirrorRig(t, 0)
	defer r.close()
	asks := func() (list []string) {
		for _, i := range r.mirrored.State().Issuers {
			if i.Ask {
				list = append(list, i.Name)
			}
		}
		return list
	}
	if got := asks(); len(got) > 0 {
		t.Fatalf("mirrors ask for %v before anything else has a say", got)
	}
	home, corp := revocation.IssuerIDOf(rigCAs["home"]), revocation.IssuerIDOf(rigCAs["corp"])
	list, err := r.store.NewInventory(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Add([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := list.Put([32]byte{}, revocation.ChangeNote{By: "test", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if got := asks(); len(got) != 1 || got[0] != "home" {
		t.Errorf("mirrors ask for %v, want home, which has an inventory", got)
	}
	said := revocation.UpstreamFinding{Status: revocation.Revoked, Entry: revocation.Entry{RevokedAt: time.Now()}, ThisUpdate: time.Now(), NextUpdate: time.Now()}
	if _, err := r.store.SaveUpstream(corp, "\x07", said); err != nil {
		t.Fatal(err)
	}
	if got := asks(); len(got) != 2 {
		t.Errorf("mirrors ask for %v, want corp too, of which its own responder revoked a serial", got)
	}
}
