//go:build cgo && (linux || darwin || freebsd)

package dl

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static void *open_library(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Open opens the library name of a major version, such as "mpg123" and 0, and writes the
// addresses of its functions to the table, in their order. The error is ErrUnavailable.
func Open(name string, version int, functions []string, table []unsafe.Pointer) error {
	library := unsafe.Pointer(nil)
	for _, file := range files(name, version) {
		if library = withName(file, func(c *C.char) unsafe.Pointer { return C.open_library(c) }); library != nil {
			break
		}
	}
	if library == nil {
		return fmt.Errorf("lib%s is %w: it is not installed", name, ErrUnavailable)
	}
	for i, function := range functions {
		if table[i] = withName(function, func(c *C.char) unsafe.Pointer { return C.dlsym(library, c) }); table[i] == nil {
			return fmt.Errorf("lib%s is %w: the one installed lacks %s", name, ErrUnavailable, function)
		}
	}
	return nil
}

// files are the names a library may have.
func files(name string, version int) []string {
	if runtime.GOOS != "darwin" {
		return []string{fmt.Sprintf("lib%s.so.%d", name, version)}
	}
	file := fmt.Sprintf("lib%s.%d.dylib", name, version)
	// Homebrew's folders are not among those that are searched.
	return []string{file, "/opt/homebrew/lib/" + file, "/usr/local/lib/" + file}
}

func withName(name string, f func(*C.char) unsafe.Pointer) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return f(c)
}
