package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vetopki/veto/internal/pkitest"
)

// scriptVerifyPKI makes root.pem, below it ca.pem, below that the leaves good, revoked and held, each also with its chain as
// NAME.chain.pem, and other.pem, which knows none of them. CRLs: root.crl; ca.crl, number 5; ca-delta.crl, number 6 on 5, which
// releases held and revokes good; ca-stale.crl; all.pem and all.der, the first two in one file; broken.crl, cut off.
func scriptVerifyPKI(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.Getenv("WORK")
	put := func(name string, content []byte) { ts.Check(os.WriteFile(filepath.Join(dir, name), content, 0o644)) }
	newCA := func(o pkitest.CAOptions) *pkitest.CA {
		return must(ts, func() (*pkitest.CA, error) { return pkitest.NewCA(o) })
	}
	root, other := newCA(pkitest.CAOptions{Name: "Root"}), newCA(pkitest.CAOptions{Name: "Other Root"})
	ca := newCA(pkitest.CAOptions{Name: "Issuing CA", Parent: root})
	put("root.pem", certificatePEM(root.Certificate))
	put("root.der", root.Certificate.Raw)
	put("ca.pem", certificatePEM(ca.Certificate))
	put("other.pem", certificatePEM(other.Certificate))
	entries := map[string]x509.RevocationListEntry{}
	for name, reason := range map[string]int{"good": 4, "revoked": 1, "held": 6} {
		leaf := must(ts, func() (*pkitest.Pair, error) { return ca.Issue(pkitest.LeafOptions{Name: name + ".test"}) }).Certificate
		put(name+".pem", certificatePEM(leaf))
		put(name+".chain.pem", append(certificatePEM(leaf), certificatePEM(ca.Certificate)...))
		entries[name] = x509.RevocationListEntry{SerialNumber: leaf.SerialNumber, RevocationTime: time.Now(), ReasonCode: reason}
	}
	crl := func(from *pkitest.CA, o pkitest.CRLOptions) []byte {
		return must(ts, func() ([]byte, error) { return from.CRL(o) })
	}
	rootCRL, listed := crl(root, pkitest.CRLOptions{}), []x509.RevocationListEntry{entries["revoked"], entries["held"]}
	caCRL := crl(ca, pkitest.CRLOptions{Number: big.NewInt(5), Entries: listed})
	put("root.crl", rootCRL)
	put("ca.crl", caCRL)
	put("all.der", append(append([]byte(nil), rootCRL...), caCRL...))
	put("all.pem", append(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: rootCRL}), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: caCRL})...))
	now := time.Now().UTC().Truncate(time.Second)
	put("ca-stale.crl", crl(ca, pkitest.CRLOptions{Number: big.NewInt(4), ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(-time.Hour), Entries: listed}))
	released := entries["held"]
	released.ReasonCode = 8
	put("ca-delta.crl", crl(ca, pkitest.CRLOptions{Number: big.NewInt(6), Entries: []x509.RevocationListEntry{released, entries["good"]},
		Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 5}}}}))
	put("broken.crl", caCRL[:len(caCRL)-5])
	ts.Setenv("SOON", now.Add(time.Hour).Format(time.RFC3339))
}

// scriptExitCode runs a command that must end with a certain code: exitcode CODE COMMAND…
func scriptExitCode(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s ended with %d, want %s", args[1:], code, args[0])
	}
}
