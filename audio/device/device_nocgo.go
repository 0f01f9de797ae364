//go:build !cgo

package device

import (
	"context"
	"fmt"
	"io"
)

// Device is never made in a build without cgo.
type Device struct{ Ring }

// Open returns ErrNoDevice: this program was built without cgo.
func Open(context.Context, Ring, Options) (*Device, error) {
	return nil, fmt.Errorf("%w: the program was built without cgo", ErrNoDevice)
}

// Serve returns ErrNoDevice: this program was built without cgo.
func Serve(context.Context, string, io.Reader, io.Writer) error {
	return fmt.Errorf("%w: the program was built without cgo", ErrNoDevice)
}
