package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// serials is how many different certificates are asked for, as the peers were measured with.
const serials = 1000

// workload is the set of requests, as wrk scripts.
type workload struct {
	dir, floor       string
	public, api      string
	get, post, nonce string // scripts
	status           string
	authz            string
}

type row struct {
	name, url, script string
	signed            bool // for each request
}

func (w *workload) rows() []row {
	return []row{
		{name: "ocsp get, cached", url: w.public, script: w.get},
		{name: "ocsp post, cached", url: w.public, script: w.post},
		{name: "ocsp post with nonce, signed each", url: w.public, script: w.nonce, signed: true},
		{name: "get /v1/status", url: w.api, script: w.status},
		{name: "get /v1/authz, a certificate each", url: w.api, script: w.authz},
	}
}

var running = regexp.MustCompile(`OCSP at (\S+), JSON at (\S+)`)

// prepare writes the scripts for the playground whose tour was printed.
func (w *workload) prepare(tour string) error {
	m := running.FindStringSubmatch(tour)
	if m == nil {
		return fmt.Errorf("the tour names no addresses: %q", tour)
	}
	w.public, w.api = m[1], m[2]
	ca, err := os.ReadFile(filepath.Join(w.dir, "ca.pem"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(ca)
	issuer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var paths, bodies, statuses []string
	for range serials {
		content := make([]byte, 16)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		content[0] = content[0]&0x3f | 0x40
		serial, err := revocation.SerialFromDER(content)
		if err != nil {
			return err
		}
		id, err := ocspder.CertIDFor(crypto.SHA1, issuer, serial)
		if err != nil {
			return err
		}
		der, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nil)
		if err != nil {
			return err
		}
		paths = append(paths, "/ocsp/"+url.PathEscape(base64.StdEncoding.EncodeToString(der)))
		bodies = append(bodies, string(der))
		statuses = append(statuses, "/v1/status/dev/"+serial.String())
	}
	if err := w.writeAuthz(issuer); err != nil {
		return err
	}
	return w.writeScripts(issuer, paths, bodies, statuses)
}

// writeAuthz has a gateway ask for as many clients as there are serials, each with its certificate in the header.
func (w *workload) writeAuthz(issuer *x509.Certificate) error {
	key, err := os.ReadFile(filepath.Join(w.dir, "ca.key"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(key)
	ca, err := pkitest.ParseCA(issuer, block.Bytes)
	if err != nil {
		return err
	}
	var headers []string
	for range serials {
		leaf, err := ca.Issue(pkitest.LeafOptions{})
		if err != nil {
			return err
		}
		headers = append(headers, ":"+base64.StdEncoding.EncodeToString(leaf.Certificate.Raw)+":")
	}
	w.authz, err = writeFile(w.dir, "authz.lua", func(f io.Writer) { cycle(f, headers, `wrk.format("GET", "/v1/authz/dev", {["Client-Cert"]=r[i]})`) })
	return err
}

func (w *workload) writeScripts(issuer *x509.Certificate, paths, bodies, statuses []string) (err error) {
	if w.get, err = writeFile(w.dir, "get.lua", func(f io.Writer) { cycle(f, paths, `wrk.format("GET", r[i])`) }); err != nil {
		return err
	}
	post := `wrk.format("POST", "/ocsp", {["Content-Type"]="application/ocsp-request"}, r[i])`
	if w.post, err = writeFile(w.dir, "post.lua", func(f io.Writer) { cycle(f, bodies, post) }); err != nil {
		return err
	}
	if w.status, err = writeFile(w.dir, "status.lua", func(f io.Writer) { cycle(f, statuses, `wrk.format("GET", r[i])`) }); err != nil {
		return err
	}
	w.nonce, err = writeNonceScript(w.dir, issuer)
	return err
}

// writeNonceScript writes a script whose requests differ in their nonce, which is rewritten in place.
func writeNonceScript(dir string, issuer *x509.Certificate) (string, error) {
	nonce := bytes.Repeat([]byte{0xa5}, 32)
	id, err := ocspder.CertIDFor(crypto.SHA1, issuer, "\x01\x02\x03")
	if err != nil {
		return "", err
	}
	der, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nonce)
	if err != nil {
		return "", err
	}
	before, after, _ := strings.Cut(string(der), string(nonce))
	return writeFile(dir, "nonce.lua", func(f io.Writer) {
		fmt.Fprintf(f, "local n = 0\nlocal before, after = %s, %s\nrequest = function()\n  n = n + 1\n"+
			"  return wrk.format(\"POST\", \"/ocsp\", {[\"Content-Type\"]=\"application/ocsp-request\"}, before .. string.format(\"%%032d\", n) .. after)\nend\n",
			luaString(before), luaString(after))
	})
}

// cycle writes a script that goes through the values in order.
func cycle(f io.Writer, values []string, format string) {
	fmt.Fprintln(f, "local r = {")
	for _, v := range values {
		fmt.Fprintf(f, "%s,\n", luaString(v))
	}
	// Formatted once: the loader must not be what is measured.
	fmt.Fprintf(f, "}\nlocal q, n = {}, 0\ninit = function()\n  for i = 1, #r do q[i] = %s end\nend\n"+
		"request = function()\n  n = n %% #q + 1\n  return q[n]\nend\n", format)
}

func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		fmt.Fprintf(&b, "\\%03d", s[i])
	}
	b.WriteByte('"')
	return b.String()
}
