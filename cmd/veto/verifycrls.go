package main

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// crlFile is one CRL of a file: a view of it, or why it cannot be read.
type crlFile struct {
	name string
	view *verify.CRLView
	err  error
}

func views(crls []crlFile) []*verify.CRLView {
	var list []*verify.CRLView
	for _, c := range crls {
		if c.view != nil {
			list = append(list, c.view)
		}
	}
	return list
}

// readCRLs streams every CRL of a file and keeps the entries of the certificates. A CRL that cannot be read is no error: it says
// nothing, and the report says why.
func readCRLs(file string, certificates []*x509.Certificate) ([]crlFile, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, usage("%v", err)
	}
	defer f.Close()
	sections, err := crlSections(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	var list []crlFile
	for i, section := range sections {
		one := crlFile{name: file}
		if len(sections) > 1 {
			one.name = fmt.Sprintf("%s #%d", file, i+1)
		}
		collector := verify.Collect(certificates)
		crl, err := crlder.Decode(section, crlder.Options{}, collector.Add)
		if err == nil {
			one.view = collector.View(crl, one.name)
		} else if _, refused := errors.AsType[*revocation.Refusal](err); !refused {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		one.err = err
		list = append(list, one)
	}
	return list, nil
}

// crlSections cuts a file into its CRLs, without reading it into memory.
func crlSections(f *os.File) ([]*io.SectionReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 1)
	if n, err := f.ReadAt(head, 0); n == 0 && err != io.EOF {
		return nil, err
	}
	if head[0] != 0x30 { // no SEQUENCE
		return pemSections(f, info.Size())
	}
	return derSections(f, info.Size())
}

// derSections cuts at the end of each element. What follows the last whole one goes with it, so that the decoder refuses both.
func derSections(f io.ReaderAt, size int64) ([]*io.SectionReader, error) {
	var list []*io.SectionReader
	header := make([]byte, 16)
	for at := int64(0); at < size; {
		n, err := f.ReadAt(header, at)
		if err != nil && err != io.EOF {
			return nil, err
		}
		length, ok := crlder.ElementSize(header[:n])
		if next := at + length; !ok || next > size || next < size && !startsElement(f, next) {
			length = size - at
		}
		list = append(list, io.NewSectionReader(f, at, length))
		at += length
	}
	return list, nil
}

func startsElement(f io.ReaderAt, at int64) bool {
	tag := make([]byte, 1)
	n, _ := f.ReadAt(tag, at)
	return n == 1 && tag[0] == 0x30
}

// pemSections cuts before each BEGIN line of a CRL, and after each END line. A file without any is one section.
func pemSections(f io.ReaderAt, size int64) ([]*io.SectionReader, error) {
	var list []*io.SectionReader
	br := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 64<<10)
	begin, at := int64(-1), int64(0)
	for {
		line, err := br.ReadSlice('\n')
		switch text := bytes.TrimSpace(line); {
		case string(text) == "-----BEGIN X509 CRL-----":
			begin = at
		case string(text) == "-----END X509 CRL-----" && begin >= 0:
			list = append(list, io.NewSectionReader(f, begin, at+int64(len(line))-begin))
			begin = -1
		}
		at += int64(len(line))
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if begin >= 0 {
		list = append(list, io.NewSectionReader(f, begin, size-begin)) // cut off: the decoder says so
	}
	if len(list) == 0 {
		list = append(list, io.NewSectionReader(f, 0, size))
	}
	return list, nil
}
