package responder_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// peer is another implementation's command. It is skipped where it is not installed, except in CI.
func peer(t *testing.T, name string) func(args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed in CI: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	return func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

// stage is a world with files for commands and a server on loopback; good.pem is good and bad.pem revoked.
type stage struct {
	*world
	server *httptest.Server
	dir    string
}

func newStage(t *testing.T) *stage {
	w := newWorld(t)
	s := &stage{world: w, server: httptest.NewServer(w.responder), dir: t.TempDir()}
	t.Cleanup(s.server.Close)
	s.write(t, "ca.pem", pkitest.CertificatePEM(w.ca.Certificate))
	s.write(t, "signer.pem", pkitest.CertificatePEM(w.delegate.Certificate))
	for _, name := range []string{"good.pem", "bad.pem"} {
		leaf := must(w.ca.Issue(pkitest.LeafOptions{Name: name}))
		s.write(t, name, pkitest.CertificatePEM(leaf.Certificate))
		if name == "bad.pem" {
			w.book.set(must(revocation.SerialFromBig(leaf.Certificate.SerialNumber)), revokedNow())
		}
	}
	return s
}

func (s *stage) file(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantOutput(t *testing.T, out string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestOpenSSLVerifiesWhatItAsks(t *testing.T) {
	openssl := peer(t, "openssl")
	s := newStage(t)
	base := []string{"ocsp", "-issuer", s.file("ca.pem"), "-CAfile", s.file("ca.pem"), "-url", s.server.URL + "/ocsp"}
	cert := func(names ...string) (args []string) {
		for _, n := range names {
			args = append(args, "-cert", s.file(n))
		}
		return args
	}
	for name, row := range map[string]struct{ args, wants []string }{
		"good with a nonce":    {cert("good.pem"), []string{"Response verify OK", "good.pem: good"}},
		"revoked with a nonce": {cert("bad.pem"), []string{"Response verify OK", "bad.pem: revoked", "keyCompromise"}},
		"good without nonce":   {append(cert("good.pem"), "-no_nonce"), []string{"Response verify OK", "good.pem: good"}},
		"by SHA-256":           {append([]string{"-sha256"}, cert("good.pem")...), []string{"Response verify OK", "good.pem: good"}},
		"two certificates":     {cert("good.pem", "bad.pem"), []string{"Response verify OK", "good.pem: good", "bad.pem: revoked"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := openssl(append(append([]string{}, base...), row.args...)...)
			wantOutput(t, out, row.wants...)
			if strings.Contains(out, "WARNING") {
				t.Errorf("openssl warns:\n%s", out)
			}
		})
	}
}

func TestOpenSSLVerifiesAnAnswerToGet(t *testing.T) {
	openssl := peer(t, "openssl")
	s := newStage(t)
	openssl("ocsp", "-issuer", s.file("ca.pem"), "-cert", s.file("good.pem"), "-no_nonce", "-reqout", s.file("request.der"))
	s.write(t, "response.der", s.fetch(t, must(os.ReadFile(s.file("request.der")))))
	wantOutput(t, openssl("ocsp", "-issuer", s.file("ca.pem"), "-cert", s.file("good.pem"), "-CAfile", s.file("ca.pem"),
		"-respin", s.file("response.der")), "Response verify OK", "good.pem: good")
}

// fetch asks by GET over HTTP.
func (s *stage) fetch(t *testing.T, request []byte) []byte {
	t.Helper()
	res, err := http.Get(s.server.URL + getPath(request))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

func TestOpenSSLVerifiesEveryKindOfKey(t *testing.T) {
	openssl := peer(t, "openssl")
	for _, kind := range []pkitest.KeyKind{pkitest.P384, pkitest.P521, pkitest.RSA2048, pkitest.Ed25519} {
		s := newStage(t)
		pair := must(s.ca.IssueOCSPSigner(pkitest.LeafOptions{Key: kind}))
		s.config.Signers = []*responder.Signer{signerOf(t, pair, s.issuer)}
		s.responder.SetIssuers([]responder.Issuer{s.config})
		wantOutput(t, openssl("ocsp", "-issuer", s.file("ca.pem"), "-CAfile", s.file("ca.pem"), "-url", s.server.URL,
			"-cert", s.file("bad.pem")), "Response verify OK", "bad.pem: revoked")
	}
}

func TestOpenSSLVerifiesRSASSAPSS(t *testing.T) {
	openssl := peer(t, "openssl")
	s := newStage(t)
	signer, err := signerOf(t, must(s.ca.IssueOCSPSigner(pkitest.LeafOptions{Key: pkitest.RSA2048})), s.issuer).WithPSS()
	if err != nil {
		t.Fatal(err)
	}
	s.config.Signers = []*responder.Signer{signer}
	s.responder.SetIssuers([]responder.Issuer{s.config})
	wantOutput(t, openssl("ocsp", "-issuer", s.file("ca.pem"), "-CAfile", s.file("ca.pem"), "-url", s.server.URL,
		"-cert", s.file("good.pem"), "-resp_text"), "Response verify OK", "good.pem: good", "rsassaPss")
}

func TestGnuTLSVerifiesAnswers(t *testing.T) {
	ocsptool := peer(t, "ocsptool")
	s := newStage(t)
	for file, want := range map[string]string{"good.pem": "good", "bad.pem": "revoked"} {
		ocsptool("--generate-request", "--load-issuer", s.file("ca.pem"), "--load-cert", s.file(file), "--no-nonce", "--outder", "--outfile", s.file("request.der"))
		s.write(t, "response.der", s.fetch(t, must(os.ReadFile(s.file("request.der")))))
		out := ocsptool("--verify-response", "--load-trust", s.file("ca.pem"), "--load-response", s.file("response.der"), "--inder")
		wantOutput(t, out, "Verifying OCSP Response: Success")
		wantOutput(t, ocsptool("--response-info", "--load-response", s.file("response.der"), "--inder"), "Certificate Status: "+want)
	}
}
