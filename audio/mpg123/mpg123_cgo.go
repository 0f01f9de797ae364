//go:build cgo && (linux || darwin || freebsd)

package mpg123

/*
#include <stddef.h>

typedef struct mpg123_handle_struct mpg123_handle;

enum { FLAGS = 1, FREEFORMAT_SIZE = 19 };
enum {
	QUIET = 0x20, SKIP_ID3V2 = 0x2000, IGNORE_INFOFRAME = 0x4000, NO_READAHEAD = 0x400000,
};
enum { STEREO = 2, SIGNED_16 = 0xd0 };
enum { NEW_FORMAT = -11, NEED_MORE = -10, OK = 0 };

// In the order of functions.
static struct {
	int (*init)(void);
	mpg123_handle *(*new)(const char *, int *);
	void (*delete)(mpg123_handle *);
	int (*param)(mpg123_handle *, int, long, double);
	int (*format_none)(mpg123_handle *);
	int (*format)(mpg123_handle *, long, int, int);
	int (*open_feed)(mpg123_handle *);
	int (*decode)(mpg123_handle *, const unsigned char *, size_t, unsigned char *, size_t, size_t *);
	const char *(*plain_strerror)(int);
} lib;

static void **table(void) { return (void **)&lib; }
static int init(void) { return lib.init(); }

static mpg123_handle *make(long rate, long free_size, int *err) {
	mpg123_handle *h = lib.new(NULL, err);
	if (!h)
		return NULL;
	if ((*err = lib.param(h, FLAGS, QUIET | SKIP_ID3V2 | IGNORE_INFOFRAME | NO_READAHEAD, 0)) == OK &&
	    // It counts without the header.
	    (free_size < 4 || (*err = lib.param(h, FREEFORMAT_SIZE, free_size - 4, 0)) == OK) &&
	    (*err = lib.format_none(h)) == OK && (*err = lib.format(h, rate, STEREO, SIGNED_16)) == OK)
		return h;
	lib.delete(h);
	return NULL;
}

static void destroy(mpg123_handle *h) { lib.delete(h); }
static int open_feed(mpg123_handle *h) { return lib.open_feed(h); }
static const char *words(int err) { return lib.plain_strerror(err); }

// decode feeds a frame and takes its PCM.
static int decode(mpg123_handle *h, const unsigned char *frame, size_t n, unsigned char *pcm, size_t room, size_t *done) {
	int err = lib.decode(h, frame, n, pcm, room, done);
	if (err == NEW_FORMAT && *done == 0)
		err = lib.decode(h, NULL, 0, pcm, room, done);
	return err;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"earshot/audio/dl"
)

var functions = []string{
	"mpg123_init", "mpg123_new", "mpg123_delete", "mpg123_param", "mpg123_format_none", "mpg123_format",
	"mpg123_open_feed", "mpg123_decode", "mpg123_plain_strerror",
}

// load is done once in the life of a process, as a library is.
var load = sync.OnceValue(func() error {
	err := dl.Open("mpg123", 0, functions, unsafe.Slice((*unsafe.Pointer)(unsafe.Pointer(C.table())), len(functions)))
	if err != nil {
		return err
	}
	if code := C.init(); code != C.OK {
		return fmt.Errorf("libmpg123 is %w: %s", dl.ErrUnavailable, C.GoString(C.words(code)))
	}
	return nil
})

// Decoder decodes the frames of one stream, in order. What it holds of the library
// is freed with it.
type Decoder struct {
	handle *C.mpg123_handle
	pcm    [MaxPCM]byte
}

// New returns a decoder of frames of a sample rate in Hz; freeSize is the length of
// frames of free format without padding, in bytes, 0 where they tell their own. The
// error is dl.ErrUnavailable where there is no library.
func New(rate, freeSize int) (*Decoder, error) {
	if err := load(); err != nil {
		return nil, err
	}
	var code C.int
	h := C.make(C.long(rate), C.long(freeSize), &code)
	if h == nil {
		return nil, fmt.Errorf("starting libmpg123: %s", C.GoString(C.words(code)))
	}
	d := &Decoder{handle: h}
	runtime.AddCleanup(d, func(h *C.mpg123_handle) { C.destroy(h) }, h)
	return d, d.Reset()
}

// Reset forgets all frames.
func (d *Decoder) Reset() error {
	if code := C.open_feed(d.handle); code != C.OK {
		return fmt.Errorf("starting libmpg123: %s", C.GoString(C.words(code)))
	}
	return nil
}

var errNoPCM = errors.New("libmpg123 makes no sound of it")

// Decode decodes a whole frame: 16-bit little-endian stereo, which holds until the
// next call. After an error the decoder goes on with the next frame.
func (d *Decoder) Decode(frame []byte) ([]byte, error) {
	var done C.size_t
	code := C.decode(d.handle, (*C.uchar)(unsafe.SliceData(frame)), C.size_t(len(frame)), (*C.uchar)(&d.pcm[0]), MaxPCM, &done)
	runtime.KeepAlive(d)
	switch {
	case done > 0:
		return d.pcm[:done], nil
	case code == C.OK || code == C.NEED_MORE:
		return nil, errNoPCM
	}
	return nil, fmt.Errorf("decoding a frame: %s", C.GoString(C.words(code)))
}
