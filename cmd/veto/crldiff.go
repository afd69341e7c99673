package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/verify"
)

func newDiff() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "Show what one CRL adds, removes and changes against another",
		Long: "Compares the entries of two CRL files of any size, DER or PEM. Signatures are not verified: see veto crl inspect.\n" +
			fmt.Sprintf("When more than %d entries differ only their numbers are shown.", revocation.MaxChangedSerials),
		Example: "  veto crl diff yesterday.crl today.crl\n  veto crl diff yesterday.crl today.crl --json",
		Args:    exactly(2, "two CRL files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := diffCRLs(args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			report.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// diffReport is what differs; the counts are complete, the entries only when few enough differ.
type diffReport struct {
	Old     string      `json:"old"`
	New     string      `json:"new"`
	Added   int         `json:"added"`
	Removed int         `json:"removed"`
	Changed int         `json:"changed"`
	Entries []entryDiff `json:"entries,omitempty"`
}

type entryDiff struct {
	Serial string       `json:"serial"`
	Old    *entryReport `json:"old,omitempty"` // nil: added
	New    *entryReport `json:"new,omitempty"` // nil: removed
}

// diffCRLs puts the CRLs into a store of its own, one after the other, and reads what the second changed: the same merge of two
// sorted runs as a swap of the service, and memory that does not grow with the files.
func diffCRLs(oldFile, newFile string) (*diffReport, error) {
	dir, err := os.MkdirTemp("", "veto-diff-")
	if err != nil {
		return nil, withCode(exitData, err)
	}
	defer os.RemoveAll(dir)
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		return nil, withCode(exitData, err)
	}
	report, err := diffIn(st, oldFile, newFile)
	return report, errors.Join(err, st.Close())
}

func diffIn(st *store.Store, oldFile, newFile string) (*diffReport, error) {
	var before, after revocation.IssuerID // two series: the first keeps OLD, the second goes from OLD to NEW
	after[0] = 1
	for _, put := range []struct {
		series revocation.IssuerID
		file   string
	}{{before, oldFile}, {after, oldFile}} {
		if _, err := putCRL(st, put.series, put.file); err != nil {
			return nil, err
		}
	}
	change, err := putCRL(st, after, newFile)
	if err != nil {
		return nil, err
	}
	report := &diffReport{Old: oldFile, New: newFile, Added: change.Added, Removed: change.Removed, Changed: change.Changed}
	for _, serial := range change.Serials {
		report.Entries = append(report.Entries, entryDiff{serial.String(), entryIn(st, before, serial), entryIn(st, after, serial)})
	}
	return report, nil
}

// putCRL decodes a file into the next generation of a series.
func putCRL(st *store.Store, series revocation.IssuerID, file string) (change revocation.CRLChange, err error) {
	f, err := os.Open(file)
	if err != nil {
		return change, usage("%v", err)
	}
	defer f.Close()
	scope := revocation.ScopeIDOf(series, "diff")
	build, err := st.NewBuild(series, scope)
	if err != nil {
		return change, err
	}
	defer build.Abort()
	crl, err := crlder.Decode(f, crlder.Options{}, build.Add)
	if err != nil {
		return change, withCode(exitNo, fmt.Errorf("%s: %w", file, err))
	}
	signed, err := st.TempFile() // the store keeps a signed CRL beside each generation; here nobody asks for it
	if err != nil {
		return change, err
	}
	if err := signed.Close(); err != nil {
		return change, err
	}
	return build.Commit(verify.CRLInfo(crl, series, scope, file), signed.Name(), revocation.SourceState{Issuer: series, URL: file},
		store.CommitOptions{})
}

// entryIn is what the CRL in force of a series says of a serial, nil when it does not list it.
func entryIn(st *store.Store, series revocation.IssuerID, serial revocation.Serial) *entryReport {
	var ev revocation.Evidence
	st.Evidence(series, serial, &ev)
	for i := range ev.CRLs {
		if e := &ev.CRLs[i].Entry; ev.CRLs[i].Listed {
			return &entryReport{RevokedAt: e.RevokedAt.UTC(), Reason: e.Reason.String(), InvalidityDate: e.InvalidityDate}
		}
	}
	return nil
}

func (r *diffReport) print(w io.Writer) {
	fmt.Fprintf(w, "%d added, %d removed, %d changed\n", r.Added, r.Removed, r.Changed)
	for _, e := range r.Entries {
		switch {
		case e.Old == nil:
			fmt.Fprintf(w, "+ %s  %s\n", e.Serial, e.New.sentence())
		case e.New == nil:
			fmt.Fprintf(w, "- %s  %s\n", e.Serial, e.Old.sentence())
		default:
			fmt.Fprintf(w, "~ %s  %s; was %s\n", e.Serial, e.New.sentence(), e.Old.sentence())
		}
	}
	if r.Entries == nil && r.Added+r.Removed+r.Changed > 0 {
		fmt.Fprintln(w, "too many to list")
	}
}
