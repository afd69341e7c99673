// Command server is an HTTPS server that lets in only whom the five checks of mutual TLS pass: validity, trust, integrity, identity and
// revocation. They are made in every handshake, a resumed one included; each request is judged again; and a connection whose client is
// revoked is cut. To see it, in three terminals:
//
//	go run ./cmd/veto dev --data ./playground
//	go run ./examples/mtls/server -pki ./playground
//	go run ./examples/mtls/client -pki ./playground
//
// and then revoke the client, which ends its connection:
//
//	go run ./cmd/veto revoke --issuer dev --token-file ./playground/admin.token --cert ./playground/good.pem
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/verify"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8443", "`address` to serve at")
	pki := flag.String("pki", "playground", "`folder` with ca.pem, server.pem and server.key, as veto dev --data makes it")
	veto := flag.String("veto", "http://127.0.0.1:8081", "`URL` of veto's API")
	allow := flag.String("allow", "*.dev.test", "DNS `name` that clients must have")
	every := flag.Duration("every", time.Second, "how often live connections are judged")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *listen, *pki, *veto, *allow, *every); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listen, pki, veto, allow string, every time.Duration) error {
	root, err := readCertificate(filepath.Join(pki, "ca.pem"))
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, "server.pem"), filepath.Join(pki, "server.key"))
	if err != nil {
		return err
	}
	name, err := verify.NewIdentity(verify.IdentityDNS, allow)
	if err != nil {
		return err
	}

	checker, err := client.NewHTTP(client.HTTPOptions{URL: veto, KeepFor: every})
	if err != nil {
		return err
	}
	guard, err := client.NewGuard(client.GuardOptions{ // without a Policy it is strict
		Checker:    checker,
		Checks:     &client.Checks{Roots: []*x509.Certificate{root}, Allowed: []verify.Identity{name}},
		OnDecision: func(j client.Judgement) { log.Printf("%s: %s", j.Decision, j.String()) },
	})
	if err != nil {
		return err
	}
	tracker := client.NewConnTracker(guard, client.TrackerOptions{
		Every:   every,
		OnClose: func(remote string, why *client.Denied) { log.Printf("cut the connection of %s", remote) },
	})

	roots := x509.NewCertPool()
	roots.AddCert(root)
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	secure := tracker.Listener(l, &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
		NextProtos:   []string{"h2", "http/1.1"},
	})
	server := &http.Server{Handler: guard.Handler(http.HandlerFunc(greet)), ReadHeaderTimeout: 10 * time.Second}
	fmt.Printf("serving https://%s\n", l.Addr())

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return tracker.Run(ctx) })
	group.Go(func() error { return server.Serve(secure) })
	group.Go(func() error { <-ctx.Done(); return server.Close() })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// greet says hello, and then keeps the client for as long as its connection lives.
func greet(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello %s\n", r.TLS.PeerCertificates[0].Subject.CommonName)
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func readCertificate(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", file)
	}
	return x509.ParseCertificate(block.Bytes)
}
