package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// knockThrough has clients knock at a gateway that asks veto about them by OCSP: what an administrator changes holds from the
// next handshake on.
func (g *gatewayRig) knockThrough(network, address string) {
	g.t.Helper()
	g.wantKnock(network, address, "good", true)
	g.wantKnock(network, address, "bad", false)
	g.wantKnock(network, address, "", false)
	g.wantKnock(network, address, "second", true)
	g.admin("hold", "second")
	g.wantKnock(network, address, "second", false)
	g.admin("release", "second")
	g.wantKnock(network, address, "second", true)
	g.admin("revoke", "second")
	g.wantKnock(network, address, "second", false)
	g.wantKnock(network, address, "good", true)
}

// nginx asks by GET in HTTP/1.0, takes 200 with exactly application/ocsp-response, and reads until the connection closes.
// ssl_ocsp_cache stays off, as it is by default: with it nginx believes a good until its nextUpdate, and a revocation has to wait
// for that.
const nginxConf = `
daemon off;
pid nginx.pid;
error_log stderr info;
worker_processes 1;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  server {
    listen unix:%[1]s/nginx.sock ssl;
    ssl_certificate %[1]s/server.pem;
    ssl_certificate_key %[1]s/server.key;
    ssl_client_certificate %[1]s/ca.pem;
    ssl_verify_client on;
    ssl_ocsp on;
    ssl_ocsp_cache off;
    ssl_ocsp_responder %[2]s/ocsp;
    location / { return 200 "in"; }
  }
}
`

func TestNginxRefusesRevokedClients(t *testing.T) {
	needPeer(t, "nginx")
	g := newGatewayRig(t)
	conf := g.write("nginx.conf", fmt.Sprintf(nginxConf, g.dir, g.public))
	socket := g.file("nginx.sock")
	p := startProcess(t, g.dir, "nginx", "-p", g.dir, "-e", "stderr", "-c", conf)
	g.check(p.await("unix", socket))
	g.knockThrough("unix", socket)
	if !strings.Contains(p.log.String(), "certificate revoked") {
		t.Error("nginx did not say that a certificate is revoked")
	}
}

// Apache asks by POST in HTTP/1.0 with a nonce, and refuses the client when the answer does not repeat it.
const apacheConf = `
ServerName localhost
ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/apache.pid
Listen 127.0.0.1:%[3]d
LoadModule mpm_event_module %[4]s/mod_mpm_event.so
LoadModule authz_core_module %[4]s/mod_authz_core.so
LoadModule ssl_module %[4]s/mod_ssl.so
%[5]s
StartServers 1
ErrorLog /dev/stderr
LogLevel warn
DocumentRoot %[1]s/www
SSLEngine on
SSLSessionCache none
SSLSessionTickets off
SSLCertificateFile %[1]s/server.pem
SSLCertificateKeyFile %[1]s/server.key
SSLCACertificateFile %[1]s/ca.pem
SSLVerifyClient require
SSLVerifyDepth 1
SSLOCSPEnable on
SSLOCSPOverrideResponder on
SSLOCSPDefaultResponder %[2]s/ocsp
`

const apacheModules = "/usr/lib/apache2/modules"

func TestApacheRefusesRevokedClients(t *testing.T) {
	needPeer(t, "apache2")
	g := newGatewayRig(t)
	g.check(os.Mkdir(g.file("www"), 0o755))
	g.write("www/page", "in")
	address := startApache(t, g)
	g.knockThrough("tcp", address)
}

// startApache starts it at a free port. Apache opens its port itself: one that was free may be taken, then another is tried.
func startApache(t *testing.T, g *gatewayRig) (address string) {
	t.Helper()
	user := ""
	if os.Getuid() == 0 {
		user = "User daemon\nGroup daemon"
	}
	var err error
	for range 5 {
		port := freePort(t)
		conf := g.write("apache.conf", fmt.Sprintf(apacheConf, g.dir, g.public, port, apacheModules, user))
		p := startProcess(t, g.dir, "apache2", "-f", conf, "-D", "FOREGROUND")
		address = fmt.Sprintf("127.0.0.1:%d", port)
		if err = p.await("tcp", address); err == nil {
			return address
		}
		if !errors.Is(err, errEnded) || !strings.Contains(p.log.String(), "Address already in use") {
			break
		}
	}
	t.Fatal(err)
	return ""
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
