package api

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
)

// Inventories keeps the lists of the serials that issuers issued. A list is text: a serial on each line, in hex or as dec: and a decimal
// number, in any order; empty lines and lines that begin with # are passed over. When a change returns without an error it is durable and
// no answer of this process contradicts it any more. Errors: revocation.ErrNoInventory when there is none to add to or to remove, one
// that wraps revocation.ErrMalformedSerial and names the line, revocation.ErrNotDurable (nothing was changed), a *revocation.Refusal, or
// an error of the reader or the context.
type Inventories interface {
	// Inventory describes the inventory of an issuer, from memory; false when it has none.
	Inventory(revocation.IssuerID) (revocation.InventoryInfo, bool)
	// PutInventory makes a list of any size the inventory of an issuer, in place of the one it had. Rule "empty" refuses one without
	// serials, unless it is allowed.
	PutInventory(context.Context, InventoryRequest) (revocation.InventoryChange, error)
	// AddInventory adds a list to the inventory of an issuer.
	AddInventory(context.Context, InventoryRequest) (revocation.InventoryChange, error)
	// RemoveInventory turns the inventory of an issuer off.
	RemoveInventory(context.Context, InventoryRequest) (revocation.InventoryChange, error)
}

// InventoryRequest asks for a change of an issuer's inventory.
type InventoryRequest struct {
	Issuer     revocation.IssuerID
	List       io.Reader // nil for a removal
	AllowEmpty bool
	Note       revocation.ChangeNote
}

// InventoryObject describes the list of the serials that an issuer issued.
type InventoryObject struct {
	Serials uint64    `json:"serials" doc:"How many serials it has"`
	SHA256  string    `json:"sha256" doc:"Of the list as it was put, hex"`
	PutAt   time.Time `json:"put_at" doc:"When the list was put"`
	PutBy   string    `json:"put_by"`
	Added   uint64    `json:"added,omitempty" doc:"How many of its serials were added since"`
	AddedAt time.Time `json:"added_at,omitzero" doc:"When serials were added last"`
	AddedBy string    `json:"added_by,omitempty"`
	Damaged bool      `json:"damaged,omitempty" doc:"Some of it cannot be read: put it again"`
}

// InventoryReport is the answer to GET /v1/issuers/{issuer}/inventory.
type InventoryReport struct {
	Issuer   string `json:"issuer"`
	IssuerID string `json:"issuer_id"`
	InventoryObject
}

// InventoryChangeReport is what a change of an inventory did: it is durable, and every answer from now on agrees with it.
type InventoryChangeReport struct {
	Outcome    string          `json:"outcome" enum:"put,added,unchanged,removed"`
	Added      uint64          `json:"added" doc:"Serials that count as issued since, and did not before"`
	Removed    uint64          `json:"removed" doc:"Serials that did and do not any more"`
	Generation uint64          `json:"generation"`
	Inventory  InventoryReport `json:"inventory" doc:"As it is now; as it was, when it was removed"`
}

const inventoryPath = "/v1/issuers/{issuer}/inventory"

// inventoryTypes are the media types of a list of serials.
var inventoryTypes = []string{"text/plain"}

type inventoryInput struct {
	Issuer  string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Comment string `query:"comment" maxLength:"1000" doc:"For the record; no control characters"`
}

type putInventoryInput struct {
	Issuer  string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Comment string `query:"comment" maxLength:"1000" doc:"For the record; no control characters"`
	Empty   bool   `query:"empty" doc:"Take a list without serials too: then nothing counts as issued"`
}

func (a *API) registerInventory(h huma.API) {
	huma.Register(h, a.read(huma.Operation{
		OperationID: "get-inventory", Method: http.MethodGet, Path: inventoryPath, Tags: []string{"issuers"},
		Summary:     "The issuer's inventory of issued serials",
		Description: "How many serials it has, when it was put and by whom. 404 when the issuer has none: then every serial counts as issued.",
	}, unknownIssuer, noInventory), a.getInventory)
	const list = "The body is text: a serial on each line, in hex or as dec: and a decimal number, in any order; lines that begin with # are comments. "
	huma.Register(h, a.changeInventory("inventory-put", http.MethodPut, "Say which serials the CA issued",
		list+"It may be of any size and replaces the list before, but for serials added while it was sent. From then on a serial that is not "+
			"in it, and is not revoked, is unknown because not_issued."), a.putInventory)
	huma.Register(h, a.changeInventory("inventory-add", http.MethodPost, "Add serials that the CA issued",
		list+"Serials it has already change nothing.", noInventory), a.addInventory)
	op := a.change("inventory-remove", huma.Operation{
		OperationID: "inventory-remove", Method: http.MethodDelete, Path: inventoryPath, Tags: []string{"administration"},
		Summary:     "Turn the issuer's inventory off",
		Description: "From then on every serial counts as issued, unless the configuration requires an inventory.",
	}, unknownIssuer, noInventory, invalidRequest, refused, shuttingDown, notDurable)
	huma.Register(h, op, a.removeInventory)
}

