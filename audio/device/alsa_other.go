//go:build cgo && !linux

package device

import "fmt"

// hush is for ALSA alone.
func hush() {}

// choose is for ALSA alone.
func choose(string) (forget func(), err error) {
	return nil, fmt.Errorf("%w: a sound card can be chosen by name on Linux only", ErrNoDevice)
}
