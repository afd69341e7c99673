package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"

	"github.com/vetopki/veto/revocation"
)

// Explain turns the error of a transfer into a Refusal that says what happened. The context's cause goes first: when the
// deadline or the pace cut the transfer, whatever the connection reports is a consequence.
func Explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = withoutURL(err)
	if _, refused := errors.AsType[*revocation.Refusal](err); refused {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return revocation.Refuse("truncated", "RFC 9112 §8", "the connection ended before the whole body came")
	}
	if isTLS(err) {
		return revocation.Refuse("tls", "", "the TLS connection is not to be trusted: %v", err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return revocation.Refuse("dns", "", "the host %q cannot be resolved: %s", dns.Name, dns.Err)
	}
	return revocation.Refuse("network", "", "the transfer failed: %v", err)
}

// withoutURL drops what net/http wraps around errors: it repeats the URL, which after a redirect is the server's and may
// hold a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func isTLS(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verification || alert || record || authority || host
}
