package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

// serveGuarded is the README's snippet.
func serveGuarded(ctx context.Context, config *tls.Config, mux http.Handler) error {
	checker, err := client.NewHTTP(client.HTTPOptions{URL: "https://veto.example.com:8081"})
	if err != nil {
		return err
	}
	guard, err := client.NewGuard(client.GuardOptions{Checker: checker}) // strict: in comes only who is known to be good
	if err != nil {
		return err
	}
	tracker := client.NewConnTracker(guard, client.TrackerOptions{})
	go tracker.Run(ctx) // closes the connections of clients that are revoked later
	server := &http.Server{
		TLSConfig: client.WrapServerTLS(config, guard), // in every handshake, resumed ones too
		Handler:   guard.Handler(mux),                  // at every request
		ConnState: tracker.ConnState,
	}
	return server.ListenAndServeTLS("", "")
}

func TestREADMEShowsWhatCompiles(t *testing.T) {
	_ = serveGuarded
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, snippet, _ := strings.Cut(string(readme), "```go\n")
	snippet, _, found := strings.Cut(snippet, "```")
	if !found {
		t.Fatal("the README has no Go")
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.ReplaceAll("\n"+string(source), "\n\t", "\n")
	if !strings.Contains(code, snippet) {
		t.Errorf("the README shows what is not here:\n%s", snippet)
	}
}

func ExampleWrapServerTLS() {
	checker, err := client.NewHTTP(client.HTTPOptions{URL: "https://veto.example.com:8081"})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := client.NewGuard(client.GuardOptions{Checker: checker})
	if err != nil {
		log.Fatal(err)
	}
	config := client.WrapServerTLS(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, guard)
	server := &http.Server{Addr: ":8443", TLSConfig: config}
	_ = server.ListenAndServeTLS
}

func ExampleGuard_Handler() {
	guard, err := client.NewGuard(client.GuardOptions{Checker: client.Tiers()})
	if err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	guard.Handler(http.NotFoundHandler()).ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// 401 {"type":"urn:veto:problem:certificate-required","title":"A client certificate is required","status":401,"detail":"Connect with a client certificate that this server trusts."}
}

func ExampleTiers() {
	veto, err := client.NewHTTP(client.HTTPOptions{URL: "https://veto.example.com:8081"})
	if err != nil {
		log.Fatal(err)
	}
	responders, err := client.NewOCSP(client.OCSPOptions{}) // those that the certificates name
	if err != nil {
		log.Fatal(err)
	}
	guard, err := client.NewGuard(client.GuardOptions{
		Checker: client.Tiers(veto, responders),
		Policy:  revocation.Presets()["soft"],
		OnDecision: func(j client.Judgement) {
			log.Printf("%s: %s", j.Decision, j) // every denial, and everybody let in without being known to be good
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	var chain []*x509.Certificate // the peer's certificate, its CA's, and so on up to the root
	fmt.Println(guard.Verify(context.Background(), chain))
	// Output: denied: the peer has no certificate
}
