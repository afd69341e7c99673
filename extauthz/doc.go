// Package extauthz answers Envoy's authorization calls over gRPC: envoy.service.auth.v3.Authorization/Check.
//
// The profile is named by the route, in context_extensions["profile"]. Who may let whom in is decided by the same profiles and the
// same rule as over HTTP; this package only translates. It answers with an error, which makes Envoy's failure_mode_allow decide, only where
// the profile's policy wants one.
package extauthz
