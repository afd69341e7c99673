package store

import (
	"bytes"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// upstreamAfter reads the revocations of an issuer that the CA's own responder told of, in serial order.
func (s *Store) upstreamAfter(issuer revocation.IssuerID, after revocation.Serial, limit int) (list []revocation.Listing, err error) {
	from := adminKey(issuer, after)
	err = s.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(upstreamBucket).Cursor()
		for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, issuer[:]) && len(list) < limit; k, v = c.Next() {
			if bytes.Equal(k, from) {
				continue
			}
			b, err := unseal(upstreamBucket, k, v)
			if err != nil {
				return err
			}
			f, err := decodeUpstream(b)
			if err != nil {
				return err
			}
			_, serial, err := splitAdminKey(k)
			if err != nil {
				return err
			}
			list = append(list, revocation.Listing{Serial: serial, Entry: f.Entry, Source: revocation.SourceUpstream})
		}
		return nil
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
