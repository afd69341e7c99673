package api

import (
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Limits of POST /v1/status.
const (
	MaxQueries          = 10_000
	MaxQueriesBody      = 32 << 20  // octets
	MaxCertificateBody  = 256 << 10 // octets; a chain, of which the first certificate counts
	statusBodyReadLimit = 30 * time.Second
)

// certificateTypes are the media types of a bare certificate. curl and openssl users send PEM as text/plain, too.
var certificateTypes = [...]string{"application/pkix-cert", "application/x-pem-file", "application/pem-certificate-chain", "text/plain"}

// postStatus answers POST /v1/status: many queries in JSON, or one certificate.
func (a *API) postStatus(w http.ResponseWriter, r *http.Request) {
	mediaType, p := mediaTypeOf(r)
	if p != nil {
		p.write(w)
		return
	}
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(statusBodyReadLimit)) // best effort: tests have no connection
	var body []byte
	switch {
	case mediaType == "application/json":
		body, p = a.statusOfQueries(r, http.MaxBytesReader(w, r.Body, MaxQueriesBody))
	case slices.Contains(certificateTypes[:], mediaType):
		body, p = a.statusOfCertificate(http.MaxBytesReader(w, r.Body, MaxCertificateBody))
	default:
		certificates := strings.Join(certificateTypes[:], ", ")
		p = wrongMediaType.problem("send Content-Type: application/json with queries, or a certificate as %s", certificates).
			with("Accept", "application/json, "+certificates)
	}
	deadline.SetReadDeadline(time.Time{})
	if p != nil {
		p.write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func (a *API) statusOfCertificate(body io.Reader) ([]byte, *Problem) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, readProblem(err)
	}
	cert, p := parseCertificate(data)
	if p != nil {
		return nil, p
	}
	answer, p := a.answerCertificate(cert, time.Now())
	if p != nil {
		return nil, p
	}
	return append(AppendStatus(nil, &answer), '\n'), nil
}

// answerCertificate answers for a certificate. An issuer that did not really sign it is not asked.
func (a *API) answerCertificate(cert *x509.Certificate, now time.Time) (Answer, *Problem) {
	serial, err := revocation.SerialFromBig(cert.SerialNumber)
	if err != nil {
		return Answer{}, malformedSerial.problem("%v", err)
	}
	issuer, known := a.directory.ByCertificate(cert)
	if !known {
		return a.answerUnknown("", serial, now), nil
	}
	return a.answered(issuer, serial, a.source.CertificateStatus(issuer.ID, cert, now), now), nil
}

// answerUnknown is the answer for an issuer that is not configured. Nothing is known of it, whatever the source says.
func (a *API) answerUnknown(name string, serial revocation.Serial, now time.Time) Answer {
	var none revocation.IssuerID
	st := revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: a.source.Status(none, serial, now).Generation}
	a.metrics.answers.WithLabelValues(st.Status.String(), string(st.Because)).Inc()
	id, err := revocation.ParseIssuerID(name)
	if err != nil {
		id = none
	}
	return Answer{Issuer: name, IssuerID: id, Serial: serial, CertStatus: st, TTL: TTL(&st, now, a.ttl)}
}

// mediaTypeOf is the media type of a request's body, without parameters. A compressed body is refused: its size is not
// bounded by its length.
func mediaTypeOf(r *http.Request) (string, *Problem) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", wrongMediaType.problem("Content-Encoding %s is not supported, send the body as it is", clip(coding)).
			with("Accept-Encoding", "identity")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", nil // none, or none that can be read: no route takes it
	}
	return mediaType, nil
}

// readProblem says why a body could not be read.
func readProblem(err error) *Problem {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge.problem("the body has more than %d octets", large.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return timedOut.problem("the body did not arrive within %v", statusBodyReadLimit)
	}
	return malformedRequest.problem("reading the body: %v", err)
}

// statusURL is where the status of a serial is found.
func statusURL(issuer string, serial revocation.Serial) string {
	return statusesPath + "/" + url.PathEscape(issuer) + "/" + serial.String()
}
