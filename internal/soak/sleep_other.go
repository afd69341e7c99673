//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

var ended = &syscall.SysProcAttr{}

func realtime() error { return errors.New("not on this system") }

func sleepUntil(due time.Time) { time.Sleep(time.Until(due)) }
