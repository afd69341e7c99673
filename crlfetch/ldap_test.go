package crlfetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/vetopki/veto/internal/pkitest"
)

// newDirectoryRig is a rig whose source is an entry of a directory.
func newDirectoryRig(t *testing.T, query string) (*rig, *directory) {
	r, d := newRigWithoutServer(t), newDirectory(t, nil)
	r.src.URL = "ldap://" + d.address() + "/CN=Corp%20CA,DC=corp" + query
	return r, d
}

func TestACRLIsReadFromADirectory(t *testing.T) {
	r, d := newDirectoryRig(t, "")
	d.hold("certificateRevocationList;binary", r.crl(5, 1, 2))
	if res := r.refresh(); !res.Changed {
		t.Fatalf("the CRL was not taken: %v", res.Err)
	}
	r.wantHeld("5", "01", "02")
	want := []string{"bind :", "search CN=Corp CA,DC=corp base (objectClass=*) certificateRevocationList;binary,certificateRevocationList"}
	if !slices.Equal(d.asked, want) {
		t.Errorf("the directory was asked %q, want %q", d.asked, want)
	}
	if res := r.refresh(); !res.NotModified || res.Bytes == 0 {
		t.Errorf("the same CRL again: %+v, want not modified", res)
	}
}

func TestDirectoriesNameTheAttributeDifferently(t *testing.T) {
	for _, tt := range []struct{ name, query, attribute string }{
		{"without ;binary although it was asked for", "?certificateRevocationList;binary", "certificateRevocationList"},
		{"with ;binary although it was not asked for", "?certificateRevocationList", "certificateRevocationList;binary"},
		{"another attribute", "?deltaRevocationList;binary?base?objectClass=cRLDistributionPoint", "deltaRevocationList;binary"},
		{"the option in capitals", "?authorityRevocationList;BINARY", "authorityRevocationList;binary"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, d := newDirectoryRig(t, tt.query)
			d.hold(tt.attribute, r.crl(5, 1))
			if res := r.refresh(); !res.Changed {
				t.Errorf("the CRL was not taken: %v", res.Err)
			}
		})
	}
}

func TestOfSeveralValuesTheNewestOfTheIssuerCounts(t *testing.T) {
	r, d := newDirectoryRig(t, "")
	other := makeCRL(t, newCA(t, pkitest.CAOptions{Name: "Another CA"}), 9, 9)
	d.hold("certificateRevocationList;binary", r.crl(5, 1), other, r.crl(6, 1, 2), []byte("broken"), r.crl(4))
	if res := r.refresh(); !res.Changed {
		t.Fatalf("no CRL was taken: %v", res.Err)
	}
	r.wantHeld("6", "01", "02")
	if line := r.log.String(); !strings.Contains(line, "level=WARN") || !strings.Contains(line, "broken=1") {
		t.Errorf("the log does not tell of the broken value: %s", line)
	}
}

func TestADirectoryThatDoesNotServe(t *testing.T) {
	for _, tt := range []struct {
		name, rule, says string
		change           func(*directory, *rig)
	}{
		{"an entry without CRL", "ldap", "has no certificateRevocationList", func(d *directory, _ *rig) { d.attributes = nil }},
		{"no such entry", "ldap", "32 No Such Object", func(d *directory, _ *rig) { d.search = ldap.LDAPResultNoSuchObject }},
		{"a referral", "ldap", "not followed", func(d *directory, _ *rig) { d.search = ldap.LDAPResultReferral }},
		{"no anonymous readers", "ldap", "anonymous bind: 48", func(d *directory, _ *rig) { d.bind = ldap.LDAPResultInappropriateAuthentication }},
		{"a value without end", "too-big", "max_bytes allows 1048576", func(d *directory, r *rig) { d.flood, r.src.MaxBytes = true, 1<<20 }},
		{"a value without end and no tighter cap", "too-big", "most read by ldap", func(d *directory, _ *rig) { d.flood = true }},
		{"a directory that never answers", "timeout", "50ms", func(d *directory, r *rig) { d.hang, r.src.Timeout = true, 50*time.Millisecond }},
		{"a CRL over the cap", "too-big", "max_bytes allows 10", func(_ *directory, r *rig) { r.src.MaxBytes = 10 }},
		{"no directory at all", "network", "", func(d *directory, _ *rig) { d.listener.Close() }},
		{"an address that is not allowed", "egress", "egress.deny", func(_ *directory, r *rig) {
			r.src.Egress.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, d := newDirectoryRig(t, "")
			d.hold("certificateRevocationList;binary", r.crl(5, 1, 2))
			if res := r.refresh(); !res.Changed {
				t.Fatal(res.Err)
			}
			d.set(func(d *directory) { tt.change(d, r) })
			res := r.refresh()
			if res.Err == nil || ruleOf(res.Err) != tt.rule || !strings.Contains(res.Err.Error(), tt.says) {
				t.Errorf("the refresh says %v (rule %s), want rule %s and %q", res.Err, ruleOf(res.Err), tt.rule, tt.says)
			}
			if res.Err != nil && strings.Contains(res.Err.Error(), "secret") {
				t.Errorf("the error repeats what the server wrote: %v", res.Err)
			}
			r.wantHeld("5", "01", "02")
		})
	}
}

func TestARefreshFromADirectoryEndsWithItsContext(t *testing.T) {
	r, d := newDirectoryRig(t, "")
	d.hang = true
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if res, _ := r.updater.refresh(ctx, r.src, track{}, trip{}); !errors.Is(res.Err, context.Canceled) {
		t.Errorf("the refresh says %v, want %v", res.Err, context.Canceled)
	}
}

func TestLDAPS(t *testing.T) {
	r := newRigWithoutServer(t)
	server, err := r.ca.Issue(pkitest.LeafOptions{Name: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.Certificate.Raw}, PrivateKey: server.Key}}})
	d.hold("certificateRevocationList;binary", r.crl(5, 1))
	_, port, _ := net.SplitHostPort(d.address())
	r.src.URL = "ldaps://localhost:" + port + "/CN=a"
	if res := r.refresh(); res.Err == nil || ruleOf(res.Err) != "tls" {
		t.Errorf("a server of an unknown authority: %v, want rule tls", res.Err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(r.ca.Certificate)
	r.updater.fetcher.tls.RootCAs = roots
	if res := r.refresh(); !res.Changed {
		t.Errorf("a server of a known authority was refused: %v", res.Err)
	}
	r.src.URL = "ldaps://127.0.0.1:" + port + "/CN=a"
	if res := r.refresh(); res.Err == nil || ruleOf(res.Err) != "tls" {
		t.Errorf("a server of another name: %v, want rule tls", res.Err)
	}
}

func TestAPEMInADirectoryIsReadToo(t *testing.T) {
	r, d := newDirectoryRig(t, "")
	var text bytes.Buffer
	pem.Encode(&text, &pem.Block{Type: "X509 CRL", Bytes: r.crl(5, 1)})
	d.hold("certificateRevocationList", text.Bytes())
	if res := r.refresh(); !res.Changed {
		t.Errorf("the CRL was not taken: %v", res.Err)
	}
}
