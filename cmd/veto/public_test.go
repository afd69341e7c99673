package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// TestPublicListener asks for the CRL, the issuer's certificate and health, as relying parties and caches do.
func TestPublicListener(t *testing.T) {
	dir := t.TempDir()
	crl := readmeFiles(t, dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	public, apiURL := startServe(t, "--data", file("data"),
		"--issuer", "name=corp,cert="+file("ca.pem")+",crl="+file("ca.crl")+",signer="+file("ocsp.pem")+",key="+file("ocsp.key"),
		"--issuer", "name=local,cert="+otherCA(t, dir))
	awaitCRL(t, apiURL, "corp")
	ca, err := readCertificate(file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl})
	for _, row := range []struct {
		fact, method, path string
		code               int
		contentType        string
		body               []byte
	}{
		{"the CRL as the CA signed it", "GET", "/crl/corp.crl", 200, "application/pkix-crl", crl},
		{"the CRL in PEM", "GET", "/crl/corp.pem", 200, "application/x-pem-file", block},
		{"the first of its CRLs", "GET", "/crl/corp/1.crl", 200, "application/pkix-crl", crl},
		{"the first of its CRLs in PEM", "GET", "/crl/corp/1.pem", 200, "application/x-pem-file", block},
		{"there is no second", "GET", "/crl/corp/2.crl", 404, "", nil},
		{"a number has one form", "GET", "/crl/corp/01.crl", 404, "", nil},
		{"zero is no number", "GET", "/crl/corp/0.crl", 404, "", nil},
		{"a word is no number", "GET", "/crl/corp/one.crl", 404, "", nil},
		{"an administered issuer has no CRL", "GET", "/crl/local.crl", 404, "", nil},
		{"an unknown issuer has none", "GET", "/crl/nobody.crl", 404, "", nil},
		{"another ending is not found", "GET", "/crl/corp.txt", 404, "", nil},
		{"a CRL is only read", "POST", "/crl/corp.crl", 405, "", nil},
		{"the issuer's certificate", "GET", "/issuer/corp.cer", 200, "application/pkix-cert", ca.Raw},
		{"no certificate of an unknown issuer", "GET", "/issuer/nobody.cer", 404, "", nil},
		{"health", "GET", "/healthz", 200, "", []byte("alive\n")},
		{"dots lead nowhere", "GET", "/crl/../crl/corp.crl", 404, "", nil},
	} {
		t.Run(row.fact, func(t *testing.T) {
			resp, body := ask(t, row.method, public+row.path, "")
			if resp.StatusCode != row.code {
				t.Fatalf("HTTP %d, want %d: %s", resp.StatusCode, row.code, body)
			}
			if row.contentType != "" && resp.Header.Get("Content-Type") != row.contentType {
				t.Errorf("content type %q, want %q", resp.Header.Get("Content-Type"), row.contentType)
			}
			if row.body != nil && !bytes.Equal(body, row.body) {
				t.Errorf("got %d octets, want %d, or others", len(body), len(row.body))
			}
		})
	}
	t.Run("a cache that has the CRL gets 304", func(t *testing.T) {
		first, _ := ask(t, "GET", public+"/crl/corp.crl", "")
		again, _ := ask(t, "GET", public+"/crl/corp.crl", first.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("HTTP %d, want 304", again.StatusCode)
		}
	})
	t.Run("in PEM too", func(t *testing.T) {
		first, body := ask(t, "GET", public+"/crl/corp.pem", "")
		if first.ContentLength != int64(len(body)) {
			t.Errorf("Content-Length %d, want %d", first.ContentLength, len(body))
		}
		if again, _ := ask(t, "GET", public+"/crl/corp.pem", `"other", W/`+first.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("HTTP %d, want 304", again.StatusCode)
		}
		if other, _ := ask(t, "GET", public+"/crl/corp.pem", `"other"`); other.StatusCode != http.StatusOK {
			t.Errorf("HTTP %d for a tag of something else, want 200", other.StatusCode)
		}
		if head, nothing := ask(t, "HEAD", public+"/crl/corp.pem", ""); head.ContentLength != int64(len(body)) || len(nothing) > 0 {
			t.Errorf("HEAD: Content-Length %d, %d octets", head.ContentLength, len(nothing))
		}
	})
}

// otherCA writes the certificate of a second CA and returns its file.
func otherCA(t *testing.T, dir string) string {
	t.Helper()
	sub := filepath.Join(dir, "other")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	readmeFiles(t, sub)
	return filepath.Join(sub, "ca.pem")
}

func ask(t *testing.T, method, url, etag string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// TestPEMIsWrittenAsOthersWriteIt: of any length, with the length said before.
func TestPEMIsWrittenAsOthersWriteIt(t *testing.T) {
	for n := range 200 {
		der := bytes.Repeat([]byte{0xa5}, n+1)
		var got bytes.Buffer
		out := bufio.NewWriter(&got)
		if err := errors.Join(writePEM(out, bytes.NewReader(der), int64(len(der))), out.Flush()); err != nil {
			t.Fatal(err)
		}
		if want := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}); !bytes.Equal(got.Bytes(), want) || pemSize(int64(len(der))) != int64(len(want)) {
			t.Fatalf("%d octets: %s (size %d), want %s", len(der), got.Bytes(), pemSize(int64(len(der))), want)
		}
	}
	if err := writePEM(bufio.NewWriter(io.Discard), bytes.NewReader([]byte{1}), 2); err == nil {
		t.Error("a file that ends early was written as if it did not")
	}
}
