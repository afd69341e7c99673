//go:build !linux

package main

import (
	"syscall"
	"time"
)

var ended = &syscall.SysProcAttr{}

func sleepUntil(due time.Time) { time.Sleep(time.Until(due)) }
