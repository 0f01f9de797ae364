//go:build !cgo || !(linux || darwin || freebsd)

package libopus

import "earshot/audio/dl"

// Decoder is never made in a build without cgo.
type Decoder struct{}

// New returns dl.ErrUnavailable: this program was built without cgo.
func New(streams, coupled int, mapping []byte) (*Decoder, error) {
	return nil, dl.Open("opus", 0, nil, nil)
}

// Reset is never called.
func (*Decoder) Reset() error { return dl.ErrUnavailable }

// Decode is never called.
func (*Decoder) Decode([]byte, []float32) (int, error) { return 0, dl.ErrUnavailable }
