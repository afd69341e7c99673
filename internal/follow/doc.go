// Package follow keeps a copy of what a veto server knows up to date: it reads a snapshot, follows the change feed from there, by
// server-sent events or, where they do not get through, by long polling, and begins anew when the feed says that rows are missing.
package follow
