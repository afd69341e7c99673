package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mirror "github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

// snapshotKeys makes a key pair; the public one in PEM.
func snapshotKeys(t *testing.T) (ed25519.PrivateKey, []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Who asks for signed snapshots takes no other.
func TestMirrorsThatWantSignedSnapshotsTakeNoOther(t *testing.T) {
	r := testRig(t, 0)
	private, text := snapshotKeys(t)
	_, other := snapshotKeys(t)
	key, err := mirror.ParseSnapshotKey(text)
	if err != nil {
		t.Fatal(err)
	}
	r.revoke("home", "\x01", revocation.Superseded)
	problem := func(o mirror.MirrorOptions) string {
		said := make(chan error, 100)
		o.OnProblem = func(err error) {
			select {
			case said <- err:
			default:
			}
		}
		m := r.mirror(o)
		defer m.end()
		select {
		case err := <-said:
			if m.Status().Entries != 0 {
				t.Errorf("the snapshot was taken in spite of %v", err)
			}
			return err.Error()
		case <-m.Ready():
			return ""
		}
	}
	if got := problem(mirror.MirrorOptions{SnapshotKey: key}); !strings.Contains(got, "api.snapshot_key") {
		t.Errorf("of a snapshot that is not signed: %q", got)
	}
	r.api.SetSnapshotKey(private)
	if got := problem(mirror.MirrorOptions{SnapshotKey: key}); got != "" {
		t.Errorf("of a snapshot signed with the key: %q", got)
	}
	if got := problem(mirror.MirrorOptions{}); got != "" {
		t.Errorf("who does not ask for a signature takes a signed snapshot: %q", got)
	}
	stranger, err := mirror.ParseSnapshotKey(other)
	if err != nil {
		t.Fatal(err)
	}
	if got := problem(mirror.MirrorOptions{SnapshotKey: stranger}); !strings.Contains(got, "another key") {
		t.Errorf("of a snapshot signed with another key: %q", got)
	}
}

func TestSyncHAProxyTakesSnapshotsOfTheKeyOnly(t *testing.T) {
	fake := newFakeHAProxy(t)
	r := testRig(t, 0)
	private, text := snapshotKeys(t)
	file := filepath.Join(t.TempDir(), "snapshot.pub")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r.api.SetSnapshotKey(private)
	r.revoke("corp", "\x0a\x0b", revocation.Superseded)
	start(t, "sync", "haproxy", "--server", r.server.URL, "--socket", fake.socket, "--acl", "revoked.acl", "--snapshot-key", file)
	until(t, "a revocation", func() bool { return fake.holds("0A0B") })
	if code := run(t.Context(), []string{"sync", "haproxy", "--server", r.server.URL, "--socket", fake.socket, "--acl", "revoked.acl", "--snapshot-key", fake.socket + ".no"}, io.Discard, io.Discard); code == exitYes {
		t.Error("a key that is not there was passed over")
	}
}

// A configuration's key signs, and another one's as soon as it is in force.
func TestTheConfiguredKeySignsSnapshots(t *testing.T) {
	dir := t.TempDir()
	readmeFiles(t, dir)
	private, text := snapshotKeys(t)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("snapshot.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	config := file("veto.yaml", "data_dir: data\npublic: {listen: '127.0.0.1:0'}\napi: {listen: '127.0.0.1:0', snapshot_key: snapshot.key}\n"+
		"issuers: [{name: corp, certificate: ca.pem}]\n")
	out, log := startRun(t, "serve", "--config", config)
	_, api := readAddresses(t, out, log.String)
	key, err := mirror.ParseSnapshotKey(text)
	if err != nil {
		t.Fatal(err)
	}
	m := runMirror(t, api, mirror.MirrorOptions{SnapshotKey: key})
	defer m.end()
	<-m.Ready()
}
