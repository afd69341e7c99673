package pkitest_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// TestFormsOfCRLsAreReadAsMade reads CRLs of every form with our decoder.
func TestFormsOfCRLsAreReadAsMade(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	entry := x509.RevocationListEntry{SerialNumber: big.NewInt(5), RevocationTime: time.Now()}
	entry.ExtraExtensions = append(entry.ExtraExtensions, pkitest.CertificateIssuer(ca.Certificate))
	for _, scope := range []pkitest.Scope{
		{URIs: []string{"http://a.test/1", "http://a.test/2"}}, {OnlyUser: true}, {OnlyCA: true}, {Indirect: true},
		{OnlyReasons: 1 << 1}, {OnlyReasons: 1<<3 | 1<<8, OnlyCA: true, Indirect: true, URIs: []string{"http://a.test/1"}}} {
		der, err := ca.CRL(pkitest.CRLOptions{Number: big.NewInt(9), Entries: []x509.RevocationListEntry{entry},
			Extensions: []pkix.Extension{pkitest.DeltaIndicator(7), scope.IDP(), pkitest.FreshestCRL("http://a.test/d")}})
		if err != nil {
			t.Fatal(err)
		}
		var of []byte
		crl, err := crlder.Decode(bytes.NewReader(der), crlder.Options{}, func(r *revocation.Record) error {
			of = r.CertificateIssuer
			return nil
		})
		if err != nil {
			t.Fatalf("%+v: %v", scope, err)
		}
		p := crl.IDP
		read := pkitest.Scope{URIs: p.URIs, OnlyUser: p.OnlyUser, OnlyCA: p.OnlyCA, Indirect: p.Indirect, OnlyReasons: pkitest.Reasons(p.OnlyReasons)}
		if !reflect.DeepEqual(read, scope) {
			t.Errorf("read %+v, made %+v", read, scope)
		}
		if crl.BaseNumber != "\x07" || !reflect.DeepEqual(crl.FreshestCRL, []string{"http://a.test/d"}) || !bytes.Equal(of, ca.Certificate.RawSubject) {
			t.Errorf("base %s, freshest %v, certificate issuer %x", crl.BaseNumber, crl.FreshestCRL, of)
		}
	}
}

func TestDistributionPointsAreReadAsMade(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	points, err := crlder.ParseDistributionPoints(pkitest.DistributionPoints(
		pkitest.Point{URIs: []string{"http://a.test/1"}}, pkitest.Point{CRLIssuer: ca.Certificate.RawSubject}).Value)
	if err != nil || len(points) != 2 || points[0].URIs()[0] != "http://a.test/1" || !bytes.Equal(points[1].CRLIssuers[0], ca.Certificate.RawSubject) {
		t.Errorf("read %+v, %v", points, err)
	}
}

func TestASignerOfCRLsMayHaveTheNameOfTheCA(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ca.Issue(pkitest.LeafOptions{Subject: ca.Certificate.RawSubject, KeyUsage: x509.KeyUsageCRLSign})
	if err != nil || !bytes.Equal(p.Certificate.RawSubject, ca.Certificate.RawSubject) {
		t.Fatalf("%v, %v", p, err)
	}
	signer := pkitest.CA{Certificate: p.Certificate, Key: p.Key}
	der, err := signer.CRL(pkitest.CRLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	crl, err := x509.ParseRevocationList(der)
	if err != nil || !bytes.Equal(crl.AuthorityKeyId, p.Certificate.SubjectKeyId) {
		t.Errorf("%v: a CRL of %x by %x", err, crl.AuthorityKeyId, p.Certificate.SubjectKeyId)
	}
}
