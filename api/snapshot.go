package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/vetopki/veto/internal/snapshot"
)

// Bounds of GET /v1/snapshot: a snapshot of ten million serials takes a core for seconds and pins the CRLs of its moment.
const (
	maxSnapshots  = 4                // written at once; others wait
	snapshotLimit = 15 * time.Minute // for one
	snapshotStall = 30 * time.Second // without the client taking anything
)

// getSnapshot answers GET /v1/snapshot. It is written as it is read from the store: whatever its size, it takes a few megabytes.
func (a *API) getSnapshot(w http.ResponseWriter, r *http.Request) {
	pinned := a.mirrored.Pin()
	if describeSnapshot(w.Header(), pinned, r.Header["If-None-Match"]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), snapshotLimit)
	defer cancel()
	select {
	case a.snapshots <- struct{}{}:
		defer func() { <-a.snapshots }()
	case <-a.draining:
		shuttingDown.problem("the server is shutting down").write(w)
		return
	case <-ctx.Done():
		shuttingDown.problem("too many snapshots are being read; try again").with("Retry-After", "10").write(w)
		return
	}
	out := &steadyWriter{w: w, control: http.NewResponseController(w), ctx: ctx}
	out.control.SetReadDeadline(time.Time{}) // best effort: tests have no connection
	if err := a.writeSnapshot(out, pinned); err != nil {
		a.log.Warn("a snapshot was not written to its end", "error", err)
		panic(http.ErrAbortHandler) // half a snapshot must not look like one
	}
}

// describeSnapshot sets the header, and says whether the client has the snapshot.
func describeSnapshot(h http.Header, pinned Pinned, held []string) bool {
	etag := snapshotTag(pinned)
	h.Set("Etag", etag)
	h.Set("Cache-Control", "no-cache")
	if matchesTag(held, etag[len("W/"):]) {
		return true
	}
	h.Set("Content-Type", snapshot.MediaType)
	h.Set("Veto-Generation", strconv.FormatUint(pinned.Generation(), 10))
	return false
}

// snapshotTag is weak: of one generation two snapshots say the same, in other octets.
func snapshotTag(p Pinned) string {
	state := sha256.Sum256(p.State().JSON())
	return fmt.Sprintf(`W/"%d-%s"`, p.Generation(), hex.EncodeToString(state[:8]))
}

func (a *API) writeSnapshot(out io.Writer, pinned Pinned) error {
	buffered := bufio.NewWriterSize(out, 128<<10)
	state := pinned.State()
	s, err := snapshot.NewWriter(buffered, snapshot.Header{Generation: pinned.Generation(), Epoch: state.Epoch, Made: time.Now(), Issuers: uint32(len(state.Issuers))})
	if err != nil {
		return err
	}
	for n := range state.Issuers {
		if err := s.Issuer(&state.Issuers[n]); err != nil {
			return abandoned(s, err)
		}
		if err := pinned.Listed(n, s.Add); err != nil {
			return abandoned(s, err)
		}
	}
	if err := s.Close(*a.snapshotKey.Load()); err != nil {
		return err
	}
	return buffered.Flush()
}

func abandoned(s *snapshot.Writer, err error) error {
	s.Abandon() //nolint:errcheck // the other error is why
	return err
}

// steadyWriter gives up on a client that takes nothing for a while, or takes too long for everything.
type steadyWriter struct {
	w       io.Writer
	control *http.ResponseController
	ctx     context.Context
}

// Write implements io.Writer.
func (s *steadyWriter) Write(b []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	s.control.SetWriteDeadline(time.Now().Add(snapshotStall))
	return s.w.Write(b)
}
