//go:build !cgo || !(linux || darwin || freebsd)

package mpg123

import "fmt"

// Decoder is never made in a build without cgo.
type Decoder struct{}

// New returns ErrUnavailable: this program was built without cgo.
func New(rate, freeSize int) (*Decoder, error) {
	return nil, fmt.Errorf("%w: the program was built without cgo", ErrUnavailable)
}

// Reset is never called.
func (*Decoder) Reset() error { return ErrUnavailable }

// Decode is never called.
func (*Decoder) Decode([]byte) ([]byte, error) { return nil, ErrUnavailable }
