package main

import "syscall"

// maxPublicConns is how many connections the public listener may hold, so that files are left for everything else: the API, the store,
// fetches. Zero is the server's default.
func maxPublicConns() int {
	const others, most = 256, 50_000
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return max(int(min(limit.Cur, most+others))-others, others)
}
