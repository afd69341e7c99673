// Package config reads veto's configuration: one YAML file, or the flags of `veto serve`.
//
// It refuses what it does not know: unknown and repeated keys, values out of range, files that are missing or are not what
// their key says. All faults are reported at once, each with its line and column and a sentence saying what is wrong and
// what to do: a setting that is silently without effect is a trap.
//
// Certificates, keys and tokens are loaded here as well, so that a [Config] holds everything the service needs and
// checking a configuration finds the faults of its files too. Whether a certificate may sign OCSP responses
// (RFC 6960 §4.2.2.2) is judged by the responder; a caller reports its verdict with [Position.Fault].
//
// docs/CONFIGURATION.md lists every key; a test compares it with this package.
package config
