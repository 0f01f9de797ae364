// Package dl opens shared libraries while the program runs, so that it starts where
// they are not installed, and uses them where they are.
//
// A library's functions are written into a table of function pointers, which
// belongs to the C code of the package that calls them. A library stays open for the
// life of the process.
package dl

import "errors"

// ErrUnavailable: the library is not installed, lacks a function, or the program was
// built without cgo or for a system without dlopen.
var ErrUnavailable = errors.New("not there")
