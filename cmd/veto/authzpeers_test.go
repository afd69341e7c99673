package main

import (
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
)

func escapedPEM(c *pkitest.Pair) string {
	return strings.ReplaceAll(url.QueryEscape(string(pkitest.CertificatePEM(c.Certificate))), "+", "%20")
}

func base64DER(c *pkitest.Pair) string { return base64.StdEncoding.EncodeToString(c.Certificate.Raw) }

func TestNginxAsksBySubrequest(t *testing.T) {
	needPeer(t, "nginx")
	(&gatewayUnderTest{header: "nginx-escaped", carries: "X-SSL-Client-Cert", forged: escapedPEM, start: func(g *authzRig, soft bool) string {
		app := g.application("X-SSL-Client-Cert")
		return atFreePort(g.t, func(port string) *process {
			conf := g.write("nginx.conf", "daemon off;\npid nginx.pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"+
				"client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;\n"+
				g.config("nginx", soft, "listen 443 ssl", "listen 127.0.0.1:"+port+" ssl", "www.example.org", "localhost", "127.0.0.1:9000", app)+"}\n")
			return startProcess(g.t, g.dir, "nginx", "-p", g.dir, "-e", "stderr", "-c", conf)
		})
	}}).judge(t)
}

func TestHAProxyAsksByLua(t *testing.T) {
	needPeer(t, "haproxy")
	(&gatewayUnderTest{header: "haproxy", carries: "X-SSL-Client-DER", forged: base64DER, start: func(g *authzRig, soft bool) string {
		app := g.application("X-SSL-Client-DER")
		certificate, err := os.ReadFile(g.file("server.pem"))
		g.check(err)
		key, err := os.ReadFile(g.file("server.key"))
		g.check(err)
		g.write("server-and-key.pem", string(certificate)+string(key))
		g.write("veto.lua", g.config("haproxy-lua", false))
		return atFreePort(g.t, func(port string) *process {
			conf := g.write("haproxy.cfg", g.config("haproxy", soft, "bind :443", "bind 127.0.0.1:"+port, "127.0.0.1:9000", app))
			return startProcess(g.t, g.dir, "haproxy", "-db", "-f", conf)
		})
	}}).judge(t)
}

func TestCaddyAsksByForwardAuth(t *testing.T) {
	needPeer(t, "caddy")
	(&gatewayUnderTest{header: "caddy", carries: "X-Client-Cert", forged: base64DER, start: func(g *authzRig, soft bool) string {
		app := g.application("X-Client-Cert")
		t.Setenv("XDG_DATA_HOME", g.dir)
		t.Setenv("XDG_CONFIG_HOME", g.dir)
		return atFreePort(g.t, func(port string) *process {
			conf := g.write("Caddyfile", "{\nadmin off\nauto_https off\n}\n"+
				g.config("caddy", soft, "www.example.org", "https://localhost:"+port, "127.0.0.1:9000", app))
			return startProcess(g.t, g.dir, "caddy", "run", "--config", conf, "--adapter", "caddyfile")
		})
	}}).judge(t)
}

func TestApacheAsksByRewriteMap(t *testing.T) {
	needPeer(t, "apache2")
	needPeer(t, "curl")
	(&gatewayUnderTest{header: "apache-escaped", carries: "X-SSL-Client-Cert", forged: escapedPEM, start: func(g *authzRig, soft bool) string {
		app := g.application("X-SSL-Client-Cert")
		ask := g.write("ask-veto", g.config("apache-ask", false))
		g.check(os.Chmod(ask, 0o755))
		user := ""
		if os.Getuid() == 0 {
			user = "User daemon\nGroup daemon\n"
		}
		return atFreePort(g.t, func(port string) *process {
			conf := g.write("apache.conf", "ServerName localhost\nServerRoot "+g.dir+"\nDefaultRuntimeDir "+g.dir+"\nPidFile "+g.file("apache.pid")+
				"\nLoadModule mpm_event_module "+apacheModules+"/mod_mpm_event.so\nLoadModule authz_core_module "+apacheModules+"/mod_authz_core.so\n"+
				user+"StartServers 1\nErrorLog /dev/stderr\nLogLevel warn\nSSLSessionCache none\n"+
				g.config("apache", soft, "modules/", apacheModules+"/", "Listen 443", "Listen 127.0.0.1:"+port, "*:443", "*:"+port, "www.example.org", "localhost", "127.0.0.1:9000", app))
			return startProcess(g.t, g.dir, "apache2", "-f", conf, "-D", "FOREGROUND")
		})
	}}).judge(t)
}
