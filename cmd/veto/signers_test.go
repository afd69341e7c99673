package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vetopki/veto/internal/pkitest"
)

// gatherSigners is what the metrics of signers say, by name and issuer.
func gatherSigners(t *testing.T, d *directory) map[string]float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(newSignerMetrics(d))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return values
}

// scriptDelegate makes an OCSP signer of the CA "ca" that pki made: delegate NAME NOTBEFORE NOTAFTER, durations from now.
func scriptDelegate(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: delegate NAME NOTBEFORE NOTAFTER")
	}
	at := func(text string) time.Time {
		d, err := time.ParseDuration(text)
		ts.Check(err)
		return time.Now().Add(d).UTC().Truncate(time.Second)
	}
	ca := must(ts, func() (*pkitest.CA, error) { return readCA(ts.MkAbs(".")) })
	o := pkitest.LeafOptions{Name: args[0] + ".test", NotBefore: at(args[1]), NotAfter: at(args[2])}
	signer := must(ts, func() (*pkitest.Pair, error) { return ca.IssueOCSPSigner(o) })
	writePair(ts, ts.MkAbs("."), args[0], signer.Certificate, signer.Key)
}

// readCA reads the CA of a folder: ca.pem and ca.key.
func readCA(dir string) (*pkitest.CA, error) {
	cert, err := readCertificate(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(key)
	return pkitest.ParseCA(cert, block.Bytes)
}