func (a *API) changeInventory(id, method, summary, description string, kinds ...kind) huma.Operation {
	kinds = append(kinds, unknownIssuer, malformedRequest, malformedSerial, timedOut, wrongMediaType, invalidRequest, refused, shuttingDown, notDurable)
	op := a.change(id, huma.Operation{OperationID: id, Method: method, Path: inventoryPath, Tags: []string{"administration"},
		Summary: summary, Description: description, RequestBody: streamedBody(inventoryTypes)}, kinds...)
	op.Middlewares = append(op.Middlewares, streamed(inventoryTypes, "send the serials with Content-Type: text/plain, one on each line"))
	return op
}

func (a *API) getInventory(_ context.Context, in *issuerInput) (*output[InventoryReport], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	info, on := a.inventories.Inventory(issuer.ID)
	if !on {
		return nil, noInventoryProblem(issuer)
	}
	return &output[InventoryReport]{Status: http.StatusOK, Body: inventoryReport(issuer, info)}, nil
}

func (a *API) putInventory(ctx context.Context, in *putInventoryInput) (*output[InventoryChangeReport], error) {
	return a.takeInventory(ctx, in.Issuer, "put", a.inventories.PutInventory,
		InventoryRequest{AllowEmpty: in.Empty, Note: revocation.ChangeNote{Comment: in.Comment}})
}

func (a *API) addInventory(ctx context.Context, in *inventoryInput) (*output[InventoryChangeReport], error) {
	return a.takeInventory(ctx, in.Issuer, "added", a.inventories.AddInventory, InventoryRequest{Note: revocation.ChangeNote{Comment: in.Comment}})
}

func (a *API) removeInventory(ctx context.Context, in *inventoryInput) (*output[InventoryChangeReport], error) {
	return a.noteInventory(ctx, in.Issuer, "removed", a.inventories.RemoveInventory, InventoryRequest{Note: revocation.ChangeNote{Comment: in.Comment}})
}

// inventoryChange is one of the changes that Inventories makes.
type inventoryChange func(context.Context, InventoryRequest) (revocation.InventoryChange, error)

// takeInventory hands the body of the request on to a change.
func (a *API) takeInventory(ctx context.Context, issuer, outcome string, do inventoryChange, r InventoryRequest) (*output[InventoryChangeReport], error) {
	ctx, cancel := context.WithTimeout(ctx, streamLimit)
	defer cancel()
	body := streamOf(ctx)
	r.List = body
	return a.noteInventory(ctx, issuer, outcome, func(ctx context.Context, r InventoryRequest) (revocation.InventoryChange, error) {
		c, err := do(ctx, r)
		if body.failed != nil {
			return c, readProblem(body.failed)
		}
		return c, err
	}, r)
}

// noteInventory makes a change in the name of whoever asks, and reports it.
func (a *API) noteInventory(ctx context.Context, name, outcome string, do inventoryChange, r InventoryRequest) (*output[InventoryChangeReport], error) {
	issuer, known := a.directory.Resolve(name)
	if !known {
		return nil, unknownIssuerProblem(name)
	}
	c := changeOf(ctx)
	c.issuer = issuer.Name
	if p := checkComment(r.Note.Comment, "query.comment"); p != nil {
		return nil, p
	}
	r.Issuer, r.Note.By, r.Note.At = issuer.ID, c.who, time.Now().UTC()
	done, err := do(ctx, r)
	if errors.Is(err, revocation.ErrNoInventory) {
		return nil, noInventoryProblem(issuer)
	}
	if err != nil {
		return nil, a.problemOf(err)
	}
	if outcome == "added" && done.Added == 0 {
		outcome = "unchanged"
	}
	c.outcome = outcome
	return &output[InventoryChangeReport]{Status: http.StatusOK, Body: InventoryChangeReport{Outcome: outcome, Added: done.Added,
		Removed: done.Removed, Generation: done.Generation, Inventory: inventoryReport(issuer, done.Info)}}, nil
}

func noInventoryProblem(issuer revocation.Issuer) *Problem {
	return noInventory.problem("no inventory of %s was put; send the list of its serials with PUT /v1/issuers/%s/inventory", issuer.Name, issuer.Name)
}

func inventoryReport(issuer revocation.Issuer, info revocation.InventoryInfo) InventoryReport {
	return InventoryReport{Issuer: issuer.Name, IssuerID: issuer.ID.String(), InventoryObject: InventoryObjectOf(info)}
}

// InventoryObjectOf says in JSON what an inventory is.
func InventoryObjectOf(info revocation.InventoryInfo) InventoryObject {
	return InventoryObject{Serials: info.Serials, SHA256: hex.EncodeToString(info.SHA256[:]), PutAt: jsonTime(info.PutAt), PutBy: info.PutBy,
		Added: info.Added, AddedAt: jsonTime(info.AddedAt), AddedBy: info.AddedBy, Damaged: info.Damaged}
}
