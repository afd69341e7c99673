package api_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

const corpInventory = "/v1/issuers/corp/inventory"

const serialList header = "Content-Type: text/plain"

func (w *world) Inventory(id revocation.IssuerID) (revocation.InventoryInfo, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if info := w.issued[id]; info != nil {
		return *info, true
	}
	return revocation.InventoryInfo{}, false
}

func (w *world) PutInventory(_ context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	note := r.Note
	return w.changeInventory(r, func(info *revocation.InventoryInfo, n uint64) {
		*info = revocation.InventoryInfo{Serials: n, SHA256: sha256.Sum256([]byte("list")), PutAt: note.At, PutBy: note.By}
	})
}

func (w *world) AddInventory(_ context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	note := r.Note
	return w.changeInventory(r, func(info *revocation.InventoryInfo, n uint64) {
		info.Serials, info.Added, info.AddedAt, info.AddedBy = info.Serials+n, info.Added+n, note.At, note.By
	})
}

func (w *world) RemoveInventory(_ context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := r.Issuer
	info := w.issued[id]
	if info == nil {
		return revocation.InventoryChange{}, revocation.ErrNoInventory
	}
	delete(w.issued, id)
	w.generation++
	return revocation.InventoryChange{Info: *info, Removed: info.Serials, Generation: w.generation}, nil
}

// changeInventory reads a list of words; the word "bad" is no serial.
func (w *world) changeInventory(r api.InventoryRequest, change func(*revocation.InventoryInfo, uint64)) (revocation.InventoryChange, error) {
	id, note := r.Issuer, r.Note
	b, err := io.ReadAll(r.List)
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	if strings.Contains(string(b), "bad") {
		return revocation.InventoryChange{}, fmt.Errorf("line 2: %w: %q", revocation.ErrMalformedSerial, "bad")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.adminErr != nil {
		return revocation.InventoryChange{}, w.adminErr
	}
	if w.issued[id] == nil {
		if note.Comment == "add" {
			return revocation.InventoryChange{}, revocation.ErrNoInventory
		}
		w.issued[id] = &revocation.InventoryInfo{}
	}
	n := uint64(len(strings.Fields(string(b))))
	if note.Comment == "nothing" && !r.AllowEmpty {
		return revocation.InventoryChange{}, revocation.Refuse("empty", "", "the list has no serials")
	}
	if change(w.issued[id], n); n > 0 {
		w.generation++
	}
	return revocation.InventoryChange{Info: *w.issued[id], Added: n, Generation: w.generation}, nil
}

func TestAnInventoryIsPutAddedToShownAndRemoved(t *testing.T) {
	s := newServer(t, nil)
	wantProblem(t, s.do(t, "GET", corpInventory, ""), 404, "no-inventory")
	wantProblem(t, s.do(t, "DELETE", corpInventory, "", asAlice), 404, "no-inventory")
	wantProblem(t, s.do(t, "POST", corpInventory+"?comment=add", "0a", asAlice, serialList), 404, "no-inventory")
	s.log.lines()

	put := decode[api.InventoryChangeReport](t, s.do(t, "PUT", corpInventory+"?comment=monthly", "0a\n0b\n0c\n", asAlice, serialList), 200)
	if put.Outcome != "put" || put.Added != 3 || put.Generation != 8 || put.Inventory.Serials != 3 || put.Inventory.PutBy != "alice" ||
		put.Inventory.Issuer != "corp" || len(put.Inventory.SHA256) != 64 {
		t.Errorf("put: %+v", put)
	}
	if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "action=inventory-put outcome=put who=alice issuer=corp") {
		t.Errorf("log %q", lines)
	}
	added := decode[api.InventoryChangeReport](t, s.do(t, "POST", corpInventory, "0d", asAlice, header("Content-Type: text/plain; charset=utf-8")), 200)
	if added.Outcome != "added" || added.Inventory.Serials != 4 || added.Inventory.AddedBy != "alice" {
		t.Errorf("added: %+v", added)
	}
	if same := decode[api.InventoryChangeReport](t, s.do(t, "POST", corpInventory, "", asAlice, serialList), 200); same.Outcome != "unchanged" {
		t.Errorf("adding nothing: %+v", same)
	}
	shown := decode[api.InventoryReport](t, s.do(t, "GET", corpInventory, ""), 200)
	if shown.Serials != 4 || shown.Added != 1 || shown.PutAt.IsZero() || shown.IssuerID != s.corpID.String() {
		t.Errorf("shown: %+v", shown)
	}
	removed := decode[api.InventoryChangeReport](t, s.do(t, "DELETE", corpInventory, "", asAlice), 200)
	if removed.Outcome != "removed" || removed.Removed != 4 || removed.Inventory.Serials != 4 {
		t.Errorf("removed: %+v", removed)
	}
	wantProblem(t, s.do(t, "GET", corpInventory, ""), 404, "no-inventory")
}

func TestAnInventoryThatIsRefused(t *testing.T) {
	s := newServer(t, nil)
	for _, method := range []string{"PUT", "POST"} {
		if p := wantProblem(t, s.do(t, method, corpInventory, "0a\nbad\n", asAlice, serialList), 400, "malformed-serial"); !strings.Contains(p.Detail, "line 2") {
			t.Errorf("%s: %q does not say where", method, p.Detail)
		}
		wantProblem(t, s.do(t, method, corpInventory, "0a", serialList), 401, "token-required")
		wantProblem(t, s.do(t, method, corpInventory, `{"serials":["0a"]}`, asAlice, jsonBody), 415, "unsupported-media-type")
		wantProblem(t, s.do(t, method, corpInventory, "0a", asAlice), 415, "unsupported-media-type")
		wantProblem(t, s.do(t, method, "/v1/issuers/nobody/inventory", "0a", asAlice, serialList), 404, "unknown-issuer")
		wantProblem(t, s.do(t, method, corpInventory+"?comment=a%0Ab", "0a", asAlice, serialList), 422, "invalid-request")
		wantProblem(t, s.do(t, method, corpInventory+"?force=1", "0a", asAlice, serialList), 422, "invalid-request")
	}
	if p := wantProblem(t, s.do(t, "PUT", corpInventory+"?comment=nothing", "", asAlice, serialList), 422, "refused"); p.Rule != "empty" {
		t.Errorf("got %+v", p)
	}
	decode[api.InventoryChangeReport](t, s.do(t, "PUT", corpInventory+"?comment=nothing&empty=true", "", asAlice, serialList), 200)
	decode[api.InventoryChangeReport](t, s.do(t, "DELETE", corpInventory, "", asAlice), 200)
	for _, row := range []struct {
		err  error
		code int
		kind string
	}{
		{fmt.Errorf("putting: %w", revocation.Refuse("concurrent", "", "another one")), 422, "refused"},
		{fmt.Errorf("putting: %w", revocation.ErrNotDurable), 507, "not-durable"},
		{errors.New("secret"), 500, "internal"},
	} {
		s.adminErr = row.err
		if p := wantProblem(t, s.do(t, "PUT", corpInventory, "0a", asAlice, serialList), row.code, row.kind); strings.Contains(p.Detail, "secret") {
			t.Errorf("%v: %+v", row.err, p)
		}
	}
	if _, on := s.Inventory(s.corpID); on {
		t.Error("what was refused took effect")
	}
}
