package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/follow"
	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
)

// haproxySync keeps an ACL of HAProxy with the revoked serials of some issuers; it implements follow.Copy.
type haproxySync struct {
	syncing
	socket, acl string
	keyFile     string            // public key of the server's snapshots
	key         ed25519.PublicKey // read from it; nil: they need not be signed

	process string     // of HAProxy that was loaded: another one has an empty ACL
	ids     [][]string // of the issuers loaded
}

func newSyncHAProxy() *cobra.Command {
	var s haproxySync
	cmd := &cobra.Command{
		Use: "haproxy", Short: "Keep an ACL of HAProxy with all revoked serials",
		Long: "Brings every revoked serial into an ACL by HAProxy's runtime API, without a reload, and keeps it so. After HAProxy was started\n" +
			"anew the ACL is filled again. Serials are written as HAProxy's ssl_c_serial,hex has them. One ACL holds serials, not issuers: with\n" +
			"several CAs, keep an ACL for each.",
		Example: "  veto sync haproxy --issuer corp-devices --socket /run/haproxy/admin.sock --acl /etc/haproxy/revoked.acl\n" +
			"  # haproxy.cfg: stats socket /run/haproxy/admin.sock level admin\n" +
			"  #              http-request deny if { ssl_c_serial,hex -f /etc/haproxy/revoked.acl }",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.socket == "" || s.acl == "" {
				return usage("say which ACL to keep: --socket PATH --acl ID")
			}
			if strings.ContainsAny(s.acl, " ;\n\\") {
				return usage("--acl: %q is no name or number of an ACL", s.acl)
			}
			if err := s.readKey(); err != nil {
				return err
			}
			s.log = cmd.ErrOrStderr()
			return s.run(cmd, false, &s)
		},
	}
	s.register(cmd, "`NAME` of an issuer whose serials go into the ACL, repeatable; all when left out")
	f := cmd.Flags()
	f.StringVar(&s.socket, "socket", "", "`PATH` of HAProxy's stats socket, or its HOST:PORT")
	f.StringVar(&s.keyFile, "snapshot-key", "", "PEM `FILE` with the public key the server's snapshots must be signed with")
	f.StringVar(&s.acl, "acl", "", "`ID` of the ACL: the file it was loaded from, or # and its number")
	return cmd
}

// Load implements follow.Copy: it fills a new version of the ACL and puts it in force in one step, when the snapshot proved whole.
func (s *haproxySync) Load(ctx context.Context, body io.Reader) error {
	r, err := snapshot.NewReader(body, s.key)
	if err != nil {
		return err
	}
	defer r.Close()
	process, err := s.processID(ctx)
	if err != nil {
		return err
	}
	version, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	n, err := s.fill(ctx, r, "@"+version+" ")
	if err != nil {
		return err // the version is dropped with the next one that is put in force
	}
	if err := s.command(ctx, []string{"commit acl @" + version + " " + s.acl}); err != nil {
		return err
	}
	s.holds(r.Header)
	s.process = process
	s.say("%s holds %d serials of generation %d", s.acl, n, s.generation)
	return nil
}

// readKey reads the key that snapshots must be signed with, when one is named.
func (s *haproxySync) readKey() error {
	if s.keyFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.keyFile)
	if err != nil {
		return usage("--snapshot-key: %v", err)
	}
	if s.key, err = snapshot.ParseKey(text); err != nil {
		return usage("--snapshot-key: %s %v", s.keyFile, err)
	}
	return nil
}

func (s *haproxySync) wants(issuer string) bool {
	return len(s.issuers) == 0 || slices.Contains(s.issuers, issuer)
}

// fill adds the serials of a snapshot.
func (s *haproxySync) fill(ctx context.Context, r *snapshot.Reader, version string) (n int, err error) {
	s.ids = nil
	var commands []string
	flush := func() error {
		err := s.command(ctx, commands)
		commands = commands[:0]
		return err
	}
	for {
		i, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n, flush()
		}
		if err != nil {
			return n, err
		}
		s.ids = append(s.ids, i.IDs)
		for {
			length, serials, dates, flags, err := r.Chunk()
			if err != nil {
				return n, err
			}
			if length == 0 {
				break
			}
			for at := range flags {
				word := append(slices.Clone(dates[at*5:at*5+5]), flags[at])
				if !s.wants(i.Name) || snapshot.EntryOf(word).Unsure {
					continue
				}
				commands = append(commands, "add acl "+version+s.acl+" "+haproxySerial(revocation.Serial(serials[at*length:(at+1)*length])))
				if n++; len(commands) == haproxyCommands {
					if err := flush(); err != nil {
						return n, err
					}
				}
			}
		}
	}
}

