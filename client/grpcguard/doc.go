// Package grpcguard puts a client.Guard into gRPC: into the handshake by transport credentials, before each call by interceptors, and, with a
// client.ConnTracker, into connections that live on. It is a package of its own so that gRPC stays out of programs that do not
// use it.
package grpcguard
