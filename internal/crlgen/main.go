// Crlgen writes a signed CRL of any size, for benchmarks:
//
//	go run ./internal/crlgen -entries 10000000 -out big.crl -ca ca.pem
//
// The file named by -ca holds the CA's certificate and private key, PEM; it is made when it does not exist. The same seed gives
// the same serials.
package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "crlgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("crlgen", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Writes a signed CRL of any size, DER.\n\n"+
			"  go run ./internal/crlgen -entries 10000000 -out big.crl -ca ca.pem\n\n")
		flags.PrintDefaults()
	}
	var (
		o      pkitest.BigCRLOptions
		out    = flags.String("out", "", "the CRL to write (required)")
		caFile = flags.String("ca", "", "the CA's certificate and key, PEM; made when missing (required)")
		key    = flags.String("key", "", "kind of key for a new CA: p384, p521 or rsa2048; p256 without it")
		number = flags.Int64("number", 1, "CRL number")
		days   = flags.Int("days", 1, "days until nextUpdate")
		this   = flags.String("this-update", "", "thisUpdate, RFC 3339; a minute ago without it")
	)
	flags.IntVar(&o.Entries, "entries", 1_000_000, "entries")
	flags.IntVar(&o.SerialOctets, "octets", 16, "octets of each serial, 1 to 64")
	flags.BoolVar(&o.Shuffled, "shuffled", false, "scatter the entries instead of sorting them by serial")
	flags.BoolVar(&o.Descending, "descending", false, "the last serial first")
	flags.IntVar(&o.Repeats, "repeats", 1, "entries of each serial")
	flags.BoolVar(&o.BadSignature, "bad-signature", false, "sign another list")
	flags.Float64Var(&o.ReasonShare, "reasons", 0, "share of the entries that have a reason, 0 to 1")
	flags.Uint64Var(&o.Seed, "seed", 1, "another seed gives other serials")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || *caFile == "" || flags.NArg() > 0 {
		return errors.New("-out FILE and -ca FILE are required and nothing else follows; -h shows all options")
	}
	o.Number, o.ThisUpdate = big.NewInt(*number), time.Now().Add(-time.Minute)
	if *this != "" {
		var err error
		if o.ThisUpdate, err = time.Parse(time.RFC3339, *this); err != nil {
			return fmt.Errorf("reading -this-update: %w", err)
		}
	}
	o.NextUpdate = o.ThisUpdate.AddDate(0, 0, *days)
	ca, err := openCA(*caFile, pkitest.KeyKind(*key))
	if err != nil {
		return err
	}
	return write(*out, ca, o)
}

func write(name string, ca *pkitest.CA, o pkitest.BigCRLOptions) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pkitest.WriteBigCRL(f, ca, o), f.Close())
}

// openCA reads the CA, or makes one and keeps it.
func openCA(name string, kind pkitest.KeyKind) (*pkitest.CA, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return makeCA(name, kind)
	}
	if err != nil {
		return nil, err
	}
	ca := &pkitest.CA{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			ca.Certificate, err = x509.ParseCertificate(block.Bytes)
		case "PRIVATE KEY":
			var key any
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
			ca.Key, _ = key.(crypto.Signer)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	if ca.Certificate == nil || ca.Key == nil {
		return nil, fmt.Errorf("%s does not hold a CERTIFICATE and a PRIVATE KEY", name)
	}
	return ca, nil
}

func makeCA(name string, kind pkitest.KeyKind) (*pkitest.CA, error) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{Name: "Big CRL CA", Key: kind})
	if err != nil {
		return nil, err
	}
	key, err := pkitest.KeyPEM(ca.Key)
	if err != nil {
		return nil, err
	}
	return ca, os.WriteFile(name, append(pkitest.CertificatePEM(ca.Certificate), key...), 0o600)
}
