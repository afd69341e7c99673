// Command soak measures what large things and long times do to veto.
//
//	go run ./internal/soak swap -entries 10000000
//
// looks serials up in a store, 5,000 a second, while CRLs of ten million entries replace each other, and sees that every answer is of
// one of them.
//
//	go build -o veto ./cmd/veto && go run ./internal/soak hostile -veto ./veto -octets 5000000000
//
// sends CRLs of that size whose signature is bad to the running binary, and reports the memory and the room on the disk they took.
//
//	go build -o veto ./cmd/veto && go run ./internal/soak mirrors -veto ./veto -for 10m
//
// keeps 200 mirrors on the running binary, cuts their connections and restarts it, and sees that none of them misses a revocation.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "swap":
			return runSwap(args[1:])
		case "hostile":
			return runHostile(args[1:])
		case "mirrors":
			return runMirrors(args[1:])
		}
	}
	return errors.New("say what to measure: swap, hostile or mirrors; -h after it shows its options")
}
