package crlfetch

import (
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Amazon's R2M02 of February 2025: past its nextUpdate, so it is held for what it lists and says nothing good.
func TestARealCRLGetsThroughARefresh(t *testing.T) {
	corpora := os.Getenv("VETO_CORPORA")
	if corpora == "" {
		t.Skip("VETO_CORPORA does not name the folder with real CRLs")
	}
	dir := filepath.Join(corpora, "realworld-crls", "amazon")
	der, err := os.ReadFile(filepath.Join(dir, "r2m02.cer"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.src.Issuer = issuerOf("r2m02", cert)
	r.src.URL = strings.Replace(r.src.URL, "ca.crl", "r2m02.crl", 1)
	r.serve(http.FileServer(http.Dir(dir)).ServeHTTP)

	res := r.refresh()
	if !res.Changed || res.Info.Entries != 14102 || res.Bytes != 494111 || res.Info.NextUpdate.After(time.Now()) {
		t.Fatalf("the result is %+v", res)
	}
	if _, serials := r.memory.held(r.src.Scope()); len(serials) != 14102 {
		t.Errorf("%d serials are held, want 14102", len(serials))
	}
	if wait := res.Next.Sub(time.Now()).Round(time.Minute); wait != 5*time.Minute {
		t.Errorf("the stale CRL is asked for again in %s, want 5m", wait)
	}
	r.track.whole = r.track.whole.Add(-time.Hour)
	if res := r.refresh(); !res.NotModified || res.Bytes != 494111 {
		t.Errorf("a stale CRL must be asked for as a whole: %+v", res)
	}
	if !strings.Contains(r.log.String(), "stale=true") {
		t.Error("the log does not say that the CRL is stale")
	}
}
