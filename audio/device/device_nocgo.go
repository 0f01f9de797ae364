//go:build !cgo

package device

import (
	"context"
	"fmt"
)

// Device is never made in a build without cgo.
type Device struct{ Ring }

// Open returns ErrNoDevice: this program was built without cgo.
func Open(context.Context, Ring) (*Device, error) {
	return nil, fmt.Errorf("%w: the program was built without cgo", ErrNoDevice)
}
