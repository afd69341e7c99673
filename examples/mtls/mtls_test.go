package mtls_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// session is a running veto dev, the example's programs, and its server.
type session struct {
	t       *testing.T
	bin     string // where the programs are
	pki     string
	api     string // URLs
	server  string
	address string
	serving *program
}

// TestTheSession plays the example: both sides make the five checks, and who is revoked is cut and stays out, resuming included.
func TestTheSession(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds three programs")
	}
	s := start(t)
	s.issue("second")

	good := s.connect("good")
	good.want(t, "hello good.dev.test")
	s.connect("revoked").wantEnd(t)

	resuming := map[string]*tls.Config{}
	for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		cfg := s.config("good", number)
		for _, again := range []bool{false, true} {
			if resumed, err := s.handshake(cfg); err != nil || resumed != again {
				t.Fatalf("%s, good: resumed %v, %v; want %v", version, resumed, err, again)
			}
		}
		resuming[version] = cfg
	}

	s.veto("revoke", "good")
	good.wantEnd(t, "the connection ended")
	s.connect("good").wantEnd(t)
	for version, cfg := range resuming {
		if _, err := s.handshake(cfg); err == nil {
			t.Errorf("%s: a revoked client resumed its session", version)
		}
	}

	second := s.connect("second")
	second.want(t, "hello second.dev.test")
	s.connect("second", "-name", "other.dev.test").wantEnd(t, "other.dev.test")
	s.veto("revoke", "server")
	second.wantEnd(t, `"CN=server.dev.test"`, "is revoked since", "the connection ended")
	s.connect("second").wantEnd(t, `"CN=server.dev.test"`, "is revoked since")

	// What a client of TLS 1.3 learns of its refusal depends on what its kernel reads first. The server knows.
	s.serving.stop()
	for text, want := range map[string]int{
		`TLS handshake error from ADDRESS: denied: the certificate "CN=revoked.dev.test"`: 1,
		`TLS handshake error from ADDRESS: denied: the certificate "CN=good.dev.test"`:    3, // once anew, twice resumed
		"cut the connection of ADDRESS": 1,
	} {
		if got := strings.Count(addresses.ReplaceAllString(s.serving.log.String(), "ADDRESS"), text); got != want {
			t.Errorf("the server said %d times %q, want %d", got, text, want)
		}
	}
}

var addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func start(t *testing.T) *session {
	s := &session{t: t, bin: t.TempDir(), pki: t.TempDir()}
	for name, pkg := range map[string]string{"veto": "../../cmd/veto", "server": "./server", "client": "./client"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(s.bin, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	s.run("veto", "dev", "--data", s.pki, "--quiet").want(t, "Ctrl-C")
	text, err := os.ReadFile(filepath.Join(s.pki, "ports.json"))
	s.check(err)
	var ports struct{ API string }
	s.check(json.Unmarshal(text, &ports))
	s.api = "http://" + ports.API
	s.serving = s.run("server", "-listen", "127.0.0.1:0", "-pki", s.pki, "-veto", s.api, "-every", "50ms")
	line := s.serving.want(t, "serving https://")
	s.server = strings.TrimPrefix(line, "serving ")
	s.address = strings.TrimPrefix(s.server, "https://")
	return s
}

func (s *session) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) connect(as string, more ...string) *program {
	s.t.Helper()
	return s.run("client", append([]string{"-url", s.server, "-pki", s.pki, "-veto", s.api, "-as", as, "-every", "50ms"}, more...)...)
}

// veto runs an administrator's command about a certificate.
func (s *session) veto(command, name string) {
	s.t.Helper()
	out, err := exec.Command(filepath.Join(s.bin, "veto"), command, "--server", s.api, "--issuer", "dev",
		"--token-file", filepath.Join(s.pki, "admin.token"), "--cert", filepath.Join(s.pki, name+".pem")).CombinedOutput()
	if err != nil {
		s.t.Fatalf("veto %s: %v\n%s", command, err, out)
	}
}

// issue has the playground's CA make one more certificate.
func (s *session) issue(name string) {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.pki, "ca.pem"), filepath.Join(s.pki, "ca.key"))
	s.check(err)
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	s.check(err)
	ca, err := pkitest.ParseCA(pair.Leaf, der)
	s.check(err)
	leaf, err := ca.Issue(pkitest.LeafOptions{Name: name + ".dev.test"})
	s.check(err)
	key, err := pkitest.KeyPEM(leaf.Key)
	s.check(err)
	s.check(os.WriteFile(filepath.Join(s.pki, name+".pem"), pkitest.CertificatePEM(leaf.Certificate), 0o600))
	s.check(os.WriteFile(filepath.Join(s.pki, name+".key"), key, 0o600))
}

// config is that of a client of our own, which keeps sessions.
func (s *session) config(as string, version uint16) *tls.Config {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.pki, as+".pem"), filepath.Join(s.pki, as+".key"))
	s.check(err)
	text, err := os.ReadFile(filepath.Join(s.pki, "ca.pem"))
	s.check(err)
	block, _ := pem.Decode(text)
	root, err := x509.ParseCertificate(block.Bytes)
	s.check(err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "server.dev.test", MinVersion: version, MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

// handshake connects and reads the greeting: with TLS 1.3 a client learns only then that it is refused.
func (s *session) handshake(cfg *tls.Config) (resumed bool, err error) {
	c, err := tls.Dial("tcp", s.address, cfg)
	if err != nil {
		return false, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: server.dev.test\r\n\r\n"); err != nil {
		return c.ConnectionState().DidResume, err
	}
	_, err = c.Read(make([]byte, 1))
	return c.ConnectionState().DidResume, err
}

// program is one that runs until it ends or the test does.
type program struct {
	process *os.Process
	lines   *bufio.Scanner
	log     bytes.Buffer // to be read when it ended
	end     func() error // waits for it
}

func (s *session) run(name string, args ...string) *program {
	s.t.Helper()
	p := &program{}
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Stderr = &p.log
	out, err := cmd.StdoutPipe()
	s.check(err)
	p.lines = bufio.NewScanner(out)
	s.check(cmd.Start())
	p.process = cmd.Process
	p.end = sync.OnceValue(func() error {
		for p.lines.Scan() {
		}
		return cmd.Wait()
	})
	s.t.Cleanup(func() {
		p.stop()
		if s.t.Failed() {
			s.t.Logf("%s %s wrote:\n%s", name, strings.Join(args, " "), &p.log)
		}
	})
	return p
}

func (p *program) stop() {
	p.process.Signal(os.Interrupt)
	p.end()
}

// want reads lines until one contains a text.
func (p *program) want(t *testing.T, text string) string {
	t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), text) {
			return p.lines.Text()
		}
	}
	t.Fatalf("it ended (%v) without %q: %s", p.end(), text, &p.log)
	return ""
}

// wantEnd waits until the program fails, and sees that it says why.
func (p *program) wantEnd(t *testing.T, texts ...string) {
	t.Helper()
	if err := p.end(); err == nil {
		t.Errorf("it ended well, want %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(p.log.String(), text) {
			t.Errorf("it said %q, not %q", &p.log, text)
		}
	}
}
