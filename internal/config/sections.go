package config

import (
	"crypto/ed25519"
	"net"
	"strings"
)

// config reads the whole configuration. A nil value is an empty file: the defaults.
func (r *reader) config(v *value) *Config {
	c := Default()
	if v == nil {
		v = &value{kind: mapping, pos: Position{File: r.file, Line: 1, Column: 1}}
	}
	r.object(v, keys{
		"data_dir": func(v *value) { r.path(v, &c.DataDir) },
		"public":   func(v *value) { r.public(v, &c.Public) },
		"api":      func(v *value) { r.api(v, &c.API) },
		"admin":    func(v *value) { r.admin(v, &c.Admin) },
		"egress":   func(v *value) { r.egress(v, &c.Egress) },
		"ocsp":     func(v *value) { r.responder(v, &c.OCSP) },
		"issuers":  func(v *value) { c.Issuers = r.issuers(v) },
		"trust":    func(v *value) { c.Trust = r.trustSets(v) },
		"profiles": func(v *value) { c.Profiles = r.profiles(v) },
		"log":      func(v *value) { r.log(v, &c.Log) },

		"ingest_memory": func(v *value) { r.size(v, &c.IngestMemory, 16<<20, "to sort CRLs in; allow at least 16MiB") },
	})
	r.together(c)
	return c
}

func (r *reader) public(v *value, p *Public) {
	p.Pos = v.pos
	r.object(v, keys{"listen": func(v *value) { p.Pos = v.pos; r.listen(v, &p.Listen) }})
}

func (r *reader) api(v *value, a *API) {
	a.Pos = v.pos
	r.object(v, keys{
		"listen":       func(v *value) { a.Pos = v.pos; r.listen(v, &a.Listen) },
		"tls":          func(v *value) { a.TLS = r.tls(v) },
		"envoy_listen": func(v *value) { a.envoyPos = v.pos; r.listen(v, &a.EnvoyListen) },
		"snapshot_key": func(v *value) { a.SnapshotKey = r.snapshotKey(v) },
		"read_token":   func(v *value) { a.readTokenPos = v.pos; r.readToken(v, &a.ReadToken) },
	})
}

func (r *reader) readToken(v *value, into *Secret) {
	var text string
	if !r.text(v, &text) {
		return
	}
	if problem := tokenProblem(text); problem != "" {
		r.fault(v.pos, "the token %s", problem)
		return
	}
	*into = Secret(text)
}

// snapshotKey reads the key that signs snapshots: Ed25519, which the format has alone.
func (r *reader) snapshotKey(v *value) ed25519.PrivateKey {
	var name string
	if !r.path(v, &name) {
		return nil
	}
	signer := r.privateKey(v.pos, name, "")
	if signer == nil {
		return nil
	}
	key, ok := signer.(ed25519.PrivateKey)
	if !ok {
		r.fault(v.pos, "%s holds no Ed25519 key, and snapshots are signed with no other; make one with: openssl genpkey -algorithm ed25519 -out %s", name, name)
	}
	return key
}

func (r *reader) admin(v *value, a *Admin) {
	r.object(v, keys{"token_file": func(v *value) {
		if r.path(v, &a.TokenFile) {
			a.Token = r.tokenFile(v.pos, a.TokenFile)
		}
	}})
}

func (r *reader) log(v *value, l *Log) {
	r.object(v, keys{
		"level": func(v *value) {
			var word string
			if r.choice(v, &word, "debug", "info", "warn", "error") {
				// The words are those slog reads.
				_ = l.Level.UnmarshalText([]byte(word))
			}
		},
		"format": func(v *value) { r.choice(v, &l.Format, "auto", "text", "json") },
	})
}

// together checks what no key shows alone.
func (r *reader) together(c *Config) {
	if sameAddress(c.Public.Listen, c.API.Listen) {
		r.fault(further(c.Public.Pos, c.API.Pos), "public and api both listen on %s; give one another port", c.API.Listen)
	}
	if e := c.API.EnvoyListen; e != "" && (sameAddress(e, c.API.Listen) || sameAddress(e, c.Public.Listen)) {
		r.fault(c.API.envoyPos, "another listener has the port of %s already; give each its own", e)
	}
	if c.API.ReadToken != "" && c.API.ReadToken == c.Admin.Token {
		r.fault(c.API.readTokenPos, "this is the administrator's token; readers need one of their own")
	}
	if c.API.TLS == nil && (c.Admin.TokenFile != "" || c.API.ReadToken != "") && !loopback(c.API.Listen) {
		r.warn(c.API.Pos, "tokens cross the network in clear; serve TLS (api.tls), or listen on a loopback address")
	}
	for i := range c.Profiles {
		r.profileTogether(c, &c.Profiles[i])
	}
	if len(c.Issuers) == 0 && len(r.faults) == 0 {
		r.warn(Position{File: r.file}, "there are no issuers: nothing can be answered")
	}
	for i := range c.Issuers {
		if is := &c.Issuers[i]; is.Administered() && c.Admin.TokenFile == "" {
			r.warn(is.Pos, "issuer %q is administered here, but nobody can revoke its certificates: no administrator's token file is named", is.Name)
		}
	}
}

// further is the position further down in the file.
func further(a, b Position) Position {
	if a.Line > b.Line || (a.Line == b.Line && a.Column > b.Column) {
		return a
	}
	return b
}

// sameAddress says whether two listeners want one port. An empty host or an unspecified address takes the port on all
// addresses; port 0 never collides.
func sameAddress(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if strings.TrimLeft(portA, "0") != strings.TrimLeft(portB, "0") || strings.Trim(portA, "0") == "" {
		return false
	}
	return hostA == hostB || wildcard(hostA) || wildcard(hostB)
}

func wildcard(host string) bool { return host == "" || net.ParseIP(host).IsUnspecified() }

func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
