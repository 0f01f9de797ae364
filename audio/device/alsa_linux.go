//go:build cgo && linux

package device

/*
#cgo pkg-config: alsa
#include <stdlib.h>
#include <alsa/asoundlib.h>

static void nothing(const char *file, int line, const char *function, int err, const char *format, ...) {}
static void hush(void) { snd_lib_error_set_handler(nothing); }
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// hush keeps ALSA from writing to stderr, when a card is lost too: a screen may be drawn there.
func hush() { C.hush() }

// choose makes ALSA's default device the one of a name, as oto opens no other: by a
// configuration of its own that comes behind the user's. It fails with ErrNoDevice where there
// is no such device. forget is to be called once it was opened.
func choose(name string) (forget func(), err error) {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\'' || r == '\\' || r == 0x7f }) {
		return nil, fmt.Errorf("%w: %q is no name of a sound card", ErrNoDevice, name)
	}
	dir, err := os.MkdirTemp("", "earshot-alsa-")
	if err != nil {
		return nil, fmt.Errorf("choosing the sound card: %w", err)
	}
	remove := func() { os.RemoveAll(dir) }
	path, err := configure(dir, name)
	if err != nil {
		remove()
		return nil, fmt.Errorf("choosing the sound card: %w", err)
	}
	os.Setenv("ALSA_CONFIG_PATH", path) // in C's environment, too
	if err := try(name); err != nil {
		remove()
		return nil, err
	}
	return remove, nil
}

// configure writes the configuration, and returns what ALSA_CONFIG_PATH is to be.
func configure(dir, name string) (string, error) {
	const alsas = "<confdir:alsa.conf>\n"
	override := "pcm.!default { type plug slave.pcm \"" + name + "\" }\n"
	last, first := filepath.Join(dir, "last.conf"), filepath.Join(dir, "first.conf")
	// ALSA's own configuration loads the user's in a hook, numbered 0, when all else is
	// read; this one comes behind it.
	main := override + "@hooks.1 { func load files [ \"" + last + "\" ] errors false }\n"
	path := first
	if set := os.Getenv("ALSA_CONFIG_PATH"); set != "" {
		path = set + ":" + first
	} else {
		main = alsas + main
	}
	if err := os.WriteFile(last, []byte(override), 0o600); err != nil {
		return "", err
	}
	return path, os.WriteFile(first, []byte(main), 0o600)
}

// try opens a device and closes it: oto would go on to others and play there.
func try(name string) error {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	var pcm *C.snd_pcm_t
	if e := C.snd_pcm_open(&pcm, n, C.SND_PCM_STREAM_PLAYBACK, C.SND_PCM_NONBLOCK); e < 0 {
		return fmt.Errorf("%w: the sound card %q cannot be opened: %s: `aplay -L` lists what there is", ErrNoDevice, name, C.GoString(C.snd_strerror(e)))
	}
	C.snd_pcm_close(pcm)
	return nil
}
