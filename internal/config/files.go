package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// maxMaterial bounds a certificate, key or token file in octets.
const maxMaterial = 1 << 20

// read reads a file that the configuration names and remembers it for Config.Files, also when it cannot be read: it may be
// put right without the configuration changing.
func (r *reader) read(pos Position, name string) ([]byte, bool) {
	if !slices.Contains(r.files, name) {
		r.files = append(r.files, name)
	}
	data, err := readCapped(name, maxMaterial)
	if err != nil {
		r.fault(pos, "%v", err)
		return nil, false
	}
	return data, true
}

// readCapped reads a regular file of at most so many octets. Its errors are sentences that name the file.
func readCapped(name string, most int64) ([]byte, error) {
	// Looked at first, because opening a pipe waits for its writer.
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", name, cause(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", name, cause(err))
	case int64(len(data)) > most:
		return nil, fmt.Errorf("%s has more than %d octets; it is not what is wanted here", name, most)
	}
	return data, nil
}

// cause is what the system said, without the file name that the sentence around it has already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// private warns about a secret file that everybody on the machine can read.
func (r *reader) private(pos Position, name string) {
	if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o007 != 0 {
		r.warn(pos, "every user of this machine can reach %s (mode %04o); run chmod o= on it", name, info.Mode().Perm())
	}
}

// tokenFile reads a token: one line, white space around it ignored.
func (r *reader) tokenFile(pos Position, name string) Secret {
	data, ok := r.read(pos, name)
	if !ok {
		return ""
	}
	token := string(bytes.TrimSpace(data))
	if problem := tokenProblem(token); problem != "" {
		r.fault(pos, "the token in %s %s", name, problem)
		return ""
	}
	r.private(pos, name)
	return Secret(token)
}

// tokenProblem says why a token cannot serve as a bearer token (RFC 6750 §2.1), "" when it can.
func tokenProblem(token string) string {
	const least = 16
	const most = 4096
	switch {
	case token == "":
		return "is empty; make one with: openssl rand -hex 32"
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "has spaces, line breaks or characters outside ASCII, which an Authorization header cannot carry; " +
			"make one with: openssl rand -hex 32"
	case len(token) < least:
		return fmt.Sprintf("has %d characters and could be guessed; it needs at least %d, make one with: openssl rand -hex 32",
			len(token), least)
	case len(token) > most:
		return fmt.Sprintf("has %d characters, at most %d are taken; make one with: openssl rand -hex 32", len(token), most)
	}
	return ""
}
