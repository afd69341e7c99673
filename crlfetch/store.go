package crlfetch

import (
	"os"

	"github.com/vetopki/veto/revocation"
)

// Store remembers, for each scope, the CRL in force and how its source fared. It must be safe for concurrent use.
type Store interface {
	// CRLInfo describes the CRL in force, nil when none is held.
	CRLInfo(revocation.ScopeID) *revocation.CRLInfo

	// SourceState is what SaveSourceState or a commit stored last, the zero value when nothing was.
	SourceState(revocation.ScopeID) revocation.SourceState
	SaveSourceState(revocation.ScopeID, revocation.SourceState) error
}

// Builder makes what replaces a CRL. It must be safe for concurrent use; of one scope there is at most one build at a time.
type Builder interface {
	// TempFile creates an empty file for a download, on the file system a committed CRL is kept on. This package closes it and,
	// unless a commit moved it away, removes it.
	TempFile() (*os.File, error)

	// NewBuild begins the next generation of a scope. The caller ends it with exactly one Commit or Abort.
	NewBuild(revocation.IssuerID, revocation.ScopeID) (Build, error)
}

// Build collects the entries of one CRL. Readers see none of it before Commit returned without an error. After a Commit that
// failed the CRL before is in force, and nothing is left of the build.
type Build interface {
	// Add takes one entry. The record and its serial are only valid during the call.
	Add(*revocation.Record) error

	// Commit puts the CRL in force together with the state of its source. signed is the name of the file that holds the
	// signed CRL, DER; Commit may move it away. What a complete CRL drops beyond maxShrink percent of the CRL in force stays revoked.
	Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, maxShrink float64) (revocation.CRLChange, error)

	// Abort throws the build away.
	Abort()
}
