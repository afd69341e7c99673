package main

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// certificateSet is what the certificate files of veto verify hold.
type certificateSet struct {
	leaf             *x509.Certificate
	leafError        error // the leaf is there and cannot be read
	untrusted, roots []*x509.Certificate
}

// all are the certificates whose entries in CRLs matter: those of any path, and those of signers.
func (s *certificateSet) all() []*x509.Certificate {
	list := append([]*x509.Certificate(nil), s.untrusted...)
	list = append(list, s.roots...)
	if s.leaf != nil {
		list = append(list, s.leaf)
	}
	return list
}

// answer reads the files and judges. What is left out of them is said on messages.
func (q *verifyQuestion) answer(messages io.Writer) (*verifyReport, error) {
	set := &certificateSet{}
	first, rest, err := leafAndOthers(q.leaf)
	if err != nil {
		return nil, err
	}
	set.leaf, set.leafError = verify.ParseCertificate(first)
	for _, der := range rest {
		set.untrusted = appendParsed(set.untrusted, der, q.leaf, messages)
	}
	for _, file := range q.untrusted {
		ders, err := certificateDERs(file)
		if err != nil {
			return nil, err
		}
		for _, der := range ders {
			set.untrusted = appendParsed(set.untrusted, der, file, messages)
		}
	}
	ders, err := certificateDERs(q.roots)
	if err != nil {
		return nil, err
	}
	for _, der := range ders {
		set.roots = appendParsed(set.roots, der, q.roots, messages)
	}
	if len(set.roots) == 0 {
		return nil, usage("%s has no root certificate that can be read", q.roots)
	}
	var crls []crlFile
	for _, file := range q.crls {
		more, err := readCRLs(file, set.all())
		if err != nil {
			return nil, err
		}
		crls = append(crls, more...)
	}
	return q.judge(set, crls), nil
}

func leafAndOthers(file string) (leaf []byte, others [][]byte, err error) {
	ders, err := certificateDERs(file)
	if err != nil {
		return nil, nil, err
	}
	return ders[0], ders[1:], nil
}

// appendParsed appends a certificate; one that cannot be read helps nobody and is left out.
func appendParsed(list []*x509.Certificate, der []byte, file string, messages io.Writer) []*x509.Certificate {
	c, err := verify.ParseCertificate(der)
	if err != nil {
		fmt.Fprintf(messages, "veto: %s: a certificate is left out: %v\n", file, err)
		return list
	}
	return append(list, c)
}

// certificateDERs returns the certificates of a file, one at least: the CERTIFICATE blocks of PEM, or DER one after the other.
func certificateDERs(file string) ([][]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("%v", err)
	}
	var list [][]byte
	if bytes.Contains(data, []byte("-----BEGIN")) {
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" || block.Type == "X509 CERTIFICATE" {
				list = append(list, block.Bytes)
			}
		}
	} else {
		for at := int64(0); at < int64(len(data)); {
			size, ok := crlder.ElementSize(data[at:])
			if !ok || size > int64(len(data))-at {
				size = int64(len(data)) - at // whoever parses it says what is wrong
			}
			list = append(list, data[at:at+size])
			at += size
		}
	}
	if len(list) == 0 {
		return nil, usage("%s has no certificate, PEM or DER", file)
	}
	return list, nil
}

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
