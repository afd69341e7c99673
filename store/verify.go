package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
)

// errDigest says that a generation file is not what was written.
var errDigest = errors.New("the digest of the blocks does not match the header")

// verify reads the whole file: every block against its checksum, and the checksums against the digest. Until it has succeeded once, lookups check
// each block they touch; afterwards they do not.
func (g *generation) verify() error { return g.verifyContext(context.Background()) }

func (g *generation) verifyContext(ctx context.Context) error {
	err := guarded(func() error { return g.readAll(ctx) })
	if err != nil && ctx.Err() == nil {
		g.damaged.Store(true)
		err = fmt.Errorf("verifying generation %d of scope %s: %w", g.n, g.info.Scope, err)
	}
	runtime.KeepAlive(g)
	return err
}

func (g *generation) readAll(ctx context.Context) error {
	h, w := sha256.New(), walker{g: g}
	for i := range g.blocks {
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		b := w.block(i)
		if !b.intact() {
			return fmt.Errorf("block %d does not match its checksum", i)
		}
		h.Write(b[:blockHeader])
	}
	if [32]byte(h.Sum(nil)) != g.header.digest {
		return errDigest
	}
	g.verified.Store(true)
	return nil
}
