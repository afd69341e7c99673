package main

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ended makes the kernel end a process when this one ends, however that happens.
var ended = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}

// realtime lets the thread of the caller go before all others of the machine.
func realtime() error {
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
}

// sleepUntil sleeps in the kernel: the runtime's own timers are late by up to a millisecond when nothing else goes on.
func sleepUntil(due time.Time) {
	if wait := time.Until(due); wait > 0 {
		ts := unix.NsecToTimespec(int64(wait))
		unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil) //nolint:errcheck // woken early, the lookup comes early
	}
}
