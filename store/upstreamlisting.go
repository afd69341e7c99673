package store

import "github.com/vetopki/veto/revocation"

// upstreamAfter reads the revocations of an issuer that the CA's own responder told of, in serial order.
func (s *Store) upstreamAfter(issuer revocation.IssuerID, after revocation.Serial, limit int) (list []revocation.Listing, err error) {
	err = s.rowsAfter(upstreamBucket, issuer, after, limit, func(serial revocation.Serial, value []byte) error {
		f, err := decodeUpstream(value)
		list = append(list, revocation.Listing{Serial: serial, Entry: f.Entry, Source: revocation.SourceUpstream})
		return err
	})
	return list, err
}

// joinListings merges two lists in serial order, each with a serial at most once. Of a serial in both, the administrator's row goes
// before, unless it was released.
func joinListings(admin, told []revocation.Listing) []revocation.Listing {
	if len(told) == 0 {
		return admin
	}
	all := make([]revocation.Listing, 0, len(admin)+len(told))
	for len(admin) > 0 && len(told) > 0 {
		switch order := compareSerials(string(admin[0].Serial), string(told[0].Serial)); {
		case order < 0:
			all, admin = append(all, admin[0]), admin[1:]
		case order > 0:
			all, told = append(all, told[0]), told[1:]
		default:
			if admin[0].Released {
				all = append(all, told[0])
			} else {
				all = append(all, admin[0])
			}
			admin, told = admin[1:], told[1:]
		}
	}
	return append(append(all, admin...), told...)
}