// haproxySerial is a serial as ssl_c_serial,hex has it: the octets of its magnitude in upper-case hex.
func haproxySerial(s revocation.Serial) string {
	return strings.ToUpper(strings.TrimPrefix(s.String(), "-"))
}

// Change implements follow.Copy. Adding what is there is harmless: a deletion takes all of one key.
func (s *haproxySync) Change(c *follow.Change) bool {
	if s.wants(c.Issuer) || c.Issuer == "" {
		if c.Everything || len(c.Entries) != len(c.Serials) {
			return false
		}
		var commands []string
		for i, text := range c.Serials {
			serial, err := revocation.ParseSerial(text)
			if err != nil {
				return false
			}
			verb := "add acl "
			if !c.Entries[i].Revoked {
				if len(s.issuers) != 1 && len(s.ids) > 1 {
					return false // another issuer may have revoked the same serial
				}
				verb = "del acl "
			}
			commands = append(commands, verb+s.acl+" "+haproxySerial(serial))
		}
		ctx, cancel := context.WithTimeout(context.Background(), haproxyPatience)
		defer cancel()
		if err := s.commands(ctx, commands); err != nil {
			s.say("%v", err)
			return false
		}
	}
	s.generation = c.Generation
	return true
}

// State implements follow.Copy.
func (s *haproxySync) State(st *follow.State) bool {
	s.epoch = st.Epoch
	return slices.EqualFunc(s.ids, st.Issuers, func(ids []string, i snapshot.Issuer) bool { return slices.Equal(ids, i.IDs) })
}

// Heard implements follow.Copy. It is when to see whether HAProxy is still the one that was loaded.
func (s *haproxySync) Heard() bool {
	ctx, cancel := context.WithTimeout(context.Background(), haproxyPatience)
	defer cancel()
	process, err := s.processID(ctx)
	return err == nil && process == s.process
}

// Bounds of HAProxy's runtime API: a line, and so all commands on it, must fit its buffer of 16 KiB.
const (
	haproxyCommands = 64
	haproxyLine     = 12 << 10
	haproxyPatience = 30 * time.Second
)

// commands sends any number of commands.
func (s *haproxySync) commands(ctx context.Context, list []string) error {
	for part := range slices.Chunk(list, haproxyCommands) {
		if err := s.command(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// command sends commands that answer nothing when they succeed, on as few lines as hold them.
func (s *haproxySync) command(ctx context.Context, list []string) error {
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+len(list[n]) < haproxyLine) {
			size += len(list[n]) + 1
			n++
		}
		answer, err := s.ask(ctx, strings.Join(list[:n], ";"))
		if err != nil {
			return err
		}
		for line := range strings.Lines(answer) {
			if line = strings.TrimSpace(line); line != "" && line != "Key not found." && line != "Done." {
				return fmt.Errorf("HAProxy refused: %s", line)
			}
		}
		list = list[n:]
	}
	return nil
}

var createdVersion = regexp.MustCompile(`New version created: (\d+)`)

func (s *haproxySync) prepare(ctx context.Context) (version string, err error) {
	answer, err := s.ask(ctx, "prepare acl "+s.acl)
	if err != nil {
		return "", err
	}
	found := createdVersion.FindStringSubmatch(answer)
	if found == nil {
		return "", fmt.Errorf("HAProxy has no ACL %s to prepare: %s", s.acl, strings.TrimSpace(answer))
	}
	return found[1], nil
}

// processID tells one process of HAProxy from another: its number and when it was started.
func (s *haproxySync) processID(ctx context.Context) (string, error) {
	answer, err := s.ask(ctx, "show info")
	if err != nil {
		return "", err
	}
	var id string
	for line := range strings.Lines(answer) {
		for _, name := range []string{"Pid:", "Start_time_sec:"} {
			if value, ok := strings.CutPrefix(line, name); ok {
				id += name + strings.TrimSpace(value) + " "
			}
		}
	}
	if id == "" {
		return "", fmt.Errorf("%s does not answer as HAProxy does: %.100s", s.socket, strings.TrimSpace(answer))
	}
	return id, nil
}

// ask sends one line and reads the answer to its end, where HAProxy closes the connection.
func (s *haproxySync) ask(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, haproxyPatience)
	defer cancel()
	network := "unix"
	if !strings.Contains(s.socket, "/") {
		network = "tcp"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, s.socket)
	if err != nil {
		return "", fmt.Errorf("HAProxy's stats socket: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(bufio.NewReader(conn), 1<<20))
	if err != nil {
		return "", fmt.Errorf("HAProxy's stats socket: %w", err)
	}
	return string(answer), nil
}
