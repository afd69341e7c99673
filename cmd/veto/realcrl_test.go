package main

import (
	"bufio"
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// corpus is a folder of test data that this project did not make.
func corpus(t *testing.T, folder string) string {
	t.Helper()
	root := os.Getenv("VETO_CORPORA")
	if root == "" {
		t.Skip("VETO_CORPORA does not name the test data")
	}
	return filepath.Join(root, folder)
}

// startServe runs `veto serve` in this process and returns the two addresses; it ends with the test.
func startServe(t *testing.T, args ...string) (public, apiURL string) {
	t.Helper()
	out, log := startRun(t, append([]string{"serve", "--public", "127.0.0.1:0", "--api", "127.0.0.1:0"}, args...)...)
	return readAddresses(t, out, log.String)
}

// readAddresses reads what serve prints once it listens.
func readAddresses(t *testing.T, out io.Reader, log func() string) (public, apiURL string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for apiURL == "" && lines.Scan() {
		name, url, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "public":
			public = url
		case "api":
			apiURL = url
		}
	}
	if apiURL == "" {
		t.Fatalf("veto serve ended early: %s", log())
	}
	return public, apiURL
}

// TestRealCRLAnswersAsOpenSSLReadsIt serves Amazon's R2M02 and compares every answer with `openssl crl -text`. The CRL is long
// past its nextUpdate: what it lists is revoked, everything else is unknown.
func TestRealCRLAnswersAsOpenSSLReadsIt(t *testing.T) {
	needPeer(t, "openssl")
	dir := corpus(t, "realworld-crls/amazon")
	www := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer www.Close()
	work := t.TempDir()
	// Amazon's key is Amazon's: the signer is one the relying party trusts locally (RFC 6960 §4.2.2.2, the first case).
	ca, err := pkitest.NewCA(pkitest.CAOptions{Name: "Local responder CA"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: time.Now().Add(48 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&playground{dir: work}).writePair("ocsp", signer.Certificate, signer.Key); err != nil {
		t.Fatal(err)
	}
	public, apiURL := startServe(t, "--data", filepath.Join(work, "data"), "--issuer", fmt.Sprintf(
		"name=r2m02,cert=%s,crl=%s/r2m02.crl,signer=%s,key=%s,trusted=true", filepath.Join(dir, "r2m02.cer"), www.URL,
		filepath.Join(work, "ocsp.pem"), filepath.Join(work, "ocsp.key")))
	awaitCRL(t, apiURL, "r2m02")

	want := opensslEntries(t, filepath.Join(dir, "r2m02.crl"))
	if len(want) != 14102 {
		t.Fatalf("openssl lists %d entries, want 14102", len(want))
	}
	compareByJSON(t, apiURL, "r2m02", want)
	n := 0
	for text, at := range want {
		if n++; n > 300 {
			break
		}
		serial, err := revocation.ParseSerial(text)
		if err != nil {
			t.Fatal(err)
		}
		der := askDER(t, public, ocspRequest(t, dir, serial))
		resp, err := ocsp.ParseResponse(der, nil)
		if err != nil || resp.Status != ocsp.Revoked || !resp.RevokedAt.Equal(at) {
			t.Fatalf("OCSP for %s: %+v, %v; want revoked at %s", text, resp, err, at)
		}
	}
	t.Run("unlisted", func(t *testing.T) {
		serial, _ := revocation.ParseSerial("00112233445566778899")
		if der := askDER(t, public, ocspRequest(t, dir, serial)); !bytes.Equal(der, ocsp.TryLaterErrorResponse) {
			t.Errorf("OCSP for an unlisted serial: %x, want tryLater", der)
		}
		var got api.StatusObject
		getJSON(t, apiURL+"/v1/status/r2m02/"+serial.String(), &got)
		if got.Status != "unknown" || got.Because != "stale" {
			t.Errorf("JSON for an unlisted serial: %s because %s, want unknown because stale", got.Status, got.Because)
		}
	})
	t.Run("demo certificates", func(t *testing.T) {
		for name, want := range map[string]string{"revoked.rootca1": "revoked", "valid.rootca1": "unknown"} {
			pemBytes, err := os.ReadFile(filepath.Join(dir, name+".demo.amazontrust.com.cer"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Post(apiURL+"/v1/status", "application/pkix-cert", bytes.NewReader(pemBytes))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !strings.Contains(string(body), `"status":"`+want+`"`) {
				t.Errorf("%s: %s, want %s", name, body, want)
			}
		}
	})
}

func awaitCRL(t *testing.T, apiURL, issuer string) {
	t.Helper()
	for range 6000 {
		var r api.IssuerReport
		getJSON(t, apiURL+"/v1/issuers/"+issuer, &r)
		if len(r.Sources) == 1 && r.Sources[0].Freshness != "none" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no CRL of %s came into force", issuer)
}

func getJSON(t *testing.T, url string, out any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatalf("%s: HTTP %d: %v", url, resp.StatusCode, err)
	}
}

// opensslEntries reads serials and dates from what openssl prints of a CRL.
func opensslEntries(t *testing.T, file string) map[string]time.Time {
	t.Helper()
	out, err := exec.Command("openssl", "crl", "-inform", "DER", "-in", file, "-noout", "-text").Output()
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]time.Time{}
	var serial string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "Serial Number: "); ok {
			serial = s
		}
		if d, ok := strings.CutPrefix(line, "Revocation Date: "); ok {
			at, err := time.Parse("Jan _2 15:04:05 2006 MST", d)
			if err != nil {
				t.Fatal(err)
			}
			entries[serial] = at
		}
	}
	return entries
}

func compareByJSON(t *testing.T, apiURL, issuer string, want map[string]time.Time) {
	t.Helper()
	var serials []string
	for s := range want {
		serials = append(serials, s)
	}
	for len(serials) > 0 {
		n := min(len(serials), 10_000)
		var q api.StatusQueries
		for _, s := range serials[:n] {
			q.Queries = append(q.Queries, api.StatusQuery{Issuer: issuer, Serial: s})
		}
		body, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(apiURL+"/v1/status", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var got api.StatusResults
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil || len(got.Results) != n {
			t.Fatalf("HTTP %d, %d results for %d queries: %v", resp.StatusCode, len(got.Results), n, err)
		}
		for i, r := range got.Results {
			if r.Status != "revoked" || r.Because != "crl" || r.Fresh || !r.RevokedAt.Equal(want[serials[i]]) {
				t.Fatalf("%s: %+v, want revoked because crl at %s, not fresh", serials[i], r, want[serials[i]])
			}
		}
		serials = serials[n:]
	}
}

func ocspRequest(t *testing.T, dir string, serial revocation.Serial) []byte {
	t.Helper()
	issuer, err := readCertificate(filepath.Join(dir, "r2m02.cer"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := ocspder.CertIDFor(crypto.SHA1, issuer, serial)
	if err != nil {
		t.Fatal(err)
	}
	req, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func askDER(t *testing.T, public string, req []byte) []byte {
	t.Helper()
	resp, err := http.Post(public+"/ocsp", "application/ocsp-request", bytes.NewReader(req))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	der, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d, %v", resp.StatusCode, err)
	}
	return der
}
