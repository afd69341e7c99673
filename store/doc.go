// Package store keeps what veto knows across restarts, and answers for it without a lock.
//
// One small database, state.db, holds what was acknowledged: administrative records, their audit chain, the change log, what
// is remembered of each CRL source, and which generation of each CRL scope is in force. Every change is one fsynced
// transaction; concurrent changes share one. Beside it each CRL (RFC 5280 §5) becomes one immutable generation file of
// sorted, packed entries, built whole, checked, and put in force by one transaction in state.db. A crash at any
// point leaves the old generation or the new one, never a part. FORMAT.md gives both layouts byte by byte. A delta CRL (§5.2.4) has generations of
// its own; a lookup puts it on top of its complete CRL. What a complete CRL drops too much of at once stays, retained.
//
// [Store.Evidence] reads an immutable view behind an atomic pointer: no lock, no transaction, no allocation. A replaced
// generation stays mapped until the garbage collector finds that no reader holds it.
//
// The package refuses to guess: a state.db it cannot read stops [Open] and is never replaced by an empty one, a damaged
// generation is quarantined and is never evidence that a serial is good, and a change is acknowledged only when it is durable.
//
// It needs a local file system with mmap and flock (any Unix); it starts no goroutine.
package store
