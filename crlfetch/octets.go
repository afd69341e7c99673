package crlfetch

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"strings"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// notACRL adds to a decoder's refusal what a person would see at once: that a server answered with a page.
func notACRL(tmp *os.File, err error) error {
	refusal, ok := errors.AsType[*revocation.Refusal](err)
	if !ok || refusal.Rule != "parse" {
		return err
	}
	var head [512]byte
	n, _ := tmp.ReadAt(head[:], 0)
	if strings.HasPrefix(http.DetectContentType(head[:n]), "text/html") {
		return revocation.Refuse("parse", "RFC 5280 §4.2.1.13",
			"the source sent something that looks like an HTML page, not a CRL; open the URL in a browser to see what it says")
	}
	return err
}

// keepDER makes the download what a store keeps: the DER encoding, without the PEM text that may have been around it. It ends
// the writing to the file.
func keepDER(tmp *os.File, crl *crlder.CRL) error {
	if crl.PEM {
		if err := unwrapPEM(tmp, crl); err != nil {
			return storeFailed("unwrapping the PEM file", err)
		}
	}
	if err := tmp.Close(); err != nil {
		return storeFailed("writing the download", err)
	}
	return nil
}

// unwrapPEM rewrites a PEM file (RFC 7468 §6) the decoder accepted as DER, in place: DER is shorter, so writing never catches up
// with reading. The digest says that it is what was decoded.
func unwrapPEM(f *os.File, crl *crlder.CRL) error {
	text := bufio.NewReader(io.NewSectionReader(f, 0, math.MaxInt64))
	if err := skipTo(text, "-----BEGIN"); err != nil {
		return err
	}
	hash := sha256.New()
	out := io.MultiWriter(io.NewOffsetWriter(f, 0), hash)
	size, err := io.Copy(out, base64.NewDecoder(base64.StdEncoding, &pemBody{text}))
	switch {
	case err != nil:
		return err
	case [sha256.Size]byte(hash.Sum(nil)) != crl.SHA256:
		return errors.New("the result is not what was decoded")
	}
	return f.Truncate(size)
}

// skipTo reads up to the end of the first line with a prefix.
func skipTo(text *bufio.Reader, prefix string) error {
	for {
		line, err := text.ReadString('\n')
		if strings.HasPrefix(line, prefix) || err != nil {
			return err
		}
	}
}

// pemBody is the base64 text up to the dash that begins the END line, without blanks and tabs; line ends the decoder skips.
type pemBody struct{ text *bufio.Reader }

func (p *pemBody) Read(b []byte) (n int, err error) {
	for n < len(b) {
		c, err := p.text.ReadByte()
		switch {
		case err != nil:
			return n, err
		case c == '-':
			return n, io.EOF
		case c != ' ' && c != '\t':
			b[n], n = c, n+1
		}
	}
	return n, nil
}
