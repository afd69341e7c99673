package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Around a CRL in PEM (RFC 7468 §7).
const (
	pemBegin = "-----BEGIN X509 CRL-----\n"
	pemEnd   = "-----END X509 CRL-----\n"
	pemLine  = 48 // octets on a line, as 64 characters
)

// servePEM writes CRLs as it reads them: in memory ten million entries would take half a gigabyte for each who asks. The header has the
// ETag already.
func servePEM(w http.ResponseWriter, r *http.Request, held []heldCRL) {
	size, last := int64(0), time.Time{}
	for _, h := range held {
		size += pemSize(h.info.Size)
		if h.info.ThisUpdate.After(last) {
			last = h.info.ThisUpdate
		}
	}
	w.Header().Set("Last-Modified", last.UTC().Format(http.TimeFormat))
	if unchanged(r, w.Header().Get("ETag"), last) {
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return
	}
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	for _, h := range held {
		err = errors.Join(err, writePEM(out, h.file, h.info.Size))
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		panic(http.ErrAbortHandler) // half a file must not look like one
	}
}

// unchanged says whether the client has what has this tag (RFC 9110 §13.1.2, §13.1.3).
func unchanged(r *http.Request, tag string, last time.Time) bool {
	if held := r.Header.Get("If-None-Match"); held != "" {
		return held == "*" || strings.Contains(held, tag) // a tag stands in quotes, alone or in a list
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !last.Truncate(time.Second).After(since)
}

// pemSize is how long so many octets are in PEM.
func pemSize(octets int64) int64 {
	lines := (octets + pemLine - 1) / pemLine
	return int64(len(pemBegin)+len(pemEnd)) + (octets+2)/3*4 + lines
}

func writePEM(out *bufio.Writer, der io.Reader, size int64) error {
	out.WriteString(pemBegin) // an error stays until the end
	var octets [pemLine]byte
	line := make([]byte, 0, 65)
	in := bufio.NewReaderSize(io.LimitReader(der, size), 64<<10)
	for left := size; left > 0; {
		part := octets[:min(left, pemLine)]
		if _, err := io.ReadFull(in, part); err != nil {
			return fmt.Errorf("reading a CRL: %w", err)
		}
		left -= int64(len(part))
		line = append(base64.StdEncoding.AppendEncode(line[:0], part), '\n')
		out.Write(line)
	}
	_, err := out.WriteString(pemEnd)
	return err
}
