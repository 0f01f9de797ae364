//go:build !cgo || !(linux || darwin || freebsd)

package mpg123

import "earshot/audio/dl"

// Decoder is never made in a build without cgo.
type Decoder struct{}

// New returns dl.ErrUnavailable: this program was built without cgo.
func New(rate, freeSize int) (*Decoder, error) { return nil, dl.Open("mpg123", 0, nil, nil) }

// Reset is never called.
func (*Decoder) Reset() error { return dl.ErrUnavailable }

// Decode is never called.
func (*Decoder) Decode([]byte) ([]byte, error) { return nil, dl.ErrUnavailable }
