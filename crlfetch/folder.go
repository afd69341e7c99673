package crlfetch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// maxFolder bounds how many files of a folder are looked at: each of them is read.
const maxFolder = 1000

// crlExtensions are the file names that a folder is searched for.
var crlExtensions = []string{".crl", ".pem", ".der"}

// fetchFolder copies the file of a folder that holds the newest CRL of the issuer. Names, times and sizes of all files together
// serve as the entity tag.
func fetchFolder(ctx context.Context, dir string, src Source, known validators, pick picker, dst landing) (download, error) {
	paths, tag, err := crlFiles(dir)
	switch {
	case err != nil:
		return download{}, err
	case tag == known.etag:
		return download{notModified: true, validators: known}, nil
	}
	list := make([]candidate, len(paths))
	for i, p := range paths {
		list[i] = candidate{name: filepath.Base(p), open: func() (io.ReadCloser, error) { return openCapped(p, src.MaxBytes) }}
	}
	i, err := pick(ctx, list)
	if err != nil {
		return download{}, err
	}
	got, err := fetchFile(ctx, paths[i], src, validators{}, dst)
	got.validators.etag = tag
	return got, err
}

// crlFiles lists the CRL files of a folder by name, without hidden ones and what is no regular file.
func crlFiles(dir string) (paths []string, tag string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", fileFailed(err)
	}
	hash := sha256.New()
	for _, e := range entries { // sorted by name
		if strings.HasPrefix(e.Name(), ".") || !slices.Contains(crlExtensions, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue // it went away, or is a folder or a pipe
		}
		fmt.Fprintf(hash, "%q %s\n", e.Name(), fileTag(st))
		paths = append(paths, path)
	}
	switch {
	case len(paths) == 0:
		return nil, "", revocation.Refuse("file", "", "the folder %s has no file that ends in .crl, .pem or .der", dir)
	case len(paths) > maxFolder:
		return nil, "", revocation.Refuse("file", "", "the folder %s has %d CRL files, at most %d are searched; remove the old ones", dir,
			len(paths), maxFolder)
	}
	return paths, fmt.Sprintf(`"folder-%x"`, hash.Sum(nil)[:16]), nil
}

func openCapped(path string, most int64) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileFailed(err)
	}
	if st, err := f.Stat(); err != nil || st.Size() > most {
		f.Close()
		return nil, tooBig("the file is larger", most)
	}
	return f, nil
}
