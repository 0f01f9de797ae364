package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
)

// The reasons why a handshake fails that people can do something about.
var (
	ErrOtherServer = errors.New("this is another server than the one that invited: ask for a new join link")
	ErrClocks      = errors.New("the clocks of this machine and of the server are apart: set them right")
	ErrNoMember    = errors.New("the server does not take this node for a member: join again with a new link")
	ErrNoServer    = errors.New("what answers at this address is no earshot server of this version: check the address")
)

// Explain turns the failure of a handshake with the server into a sentence that
// says what to do, and matches one of the errors above and the failure. Other
// errors are returned as they are.
func Explain(err error) error {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
	)
	switch {
	case err == nil, isExplained(err):
		return err
	case errors.Is(err, ErrOtherServer):
		return &explained{ErrOtherServer.Error(), ErrOtherServer, err}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		// The server renews its certificate itself, so it is not old.
		return &explained{fmt.Sprintf("the clocks are apart: the server's certificate is good from %s to %s, and this machine's clock says %s: set the clocks right",
			minute(invalid.Cert.NotBefore), minute(invalid.Cert.NotAfter), minute(time.Now())), ErrClocks, err}
	case errors.As(err, &authority), errors.As(err, &name):
		return &explained{"the server has another key than the one that was joined: join again with a new link", ErrOtherServer, err}
	}
	switch alertOf(err) {
	case alertExpired:
		return &explained{"the server takes this node's certificate for expired: set the clocks right, or join again with a new link", ErrNoMember, err}
	case alertBadCertificate, alertUnknownCA, alertRequired:
		return &explained{ErrNoMember.Error(), ErrNoMember, err}
	case alertNoProtocol:
		return &explained{ErrNoServer.Error(), ErrNoServer, err}
	}
	return err
}

// explained is a failure in a sentence: what it is an instance of, and its cause.
type explained struct {
	says      string
	is, cause error
}

func (e *explained) Error() string   { return e.says }
func (e *explained) Unwrap() []error { return []error{e.is, e.cause} }

func isExplained(err error) bool {
	var e *explained
	return errors.As(err, &e)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Alerts of RFC 8446 section 6.2, and of RFC 7301 section 3.2 the last.
const (
	alertNone           tls.AlertError = 0
	alertBadCertificate tls.AlertError = 42
	alertExpired        tls.AlertError = 45
	alertUnknownCA      tls.AlertError = 48
	alertRequired       tls.AlertError = 116
	alertNoProtocol     tls.AlertError = 120
)

// cryptoErrors is where TLS alerts begin among QUIC's transport errors (RFC 9001
// section 4.8).
const cryptoErrors = 0x100

// alertOf returns the alert with which the other side ended a QUIC handshake.
// quic-go has it as a number; our own failures have errors of crypto/x509.
func alertOf(err error) tls.AlertError {
	var transport *quic.TransportError
	if errors.As(err, &transport) && transport.Remote && transport.ErrorCode.IsCryptoError() {
		return tls.AlertError(transport.ErrorCode - cryptoErrors)
	}
	return alertNone
}
