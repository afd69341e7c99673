package main

import (
	"crypto"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// signTime is the processor time of one P-256 signature on the first core, in seconds.
func signTime() (seconds float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.Command("taskset", "-c", "0", self, "-sign").Output()
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(strings.TrimSpace(string(out)), &seconds)
	return seconds, err
}

// signOnce is the same of this process, over half a second.
func signOnce() float64 {
	key, err := pkitest.NewKey(pkitest.P256)
	if err != nil {
		log.Fatal(err)
	}
	digest := make([]byte, 32)
	before, n := ownProcessorTime(), 0
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); n++ {
		if _, err := key.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
			log.Fatal(err)
		}
	}
	return (ownProcessorTime() - before).Seconds() / float64(n)
}

func ownProcessorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
