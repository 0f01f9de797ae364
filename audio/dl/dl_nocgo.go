//go:build !cgo || !(linux || darwin || freebsd)

package dl

import (
	"fmt"
	"unsafe"
)

// Open returns ErrUnavailable: this program was built without cgo.
func Open(name string, version int, functions []string, table []unsafe.Pointer) error {
	return fmt.Errorf("lib%s is %w: the program was built without cgo", name, ErrUnavailable)
}
