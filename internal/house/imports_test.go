package house

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vetopki/veto/"

// allowed lists, for each package, which packages of this module its production code may import. A package that is not
// listed may not exist. The model is the Go source's go/build/deps_test.go.
var allowed = map[string][]string{
	"revocation":       {},
	"internal/crlder":  {"revocation"},
	"internal/ocspder": {"revocation"},
	"client":           {"revocation", "internal/ocspder", "verify", "internal/snapshot", "internal/follow"},
	"client/grpcguard": {"revocation", "client"},
	"internal/lane":    {},
	"verify":           {"revocation", "internal/crlder", "internal/ocspder"},
	"internal/egress":  {"revocation"},
	"crlfetch":         {"revocation", "internal/crlder", "verify", "internal/egress"},
	"upstream":         {"revocation", "internal/ocspder", "verify", "internal/egress"},
	"store":            {"revocation"},
	"responder":        {"revocation", "internal/ocspder", "internal/lane"},
	"internal/explain": {"revocation", "internal/crlder", "internal/ocspder", "verify"},
	"api":              {"revocation", "verify", "internal/explain", "internal/certheader", "internal/snapshot", "internal/lane"},
	"internal/config":  {"revocation", "internal/crlder", "internal/certheader", "verify"},
	"internal/pkitest": {},
	"internal/house":   {},
	"internal/bubble":  {},
	// What mirrors read, and how they follow.
	"internal/snapshot": {"revocation"},
	"internal/follow":   {"internal/snapshot"},
	// The headers of gateways; lists of serials.
	"internal/certheader": {"revocation"},
	"internal/seriallist": {"revocation"},
	// Envoy's authorization calls.
	"extauthz": {"revocation", "internal/certheader"},
	// A private key in a PKCS #11 token; behind a build tag, since it needs cgo.
	"internal/pkcs11key": {},
	"cmd/veto": {"revocation", "internal/crlder", "internal/ocspder", "verify", "crlfetch", "upstream", "store", "responder", "api", "extauthz",
		"internal/config", "internal/certheader", "internal/explain", "internal/lane", "internal/pkcs11key", "internal/pkitest",
		"internal/snapshot", "internal/follow", "internal/egress", "internal/seriallist"},
	// Programs that measure; nothing imports them.
	"internal/bench":  {"revocation", "internal/ocspder", "internal/pkitest"},
	"internal/crlgen": {"internal/pkitest"},
	"internal/soak":   {"revocation", "client", "internal/crlder", "internal/pkitest", "store"},
	// Programs that show how the client is used.
	"examples/mtls":        {},
	"examples/mtls/server": {"client", "verify"},
	"examples/mtls/client": {"client"},
}

// onlyStandardLibrary lists packages that import nothing else at all.
var onlyStandardLibrary = []string{"revocation"}

func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the table of this test and of docs/ARCHITECTURE.md", name)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s, which the house does not allow", name, ours)
			}
			if strings.Contains(strings.Split(imp, "/")[0], ".") && slices.Contains(onlyStandardLibrary, name) {
				t.Errorf("%s imports %s, but may import the standard library only", name, imp)
			}
		}
	}
}

type goPackage struct {
	ImportPath, Dir string
	Imports         []string
}

// seen opens a folder, so that a result of this test is not remembered when something in the folder changes: what go list reads is
// nothing that go test knows of.
func seen(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		list = append(list, p)
		seen(t, p.Dir)
		seen(t, filepath.Dir(p.Dir)) // where a new package would be
	}
	if len(list) < 2 {
		t.Fatalf("go list found %d packages", len(list))
	}
	return list
}
