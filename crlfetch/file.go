package crlfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/vetopki/veto/revocation"
)

// fetchFile copies a local file, so that whoever owns it may replace it at any time. Its modification time and size serve as the
// entity tag.
func fetchFile(ctx context.Context, path string, src Source, known validators, dst landing) (download, error) {
	// Looked at before it is opened: opening a named pipe waits for a writer.
	if before, err := os.Stat(path); err != nil {
		return download{}, fileFailed(err)
	} else if !before.Mode().IsRegular() {
		return download{}, revocation.Refuse("file", "", "%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return download{}, fileFailed(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return download{}, fileFailed(err)
	}
	tag := fileTag(st)
	switch {
	case tag == known.etag:
		return download{notModified: true, validators: known}, nil
	case st.Size() > src.MaxBytes:
		return download{}, tooBig(fmt.Sprintf("the file has %d octets", st.Size()), src.MaxBytes)
	}
	dst.progress.expect(st.Size())
	return copyFile(ctx, f, tag, src, dst)
}

// copyFile refuses a file that was written while it was read: it may hold half of each of two CRLs.
func copyFile(ctx context.Context, f *os.File, tag string, src Source, dst landing) (download, error) {
	out := newSink(dst, src.MaxBytes)
	if _, err := io.Copy(out, &contextReader{ctx, f}); err != nil {
		if _, local := errors.AsType[*fs.PathError](err); local && !errors.Is(err, errStore) {
			return download{}, fileFailed(err)
		}
		return download{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return download{}, fileFailed(err)
	}
	if fileTag(after) != tag {
		return download{}, revocation.Refuse("truncated", "",
			"the file was written while it was read; write a new CRL beside it and rename it into place")
	}
	got := out.download()
	got.validators.etag = tag
	return got, nil
}

func fileTag(st fs.FileInfo) string {
	return fmt.Sprintf(`"%d-%d"`, st.ModTime().UnixNano(), st.Size())
}

// fileFailed drops nothing: the path is the operator's own.
func fileFailed(err error) error {
	return revocation.Refuse("file", "", "the file cannot be read: %v", err)
}

// contextReader reads until the context ends, and then reports why it did.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(b)
}
