package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

// ocspExport is the command veto ocsp export.
type ocspExport struct {
	client
	dir, url, issuer, serials, revoked string
	hashes                             []string
	rate                               float64
}

func newOCSPExport() *cobra.Command {
	var e ocspExport
	cmd := &cobra.Command{
		Use: "export --dir DIR --url URL --issuer FILE (--serials FILE | --revoked NAME)", Short: "Write signed answers as files for a web server or CDN",
		Long: "Asks an OCSP responder about each serial, verifies the answer and writes it into a file whose path below DIR is the one that\n" +
			"clients ask by GET (RFC 9919 §6): a server of static files then answers them, as application/ocsp-response, without any key.\n" +
			"The responder has the answers in its cache afterwards. Files are replaced whole. Run it again before the answers end: the last\n" +
			"line says when the first of them does. What the files say is as old as they are: a revocation shows with the next export.\n\n" +
			"Ends with 2 when an answer for one of the serials was not to be had or not to be believed.",
		Example: "  veto ocsp export --dir /srv/ocsp --url http://127.0.0.1:8080/ocsp --issuer ca.pem --revoked corp-devices\n" +
			"  veto ocsp export --dir /srv/ocsp --url http://127.0.0.1:8080/ocsp --issuer ca.pem --serials issued.txt --rate 50",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd) },
	}
	e.register(cmd)
	f := cmd.Flags()
	f.StringVar(&e.dir, "dir", "", "`DIR`ectory to write to; made when it is not there")
	f.StringVar(&e.url, "url", "", "`URL` of the responder")
	f.StringVar(&e.issuer, "issuer", "", "`FILE` with the issuer's certificate")
	f.StringVar(&e.serials, "serials", "", "`FILE` with a serial on each line; - is the standard input")
	f.StringVar(&e.revoked, "revoked", "", "all revoked serials of the issuer of this `NAME`, by the API at --server")
	f.StringSliceVar(&e.hashes, "hash", []string{"sha1", "sha256"}, "how clients name the issuer: sha1, sha256, sha384, sha512")
	f.Float64Var(&e.rate, "rate", 200, "requests a second, at most")
	return cmd
}

func (e *ocspExport) run(cmd *cobra.Command) error {
	issuer, hashes, err := e.check()
	if err != nil {
		return err
	}
	limit := rate.NewLimiter(rate.Limit(e.rate), 1)
	var done exported
	for serial, err := range e.list(cmd.Context(), cmd.InOrStdin()) {
		if err != nil {
			return err
		}
		for _, hash := range hashes {
			if err := limit.Wait(cmd.Context()); err != nil {
				return err
			}
			if err := e.one(cmd.Context(), issuer, hash, serial, &done); err != nil {
				return err
			}
		}
	}
	return done.print(cmd, e.asJSON)
}

func (e *ocspExport) check() (*x509.Certificate, []crypto.Hash, error) {
	switch {
	case e.dir == "" || e.url == "" || e.issuer == "":
		return nil, nil, usage("say where to write, whom to ask and about whose certificates: --dir, --url and --issuer")
	case (e.serials == "") == (e.revoked == ""):
		return nil, nil, usage("say which serials: --serials FILE, or --revoked NAME")
	case e.rate <= 0:
		return nil, nil, usage("--rate %v: must be above 0", e.rate)
	}
	var hashes []crypto.Hash
	for _, name := range e.hashes {
		hash, err := certIDHash(name)
		if err != nil {
			return nil, nil, err
		}
		hashes = append(hashes, hash)
	}
	issuer, err := readCertificate(e.issuer)
	return issuer, hashes, err
}

// exported counts what was written. The JSON names are the command's.
type exported struct {
	Written int       `json:"written"`
	Refused []string  `json:"refused,omitempty"` // why, the first of them
	Failed  int       `json:"failed"`
	Until   time.Time `json:"until,omitzero"` // when the first of the answers ends
}

// one asks and writes. Only what hinders all others too is an error.
func (e *ocspExport) one(ctx context.Context, issuer *x509.Certificate, hash crypto.Hash, serial revocation.Serial, done *exported) error {
	c := ocspClient{hash: hash, method: http.MethodPost}
	x, err := c.ask(ctx, e.url, issuer, serial)
	if err != nil {
		return err
	}
	if x.refused != nil {
		done.Failed++
		if len(done.Refused) < 10 {
			done.Refused = append(done.Refused, fmt.Sprintf("%s by %v: %v", serial, hash, x.refused))
		}
		return nil
	}
	if err := save(filepath.Join(e.dir, filepath.FromSlash(base64.StdEncoding.EncodeToString(x.request))), x.response); err != nil {
		return err
	}
	done.Written++
	if next := x.answer.NextUpdate; done.Until.IsZero() || next.Before(done.Until) {
		done.Until = next
	}
	return nil
}

// save puts an answer under its name, whose base64 may have slashes.
func save(file string, answer []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return replaceFile(file, answer, false)
}

// list yields the serials, of a file or of the API's pages.
func (e *ocspExport) list(ctx context.Context, stdin io.Reader) iter.Seq2[revocation.Serial, error] {
	if e.revoked != "" {
		return e.listRevoked(ctx)
	}
	return func(yield func(revocation.Serial, error) bool) {
		in := stdin
		if e.serials != "-" {
			f, err := os.Open(e.serials)
			if err != nil {
				yield("", usage("--serials: %v", err))
				return
			}
			defer f.Close()
			in = f
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			text := strings.TrimSpace(lines.Text())
			if text == "" || text[0] == '#' {
				continue
			}
			serial, err := revocation.ParseSerial(text)
			if err != nil {
				err = usage("--serials: %v", err)
			}
			if !yield(serial, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield("", fmt.Errorf("reading the serials: %w", err))
		}
	}
}

func (e *ocspExport) listRevoked(ctx context.Context) iter.Seq2[revocation.Serial, error] {
	return func(yield func(revocation.Serial, error) bool) {
		query := url.Values{"limit": {"1000"}}
		for {
			var page api.RevocationPage
			if err := e.call(ctx, http.MethodGet, nil, &page, "v1", "issuers", e.revoked, "revocations", "?"+query.Encode()); err != nil {
				yield("", err)
				return
			}
			for _, r := range page.Revocations {
				if serial, err := revocation.ParseSerial(r.Serial); !yield(serial, err) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("after", page.Next)
		}
	}
}

func (d *exported) print(cmd *cobra.Command, asJSON bool) error {
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), d); err != nil {
			return err
		}
	} else {
		for _, why := range d.Refused {
			fmt.Fprintln(cmd.ErrOrStderr(), "not written:", why)
		}
		text := fmt.Sprintf("%d answers written, %d not", d.Written, d.Failed)
		if !d.Until.IsZero() {
			text += "; the first ends at " + stamp(d.Until)
		}
		fmt.Fprintln(cmd.OutOrStdout(), text)
	}
	if d.Failed > 0 {
		return exitWith(exitUnknown)
	}
	return nil
}
