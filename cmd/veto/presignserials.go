package main

import (
	"iter"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// serials are those of one key that are kept signed in a mode, by the configuration of its issuer.
func (p *presigner) serials(k *knownIssuer, key revocation.IssuerID, mode string) iter.Seq[revocation.Serial] {
	switch of := k.config.OCSP.Presign; {
	case mode == config.PresignRevoked && of != config.PresignNone:
		return p.revoked(key)
	case mode == config.PresignIssued && of == config.PresignIssued:
		return p.issued(k.ID)
	}
	return func(func(revocation.Serial) bool) {}
}

// keeps says whether a round would come to a serial.
func (p *presigner) keeps(a asked) bool {
	k, known := p.directory.table.Load().byID[a.issuer]
	if !known || k.config.OCSP.Presign == config.PresignNone {
		return false
	}
	return p.judge.Status(a.issuer, a.serial, judgedAt(p.store)).Status == revocation.Revoked ||
		k.config.OCSP.Presign == config.PresignIssued &&
			p.store.InventoryFinding(p.directory.inventoryKey(k.ID), a.serial) == revocation.Issued
}

// revoked are the revoked serials of an issuer in their order, until the store cannot be read, which it says elsewhere.
func (p *presigner) revoked(issuer revocation.IssuerID) iter.Seq[revocation.Serial] {
	return func(yield func(revocation.Serial) bool) {
		var after revocation.Serial
		for {
			rows, err := p.store.Revocations(issuer, after, presignPage)
			if err != nil || len(rows) == 0 {
				return
			}
			for i := range rows {
				if after = rows[i].Serial; !rows[i].Released && !yield(after) {
					return
				}
			}
		}
	}
}

// issued are the serials in the inventory of an issuer, likewise.
func (p *presigner) issued(issuer revocation.IssuerID) iter.Seq[revocation.Serial] {
	return func(yield func(revocation.Serial) bool) {
		var after revocation.Serial
		for {
			list, err := p.store.Issued(p.directory.inventoryKey(issuer), after, presignPage)
			if err != nil || len(list) == 0 {
				return
			}
			for _, after = range list {
				if !yield(after) {
					return
				}
			}
		}
	}
}
