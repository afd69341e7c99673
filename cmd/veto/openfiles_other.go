//go:build !linux

package main

// maxPublicConns is the server's default.
func maxPublicConns() int { return 0 }
