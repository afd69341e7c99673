package main

import (
	"bufio"
	"bytes"
	"crypto"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// TestJavaBelievesWhatItAsks asks by Java's own path validation, which verifies the answer and the nonce.
func TestJavaBelievesWhatItAsks(t *testing.T) {
	if testing.Short() {
		t.Skip("Java takes seconds to start")
	}
	needPeer(t, "javac") // which runs a source file
	g := newGatewayRig(t)
	out, err := exec.CommandContext(t.Context(), "java", "-XX:TieredStopAtLevel=1", "testdata/java/Check.java", g.file("ca.pem"), g.public+"/ocsp",
		g.file("good.pem"), g.file("bad.pem")).CombinedOutput()
	const want = "good, with a nonce good\nrevoked KEY_COMPROMISE, with a nonce revoked KEY_COMPROMISE\n"
	if err != nil || string(out) != want {
		t.Errorf("got %q %v, want %q", out, err, want)
	}
}

// TestNSSBelievesWhatItAsks asks by the library of Firefox and Thunderbird, at the responder that the certificate names.
func TestNSSBelievesWhatItAsks(t *testing.T) {
	needPeer(t, "ocspclnt")
	needPeer(t, "certutil")
	g := newGatewayRig(t)
	nss := func(name string, args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), name, append(args, "-d", g.file("nss"))...).CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) {
		t.Helper()
		if out, err := nss("certutil", args...); err != nil {
			t.Fatalf("certutil %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	g.check(os.Mkdir(g.file("nss"), 0o700))
	must("-N", "--empty-password")
	must("-A", "-n", "ca", "-t", "CT,CT,CT", "-a", "-i", g.file("ca.pem"))
	leaf, err := g.ca.Issue(pkitest.LeafOptions{Name: "leaf.test", OCSPServer: []string{g.public + "/ocsp"}})
	g.check(err)
	g.pair("leaf", leaf.Certificate, leaf.Key)
	must("-A", "-n", "leaf", "-t", ",,", "-a", "-i", g.file("leaf.pem"))
	if out, err := nss("ocspclnt", "-V", "leaf", "-u", "c"); err != nil || !strings.Contains(out, "succeeded") {
		t.Errorf("a good certificate: %v\n%s", err, out)
	}
	g.admin("revoke", "leaf")
	if out, _ := nss("ocspclnt", "-V", "leaf", "-u", "c"); !strings.Contains(out, "revoked") {
		t.Errorf("a revoked certificate:\n%s", out)
	}
}

// TestGnuTLSAsksTheService has ocsptool ask over HTTP, with a nonce as it does by default and without.
func TestGnuTLSAsksTheService(t *testing.T) {
	needPeer(t, "ocsptool")
	g := newGatewayRig(t)
	for client, want := range map[string]string{"good": "Certificate Status: good", "bad": "Certificate Status: revoked"} {
		for _, nonce := range []string{"--nonce", "--no-nonce"} {
			out, _ := exec.CommandContext(t.Context(), "ocsptool", "--ask="+g.public+"/ocsp", nonce, "--load-issuer", g.file("ca.pem"),
				"--load-cert", g.file(client+".pem"), "--load-trust", g.file("ca.pem")).CombinedOutput() // ends with 1 for revoked
			if text := string(out); !strings.Contains(text, want) || !strings.Contains(text, "Verifying OCSP Response: Success") {
				t.Errorf("%s %s: no %q or no success in\n%s", client, nonce, want, text)
			}
		}
	}
}

// ocspPath is the path by which a client asks about a certificate of the rig by GET.
func (g *gatewayRig) ocspPath(client string) string {
	ca, err := readCertificate(g.file("ca.pem"))
	g.check(err)
	serial, err := revocation.SerialFromBig(g.clients[client].Certificate.SerialNumber)
	g.check(err)
	id, err := ocspder.CertIDFor(crypto.SHA1, ca, serial)
	g.check(err)
	der, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nil)
	g.check(err)
	return "/ocsp/" + url.QueryEscape(base64.StdEncoding.EncodeToString(der))
}

// TestHTTP10AndKeepAlive speaks HTTP as old and new clients do: one connection for each request, or one for several.
func TestHTTP10AndKeepAlive(t *testing.T) {
	g := newGatewayRig(t)
	good, bad := g.ocspPath("good"), g.ocspPath("bad")
	for _, row := range []struct {
		fact, version, header string
		requests              int // that one connection answers
	}{
		{"HTTP/1.0 closes after the answer", "1.0", "", 1},
		{"HTTP/1.0 with keep-alive", "1.0", "Connection: keep-alive\r\n", 3},
		{"HTTP/1.1 keeps the connection", "1.1", "Host: veto\r\n", 3},
		{"HTTP/1.1 closes when told to", "1.1", "Host: veto\r\nConnection: close\r\n", 1},
	} {
		t.Run(row.fact, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(g.public, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for n := range row.requests {
				path, status := good, revocation.Good
				if n%2 == 1 {
					path, status = bad, revocation.Revoked
				}
				fmt.Fprintf(conn, "GET %s HTTP/%s\r\n%s\r\n", path, row.version, row.header)
				wantOCSPAnswer(t, in, status)
			}
			if row.requests == 1 {
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
					t.Errorf("after the answer: %d octets, %v, want the end", len(rest), err)
				}
			}
		})
	}
}

// wantOCSPAnswer reads one answer as nginx does: 200, exactly this content type, no chunks.
func wantOCSPAnswer(t *testing.T, in *bufio.Reader, want revocation.Status) {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/ocsp-response" || len(resp.TransferEncoding) > 0 {
		t.Errorf("HTTP %d, %v, %v", resp.StatusCode, resp.Header, resp.TransferEncoding)
	}
	r, err := ocspder.ParseResponse(body)
	if err != nil || r.Status != ocspder.Successful || r.Singles[0].Status != want {
		t.Errorf("%v %v, want %v", r, err, want)
	}
	if !bytes.Equal(body[:1], []byte{0x30}) {
		t.Errorf("the body begins with %x", body[:1])
	}
}
