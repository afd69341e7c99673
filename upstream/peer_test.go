package upstream

import (
	"bufio"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// askerOf is how to ask a CA's responder about a certificate.
func askerOf(ca *pkitest.CA, i Issuer) func(*testing.T, *x509.Certificate) revocation.UpstreamFinding {
	c := New(Options{Store: &book{}})
	i.Issuer = revocation.Issuer{Name: "peer", ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate}
	a := c.newAsked(i.withDefaults())
	return func(t *testing.T, cert *x509.Certificate) revocation.UpstreamFinding {
		t.Helper()
		defer a.transport.CloseIdleConnections()
		r, err := c.ask(t.Context(), a, must(revocation.SerialFromBig(cert.SerialNumber)))
		if err != nil {
			t.Fatal(err)
		}
		return r.finding
	}
}

// leaves are certificates of a CA in each status.
func leaves(t *testing.T, ca *pkitest.CA) (good, revoked, held *x509.Certificate) {
	t.Helper()
	var list [3]*x509.Certificate
	for i := range list {
		list[i] = must(ca.Issue(pkitest.LeafOptions{})).Certificate
	}
	return list[0], list[1], list[2]
}

func TestOpenSSLAnswers(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs openssl")
		}
		t.Skip("openssl is not installed")
	}
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	delegate := must(ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	good, gone, held := leaves(t, ca)
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := func(status, revoked string, c *x509.Certificate) string {
		return fmt.Sprintf("%s\t491231235959Z\t%s\t%X\tunknown\t/CN=x\n", status, revoked, c.SerialNumber)
	}
	index := write("index.txt", []byte(line("V", "", good)+line("R", "240102030405Z,keyCompromise", gone)+line("R", "240102030405Z,certificateHold", held)))
	cmd := exec.Command("openssl", "ocsp", "-index", index, "-CA", write("ca.pem", pkitest.CertificatePEM(ca.Certificate)),
		"-rsigner", write("ocsp.pem", pkitest.CertificatePEM(delegate.Certificate)), "-rkey", write("ocsp.key", must(pkitest.KeyPEM(delegate.Key))),
		"-port", "0", "-nmin", "60")
	port := startResponder(t, cmd)
	for _, i := range []Issuer{
		{},
		{Nonce: NonceRequired},
		{Hash: crypto.SHA256, Nonce: NonceSent},
		{URLs: []string{"http://127.0.0.1:" + port + "/" + strings.Repeat("a", 200)}}, // by POST
	} {
		if i.URLs == nil {
			i.URLs = []string{"http://127.0.0.1:" + port + "/"}
		}
		ask := askerOf(ca, i)
		if f := ask(t, good); f.Status != revocation.Good || f.NextUpdate.Sub(f.ThisUpdate) != time.Hour {
			t.Errorf("the good one: %+v", f)
		}
		at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
		if f, want := ask(t, gone), (revocation.Entry{RevokedAt: at, Reason: revocation.KeyCompromise}); f.Entry != want {
			t.Errorf("the revoked one: %+v", f)
		}
		if f, want := ask(t, held), (revocation.Entry{RevokedAt: at, Reason: revocation.CertificateHold}); f.Entry != want {
			t.Errorf("the one on hold: %+v", f)
		}
		if f := ask(t, must(ca.Issue(pkitest.LeafOptions{})).Certificate); f.Status != revocation.Unknown {
			t.Errorf("one that the index lacks: %+v", f)
		}
	}
}

func TestAResponderFoundInACertificateIsNotAskedOnLoopback(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer srv.Close()
	c := New(Options{Store: &book{}})
	i := Issuer{Issuer: revocation.Issuer{ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate}, URLs: []string{srv.URL},
		Egress: egress.Rule{Discovered: true}}
	if _, err := c.ask(t.Context(), c.newAsked(i.withDefaults()), "\x01"); revocation.RuleOf(err, "") != "egress" {
		t.Errorf("got %v", err)
	}
}

// decodeGET reads a request off the path.
func decodeGET(req *http.Request) ([]byte, error) {
	text, err := url.PathUnescape(req.URL.EscapedPath()[1:])
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// startResponder starts openssl's responder until the test ends, and reads the port that it chose.
func startResponder(t *testing.T, cmd *exec.Cmd) (port string) {
	t.Helper()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		w.Close()
	})
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if m := regexp.MustCompile(`ACCEPT .*:(\d+) `).FindStringSubmatch(lines.Text() + " "); m != nil {
				found <- m[1]
			}
		}
		close(found)
	}()
	select {
	case port = <-found:
	case <-time.After(time.Minute):
	}
	if port == "" {
		t.Fatal("openssl did not say where it listens")
	}
	return port
}

// TestXCryptoReadsWhatIsAskedAndIsBelieved: golang.org/x/crypto/ocsp parses every question and makes every answer.
func TestXCryptoReadsWhatIsAskedAndIsBelieved(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	delegate := must(ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	good, gone, held := leaves(t, ca)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	answers := map[string]ocsp.Response{
		good.SerialNumber.String(): {Status: ocsp.Good},
		gone.SerialNumber.String(): {Status: ocsp.Revoked, RevokedAt: at, RevocationReason: ocsp.Superseded},
		held.SerialNumber.String(): {Status: ocsp.Unknown},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		der, err := io.ReadAll(req.Body)
		if req.Method == http.MethodGet {
			der, err = decodeGET(req)
		}
		asked, parseErr := ocsp.ParseRequest(der)
		if err != nil || parseErr != nil || asked.HashAlgorithm != crypto.SHA1 {
			t.Errorf("%s %s: %v, %v", req.Method, req.URL.Path, err, parseErr)
			return
		}
		template := answers[asked.SerialNumber.String()]
		template.SerialNumber, template.ThisUpdate, template.NextUpdate = new(big.Int).Set(asked.SerialNumber), at, at.Add(2*time.Hour)
		template.Certificate, template.IssuerHash = delegate.Certificate, asked.HashAlgorithm
		w.Write(must(ocsp.CreateResponse(ca.Certificate, delegate.Certificate, template, delegate.Key)))
	}))
	defer srv.Close()
	for _, path := range []string{"/", "/" + strings.Repeat("a", 200)} {
		ask := askerOf(ca, Issuer{URLs: []string{srv.URL + path}})
		for _, row := range []struct {
			cert *x509.Certificate
			want revocation.UpstreamFinding
		}{
			{good, revocation.UpstreamFinding{Status: revocation.Good}},
			{gone, revocation.UpstreamFinding{Status: revocation.Revoked, Entry: revocation.Entry{RevokedAt: at, Reason: revocation.Superseded}}},
			{held, revocation.UpstreamFinding{Status: revocation.Unknown}},
		} {
			row.want.ThisUpdate, row.want.NextUpdate, row.want.URL = at, at.Add(2*time.Hour), srv.URL+path
			if f := ask(t, row.cert); f != row.want {
				t.Errorf("got %+v, want %+v", f, row.want)
			}
		}
	}
}
