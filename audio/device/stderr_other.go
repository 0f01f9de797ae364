//go:build cgo && !unix

package device

// silenceStderr does nothing where no sound library writes to stderr.
func silenceStderr() (restore func(), err error) { return func() {}, nil }
