package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
)

// MinTokenLength is the shortest token taken, in characters.
const MinTokenLength = 16

// TokenFile is a set of tokens read from a file. Only their hashes are kept. It is immutable and implements Tokens.
type TokenFile struct {
	tokens []hashedToken
}

type hashedToken struct {
	name string
	hash [sha256.Size]byte
}

// NewTokenFile reads the contents of a token file: one token a line, after the name of its holder and a space if it has one
// (the name is "admin" otherwise). Empty lines and lines that begin with # are skipped. Several tokens may be valid at a time,
// so that a token can be replaced without a gap. Errors name the line and never show the token.
func NewTokenFile(contents []byte) (*TokenFile, error) {
	f := &TokenFile{}
	lines := bufio.NewScanner(bytes.NewReader(contents))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, token := "admin", line
		if at := strings.IndexAny(line, " \t"); at > 0 {
			name, token = line[:at], strings.TrimSpace(line[at:])
		}
		if err := checkToken(name, token); err != nil {
			return nil, fmt.Errorf("reading token file: line %d: %w", n, err)
		}
		f.tokens = append(f.tokens, hashedToken{name, sha256.Sum256([]byte(token))})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading token file: %w", err)
	}
	if len(f.tokens) == 0 {
		return nil, fmt.Errorf("reading token file: it holds no token; write one of at least %d characters, "+
			"for example the output of: openssl rand -hex 32", MinTokenLength)
	}
	return f, nil
}

// Authenticate implements Tokens. Every token is compared, each in constant time.
func (f *TokenFile) Authenticate(bearer string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(bearer))
	for i := range f.tokens {
		if subtle.ConstantTimeCompare(hash[:], f.tokens[i].hash[:]) == 1 {
			name, ok = f.tokens[i].name, true
		}
	}
	return name, ok
}

// checkToken holds a token to the syntax of RFC 6750 §2.1 (b64token), so that it can be sent as written.
func checkToken(name, token string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	switch {
	case len(name) > 64 || strings.Trim(name, letters+"@") != "":
		return fmt.Errorf("a holder's name has at most 64 letters, digits and - . _ @, then a space and the token follow")
	case len(token) < MinTokenLength:
		return fmt.Errorf("the token has %d characters, at least %d are needed", len(token), MinTokenLength)
	case strings.Trim(strings.TrimRight(token, "="), letters+"~+/") != "":
		return fmt.Errorf("the token has characters other than letters, digits and - . _ ~ + / (RFC 6750 §2.1)")
	}
	return nil
}
