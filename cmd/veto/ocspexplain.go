package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/explain"
	"github.com/vetopki/veto/revocation"
)

func newOCSPExplain() *cobra.Command {
	var c client
	var issuers []string
	cmd := &cobra.Command{
		Use: "explain FILE", Short: "Say in words what an OCSP request or response contains",
		Long: "Reads an OCSP request or response, DER or base64 (that of a GET path, too), and says what it contains. With --issuer, which\n" +
			"issuers its hashes name, and whether a response may be believed. With --server a running veto explains it, and says of a\n" +
			"request what it answers and why. FILE - is standard input.",
		Example: "  openssl ocsp -issuer ca.pem -cert device.pem -reqout q.der; veto ocsp explain q.der --server http://127.0.0.1:8081\n" +
			"  veto ocsp explain --issuer ca.pem response.der\n  echo MEIwQDA+MDwwOjAJBgUrDgMCGgUA… | veto ocsp explain -",
		Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(cmd, args[0])
			if err != nil {
				return err
			}
			var x *explain.Explanation
			if cmd.Flags().Changed("server") {
				x, err = c.explain(cmd.Context(), data)
			} else {
				x, err = explainHere(data, issuers)
			}
			if err != nil {
				return err
			}
			return printExplanation(cmd.OutOrStdout(), x, c.asJSON)
		},
	}
	c.register(cmd)
	cmd.Flags().Lookup("server").Usage = "have the veto at this API `URL` explain it"
	cmd.Flags().Lookup("server").DefValue = ""
	cmd.Flags().StringArrayVar(&issuers, "issuer", nil, "certificate `FILE` of an issuer that may be meant, repeatable")
	return cmd
}

// readInput reads a file, or standard input when it is named -.
func readInput(cmd *cobra.Command, file string) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxOCSPAnswer+1))
	switch {
	case err != nil:
		return nil, usage("reading %s: %v", file, err)
	case len(data) > maxOCSPAnswer:
		return nil, usage("%s has more than %d octets; it is no OCSP message", file, maxOCSPAnswer)
	}
	return data, nil
}

// explainHere explains without asking anybody.
func explainHere(data []byte, issuerFiles []string) (*explain.Explanation, error) {
	o := explain.Options{Now: time.Now()}
	for _, file := range issuerFiles {
		list, err := readCertificates(file)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			o.Issuers = append(o.Issuers, revocation.Issuer{Name: file, ID: revocation.IssuerIDOf(c), Certificate: c})
		}
	}
	der, err := explain.Decode(data)
	if err != nil {
		return nil, withCode(exitNo, err)
	}
	return explain.OCSP(der, o), nil
}

// explain has a running veto explain a message.
func (c *client) explain(ctx context.Context, data []byte) (*explain.Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, joinPath(c.server, []string{"v1", "explain", "ocsp"}), bytes.NewReader(data))
	if err != nil {
		return nil, usage("--server: %v", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	x := new(explain.Explanation)
	return x, c.do(req, x)
}

// printExplanation ends with 1 for what is neither a request nor a response.
func printExplanation(w io.Writer, x *explain.Explanation, asJSON bool) error {
	if asJSON {
		if err := printJSON(w, x); err != nil {
			return err
		}
	} else {
		fmt.Fprint(w, explain.Text(x.Lines))
		if len(x.Why) > 0 {
			fmt.Fprintf(w, "\nWhat is answered, and why:\n%s", explain.Text(x.Why))
		}
	}
	if x.Kind == explain.Neither {
		return exitWith(exitNo)
	}
	return nil
}
