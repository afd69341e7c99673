// Package snapshot writes and reads the compact set of everything that is revoked, from which mirrors answer by themselves. The
// format is described octet by octet in docs/SNAPSHOT.md.
//
// A snapshot says two things of each issuer: which serials are revoked, and the evidence of a serial that nothing lists: which CRLs
// are silent about it, for which certificates and until when. Whoever has both can run the decision rule of revocation.Decide, and
// gets the answer of the server.
package snapshot
