// Command client connects to the server beside it and makes the same five checks of the server that the server makes of it. It stays
// connected until either side is revoked. How to start it is said in the server's comment.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/vetopki/veto/client"
)

func main() {
	url := flag.String("url", "https://127.0.0.1:8443", "`URL` of the server")
	pki := flag.String("pki", "playground", "`folder` with ca.pem and the client's certificate and key, as veto dev --data makes it")
	as := flag.String("as", "good", "`name` of the client's files: NAME.pem, NAME.key")
	name := flag.String("name", "server.dev.test", "DNS `name` that the server must have")
	veto := flag.String("veto", "http://127.0.0.1:8081", "`URL` of veto's API")
	every := flag.Duration("every", time.Second, "how often the server is judged while connected")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := connect(ctx, *url, *pki, *as, *name, *veto, *every); err != nil {
		log.Fatal(err)
	}
}

func connect(ctx context.Context, url, pki, as, name, veto string, every time.Duration) error {
	root, err := readCertificate(filepath.Join(pki, "ca.pem"))
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, as+".pem"), filepath.Join(pki, as+".key"))
	if err != nil {
		return err
	}

	checker, err := client.NewHTTP(client.HTTPOptions{URL: veto, KeepFor: every})
	if err != nil {
		return err
	}
	guard, err := client.NewGuard(client.GuardOptions{
		Checker: checker,
		Checks:  &client.Checks{Roots: []*x509.Certificate{root}}, // the name expected is that of the tls.Config
	})
	if err != nil {
		return err
	}
	tracker := client.NewConnTracker(guard, client.TrackerOptions{
		Every:   every,
		OnClose: func(_ string, why *client.Denied) { log.Print(why) },
	})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- tracker.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	roots := x509.NewCertPool()
	roots.AddCert(root)
	transport := &http.Transport{DialTLSContext: tracker.Dialer(&tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: name,
	})}
	defer transport.CloseIdleConnections()
	return get(ctx, &http.Client{Transport: transport}, url)
}

// get prints what the server says, line by line, until the connection ends.
func get(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		io.Copy(os.Stderr, io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("HTTP %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the connection ended: %w", err)
	}
	return nil
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
