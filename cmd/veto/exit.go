package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// The exit codes of the contract; 64 to 78 are those of sysexits.h.
const (
	exitYes     = 0  // yes, good, valid, done
	exitNo      = 1  // no, revoked, invalid
	exitUnknown = 2  // cannot tell: unknown, stale, unreachable
	exitUsage   = 64 // wrong usage
	exitFault   = 70 // internal fault
	exitData    = 73 // cannot create or lock the data directory
	exitConfig  = 78 // wrong configuration
)

// coded is an error that ends the program with a certain code.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// silentExit ends the program with a code after the command printed everything there is to say.
type silentExit struct{ code int }

func (s *silentExit) Error() string { return fmt.Sprintf("exit code %d", s.code) }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &coded{code, err}
}

func usage(format string, args ...any) error { return &coded{exitUsage, fmt.Errorf(format, args...)} }

// exitCode maps an error to the code the program ends with.
func exitCode(err error) int {
	if err == nil {
		return exitYes
	}
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code
	}
	if _, ok := errors.AsType[config.Faults](err); ok {
		return exitConfig
	}
	switch {
	case errors.Is(err, revocation.ErrLocked):
		return exitData
	case errors.Is(err, revocation.ErrMalformedSerial), errors.Is(err, revocation.ErrUnknownReason):
		return exitUsage
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		return exitUsage
	}
	return exitFault
}

// exitWith returns an error that ends the program with a code, nil for exitYes.
func exitWith(code int) error {
	if code == exitYes {
		return nil
	}
	return &silentExit{code}
}

// atLeastOne and noArgs are cobra's checks with our exit code.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%s needs at least one %s; see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s takes %s, got %d arguments; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}
