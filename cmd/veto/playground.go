package main

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// playground is the folder of `veto dev`: a CA with keys, certificates, a configuration and a token.
type playground struct {
	dir   string
	ports playgroundPorts
	ca    *pkitest.CA
	leaf  map[string]*x509.Certificate // good, revoked, held, server

	mu     sync.Mutex // guards crl and signed
	crl    []byte
	signed time.Time
}

// playgroundPorts are the addresses of the playground, kept so that the URLs in its certificates stay true.
type playgroundPorts struct {
	Public, API, CA string
}

// leafNames are the certificates for clients to try, and one for a server that they connect to.
var leafNames = []string{"good", "revoked", "held", "server"}

func (p *playground) file(name string) string { return filepath.Join(p.dir, name) }

// openPlayground opens the playground in dir, or makes one there.
func openPlayground(dir string) (*playground, error) {
	p := &playground{dir: dir, leaf: map[string]*x509.Certificate{}}
	err := p.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = p.create()
	}
	return p, err
}

// create makes everything; ports.json comes last, so that an interrupted start is made anew.
func (p *playground) create() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if err := p.choosePorts(); err != nil {
		return err
	}
	var err error
	if p.ca, err = pkitest.NewCA(pkitest.CAOptions{Name: "veto dev CA"}); err != nil {
		return err
	}
	if err := p.writePair("ca", p.ca.Certificate, p.ca.Key); err != nil {
		return err
	}
	signer, err := p.ca.IssueOCSPSigner(pkitest.LeafOptions{Name: "veto dev OCSP", NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		return err
	}
	if err := p.writePair("ocsp", signer.Certificate, signer.Key); err != nil {
		return err
	}
	for _, name := range leafNames {
		if err := p.issue(name); err != nil {
			return err
		}
	}
	return p.writeConfig()
}

// issue makes a certificate NAME.dev.test.
func (p *playground) issue(name string) error {
	leaf, err := p.ca.Issue(pkitest.LeafOptions{Name: name + ".dev.test", NotAfter: time.Now().AddDate(1, 0, 0),
		OCSPServer: []string{"http://" + p.ports.Public + "/ocsp"}, CRL: []string{p.crlURL()}})
	if err != nil {
		return err
	}
	p.leaf[name] = leaf.Certificate
	return p.writePair(name, leaf.Certificate, leaf.Key)
}

func (p *playground) writeConfig() error {
	token := make([]byte, 16)
	rand.Read(token)
	if err := os.WriteFile(p.file("admin.token"), []byte(hex.EncodeToString(token)+"\n"), 0o600); err != nil {
		return err
	}
	text := fmt.Sprintf(`# Made by veto dev. Serve it again with: veto dev --data %[5]q
data_dir: %[1]q
public: {listen: %[2]q}
api: {listen: %[3]q}
admin: {token_file: admin.token}
issuers:
  - name: dev
    certificate: ca.pem
    crls: [{url: %[4]q}]
    ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}
profiles:
  - {name: dev, header: rfc9440, trust: {cidrs: [127.0.0.0/8]}}
`, filepath.Join(p.dir, "data"), p.ports.Public, p.ports.API, p.crlURL(), p.dir)
	if err := os.WriteFile(p.file("veto.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	ports, err := json.Marshal(p.ports)
	if err != nil {
		return err
	}
	return os.WriteFile(p.file("ports.json"), ports, 0o600)
}

func (p *playground) crlURL() string { return "http://" + p.ports.CA + "/dev.crl" }

// choosePorts takes the usual ports when they are free and any others when not.
func (p *playground) choosePorts() error {
	for _, want := range []struct {
		address *string
		usual   string
	}{{&p.ports.Public, "127.0.0.1:8080"}, {&p.ports.API, "127.0.0.1:8081"}, {&p.ports.CA, "127.0.0.1:8082"}} {
		l, err := net.Listen("tcp", want.usual)
		if err != nil {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return err
		}
		*want.address = l.Addr().String()
		defer l.Close() // all are held until the last is chosen
	}
	return nil
}

func (p *playground) writePair(name string, cert *x509.Certificate, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(p.file(name+".key"), keyPEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(p.file(name+".pem"), certificatePEM(cert), 0o644)
}

func (p *playground) load() error {
	ports, err := os.ReadFile(p.file("ports.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(ports, &p.ports); err != nil {
		return fmt.Errorf("%s: %w; remove the folder to begin anew", p.file("ports.json"), err)
	}
	authority, err := readCertificate(p.file("ca.pem"))
	if err != nil {
		return err
	}
	keyPEM, err := os.ReadFile(p.file("ca.key"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return fmt.Errorf("%s holds no PEM; remove the folder to begin anew", p.file("ca.key"))
	}
	if p.ca, err = pkitest.ParseCA(authority, block.Bytes); err != nil {
		return err
	}
	for _, name := range leafNames {
		p.leaf[name], err = readCertificate(p.file(name + ".pem"))
		if errors.Is(err, fs.ErrNotExist) { // made by an earlier version, which had fewer
			err = p.issue(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// currentCRL is the CA's CRL, signed anew when it is half an hour old. Its number is the time of signing, so that it rises
// over restarts.
func (p *playground) currentCRL(now time.Time) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.signed) < 30*time.Minute {
		return p.crl, nil
	}
	der, err := p.ca.CRL(pkitest.CRLOptions{Number: big.NewInt(now.Unix()), ThisUpdate: now.UTC().Truncate(time.Second),
		NextUpdate: now.Add(24 * time.Hour).UTC().Truncate(time.Second),
		Entries: []x509.RevocationListEntry{
			{SerialNumber: p.leaf["revoked"].SerialNumber, RevocationTime: p.leaf["revoked"].NotBefore, ReasonCode: int(revocation.KeyCompromise)},
			{SerialNumber: p.leaf["held"].SerialNumber, RevocationTime: p.leaf["held"].NotBefore, ReasonCode: int(revocation.CertificateHold)},
		}})
	if err == nil {
		p.crl, p.signed = der, now
	}
	return der, err
}
