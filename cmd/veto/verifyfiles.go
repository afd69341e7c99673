package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"

	"github.com/vetopki/veto/internal/crlder"
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
	var staple []byte
	if q.staple != "" {
		if staple, err = os.ReadFile(q.staple); err != nil {
			return nil, usage("--ocsp-response: %v", err)
		}
	}
	return q.judge(set, crls, staple), nil
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
