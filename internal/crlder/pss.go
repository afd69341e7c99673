package crlder

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// maxSalt is far beyond any salt that fits an RSA signature.
const maxSalt = 4096

// pssParameters reads RSASSA-PSS-params (RFC 4055 §3.1):
//
//	SEQUENCE { hashAlgorithm [0] DEFAULT sha1, maskGenAlgorithm [1] DEFAULT mgf1SHA1, saltLength [2] INTEGER DEFAULT 20,
//	    trailerField [3] INTEGER DEFAULT 1 }
//
// Defaults written out are accepted: encoders in use do so, and the signed octets do not depend on how we read them.
func (a *Algorithm) pssParameters(p der) {
	a.Hash, a.SaltLength = crypto.SHA1, 20
	mask := crypto.SHA1
	err := func() error {
		seq, err := p.expect(tagSequence, "RSASSA-PSS-params")
		if err != nil {
			return err
		}
		if err := pssField(&seq, 0, func(v der) (err error) { a.Hash, err = pssHash(&v); return err }); err != nil {
			return err
		}
		if err := pssField(&seq, 1, func(v der) (err error) { mask, err = pssMask(&v); return err }); err != nil {
			return err
		}
		if err := pssField(&seq, 2, func(v der) (err error) { a.SaltLength, err = pssInteger(&v); return err }); err != nil {
			return err
		}
		trailer := 1
		if err := pssField(&seq, 3, func(v der) (err error) { trailer, err = pssInteger(&v); return err }); err != nil {
			return err
		}
		switch {
		case trailer != 1:
			return fmt.Errorf("trailer field %d", trailer)
		case mask != a.Hash:
			return fmt.Errorf("mask generation with %v for a digest by %v", mask, a.Hash)
		}
		return seq.end("RSASSA-PSS-params")
	}()
	if err != nil {
		why := err.Error()
		if refusal, ok := errors.AsType[*revocation.Refusal](err); ok {
			why = refusal.Detail
		}
		a.Hash, a.Problem = 0, "the RSASSA-PSS parameters are malformed or not supported (RFC 4055 §3.1): "+why
		return
	}
	a.Name = fmt.Sprintf("rsassaPss (%v, salt %d)", a.Hash, a.SaltLength)
}

// pssField reads the explicitly tagged field when it is there.
func pssField(seq *der, number byte, read func(der) error) error {
	if seq.next() != tagConstructed|number {
		return nil
	}
	v, err := seq.expect(tagConstructed|number, "field of RSASSA-PSS-params")
	if err != nil {
		return err
	}
	return read(v)
}

// pssHash reads the AlgorithmIdentifier of a digest, with NULL parameters or none.
func pssHash(v *der) (crypto.Hash, error) {
	seq, err := v.expect(tagSequence, "hashAlgorithm")
	if err != nil {
		return 0, err
	}
	oid, err := seq.expect(tagOID, "hashAlgorithm")
	if err != nil {
		return 0, err
	}
	if !seq.empty() && string(seq.b) != "\x05\x00" {
		return 0, fmt.Errorf("hashAlgorithm has parameters")
	}
	switch string(oid.b) {
	case "\x2b\x0e\x03\x02\x1a": // 1.3.14.3.2.26
		return crypto.SHA1, v.end("hashAlgorithm")
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x01": // 2.16.840.1.101.3.4.2.1
		return crypto.SHA256, v.end("hashAlgorithm")
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x02":
		return crypto.SHA384, v.end("hashAlgorithm")
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x03":
		return crypto.SHA512, v.end("hashAlgorithm")
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x04":
		return crypto.SHA224, v.end("hashAlgorithm")
	}
	return 0, fmt.Errorf("digest %s", oidString(oid))
}

// pssMask reads the AlgorithmIdentifier of MGF1, whose parameter is a digest.
func pssMask(v *der) (crypto.Hash, error) {
	seq, err := v.expect(tagSequence, "maskGenAlgorithm")
	if err != nil {
		return 0, err
	}
	oid, err := seq.expect(tagOID, "maskGenAlgorithm")
	if err != nil {
		return 0, err
	}
	if string(oid.b) != "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" { // 1.2.840.113549.1.1.8
		return 0, fmt.Errorf("mask generation function %s", oidString(oid))
	}
	hash, err := pssHash(&seq)
	if err != nil {
		return 0, err
	}
	return hash, v.end("maskGenAlgorithm")
}

// pssInteger reads a small INTEGER that is not negative.
func pssInteger(v *der) (int, error) {
	n, err := v.expect(tagInteger, "INTEGER")
	if err != nil {
		return 0, err
	}
	if revocation.CheckSerialDER(n.b) != nil || n.b[0] >= 0x80 || len(n.b) > 3 {
		return 0, fmt.Errorf("INTEGER 0x%x", n.b)
	}
	value := 0
	for _, o := range n.b {
		value = value<<8 | int(o)
	}
	if value > maxSalt {
		return 0, fmt.Errorf("INTEGER %d", value)
	}
	return value, v.end("INTEGER")
}
