package revocation

import "time"

// InventoryInfo describes the inventory of an issuer: the list of all serials its CA issued, as the CA gave it. It is what tells a
// serial that was never issued from one that is good (RFC 6960 §2.2).
type InventoryInfo struct {
	Issuer  IssuerID
	Serials uint64    // distinct, those added since it was put included
	SHA256  [32]byte  // of the list as it was put, octet by octet
	PutAt   time.Time // when the list was put, and who did
	PutBy   string

	Added   uint64    // of Serials: since the list was put
	AddedAt time.Time // the last time; zero when none was
	AddedBy string

	Damaged bool // some of it cannot be read: what it would answer for is unknown until it is put again
}

// InventoryChange is what a change of an inventory did.
type InventoryChange struct {
	Info       InventoryInfo // as it is now; as it was, when it was removed
	Generation uint64        // of the store, from which it holds
	Added      uint64        // serials that count as issued since this change, and did not before
	Removed    uint64        // serials that did and do not any more
}

// ChangeNote is who changes something and why, for the audit chain.
type ChangeNote struct {
	By      string // the name of the token
	At      time.Time
	Comment string
}
