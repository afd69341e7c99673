package client

import (
	"crypto/ed25519"
	"fmt"

	"github.com/vetopki/veto/internal/snapshot"
)

// ParseSnapshotKey reads [MirrorOptions.SnapshotKey] from PEM: an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4).
func ParseSnapshotKey(text []byte) (ed25519.PublicKey, error) {
	key, err := snapshot.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("the key of snapshots: what was given %w", err)
	}
	return key, nil
}
