package crlder

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"github.com/vetopki/veto/revocation"
)

// The textual encoding of a CRL (RFC 7468 §6).
const (
	pemBegin = "-----BEGIN X509 CRL-----"
	pemEnd   = "-----END X509 CRL-----"

	maxPreamble = 64 << 10 // explanatory text before it, such as `openssl crl -text` writes (RFC 7468 §2)
)

// unwrap returns the DER octets of r, which may be wrapped in PEM. A DER CRL begins with a SEQUENCE, the digit 0 in ASCII, which
// no line of a PEM file begins with in practice.
func unwrap(r io.Reader) (io.Reader, bool, error) {
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		if err == io.EOF {
			return nil, false, revocation.Refuse("truncated", "", "the CRL is empty")
		}
		return nil, false, readFailed(err)
	}
	whole := io.MultiReader(bytes.NewReader(first[:]), r)
	if first[0] == tagSequence {
		return whole, false, nil
	}
	br := bufio.NewReaderSize(whole, maxPreamble)
	if err := skipPreamble(br); err != nil {
		return nil, false, err
	}
	return &pemReader{br: br, decoder: base64.NewDecoder(base64.StdEncoding.Strict(), &pemBody{br})}, true, nil
}

// skipPreamble reads up to and including the BEGIN line.
func skipPreamble(br *bufio.Reader) error {
	head, err := br.Peek(maxPreamble)
	if err != nil && err != io.EOF {
		return readFailed(err)
	}
	for at := 0; at < len(head); {
		line, _, found := bytes.Cut(head[at:], []byte("\n"))
		if string(bytes.TrimRight(line, " \t\r")) == pemBegin {
			_, err := br.Discard(at + len(line))
			return err
		}
		if !found {
			break
		}
		at += len(line) + 1
	}
	return revocation.Refuse("parse", "RFC 5280 §5.1", "this is no CRL: neither DER nor PEM with the line %s; it begins with %.32q",
		pemBegin, head)
}

// pemReader decodes the body and, at its end, sees that the END line follows and nothing after it.
type pemReader struct {
	br      *bufio.Reader
	decoder io.Reader
	done    error // why there is no more, once that is known
}

func (p *pemReader) Read(b []byte) (int, error) {
	if p.done != nil {
		return 0, p.done
	}
	n, err := p.decoder.Read(b)
	p.done = p.reason(err)
	return n, p.done
}

// reason says what an error of the base64 decoder means.
func (p *pemReader) reason(err error) error {
	switch {
	case err == io.EOF:
		return p.end()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return revocation.Refuse("truncated", "RFC 7468 §3", "the base64 of the PEM file ends within a group of four characters")
	}
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return revocation.Refuse("parse", "RFC 7468 §3", "the PEM file has a character that is not base64 near character %d",
			int64(corrupt))
	}
	return err
}

func (p *pemReader) end() error {
	line, err := p.br.ReadSlice('\n')
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return err
	}
	if string(bytes.TrimRight(line, " \t\r\n")) != pemEnd {
		return revocation.Refuse("truncated", "RFC 7468 §3", "the PEM file ends without the line %s", pemEnd)
	}
	for {
		switch c, err := p.br.ReadByte(); {
		case err != nil:
			return err // io.EOF is what we want
		case !isSpace(c):
			return revocation.Refuse("parse", "RFC 7468 §2", "text follows the CRL in the PEM file; a file holds one CRL and nothing else")
		}
	}
}

// pemBody is the base64 text without white space, up to the dash that begins the END line.
type pemBody struct{ br *bufio.Reader }

func (p *pemBody) Read(b []byte) (int, error) {
	for {
		if _, err := p.br.Peek(1); err != nil {
			return 0, err
		}
		chars, _ := p.br.Peek(min(p.br.Buffered(), len(b)))
		n, used := 0, 0
		for ; used < len(chars) && chars[used] != '-'; used++ {
			if c := chars[used]; !isSpace(c) {
				b[n] = c
				n++
			}
		}
		p.br.Discard(used)
		switch {
		case n > 0:
			return n, nil
		case used < len(chars):
			return 0, io.EOF
		}
	}
}

func isSpace(c byte) bool { return c == '\n' || c == '\r' || c == ' ' || c == '\t' }
