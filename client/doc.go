// Package client asks, for an endpoint of mutual TLS, whether the certificate of the other side may still be trusted.
//
// A [Checker] answers for one certificate: [HTTP] asks a veto server, [OCSP] any OCSP responder and verifies what it says, and
// [Tiers] puts several in an order. A [Guard] turns answers into allow or deny by a policy, where unknown is never good by
// default, and [WrapServerTLS] and [WrapClientTLS] put a guard into a tls.Config, so that a revoked peer fails in the handshake,
// a resumed one included. [Guard.Handler] judges each request, and a [ConnTracker] cuts connections whose peer is revoked while
// they live. With [Checks] a guard makes all five checks of mutual TLS. Package grpcguard is for gRPC.
package client
