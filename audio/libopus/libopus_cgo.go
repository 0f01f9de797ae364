//go:build cgo && (linux || darwin || freebsd)

package libopus

/*
#include <stdint.h>

typedef struct OpusMSDecoder OpusMSDecoder;

enum { OK = 0, RESET_STATE = 4028 };

// In the order of functions.
static struct {
	OpusMSDecoder *(*create)(int32_t rate, int channels, int streams, int coupled, const unsigned char *mapping, int *err);
	int (*decode)(OpusMSDecoder *, const unsigned char *packet, int32_t n, float *pcm, int samples, int fec);
	int (*ctl)(OpusMSDecoder *, int request, ...);
	void (*destroy)(OpusMSDecoder *);
	const char *(*words)(int err);
} lib;

static void **table(void) { return (void **)&lib; }

static OpusMSDecoder *create(int rate, int channels, int streams, int coupled, const unsigned char *mapping, int *err) {
	return lib.create(rate, channels, streams, coupled, mapping, err);
}
static int decode(OpusMSDecoder *d, const unsigned char *packet, int n, float *pcm, int samples) {
	return lib.decode(d, packet, n, pcm, samples, 0);
}
static int reset(OpusMSDecoder *d) { return lib.ctl(d, RESET_STATE); }
static void destroy(OpusMSDecoder *d) { lib.destroy(d); }
static const char *words(int err) { return lib.words(err); }
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
	"opus_multistream_decoder_create", "opus_multistream_decode_float", "opus_multistream_decoder_ctl",
	"opus_multistream_decoder_destroy", "opus_strerror",
}

// load is done once in the life of a process, as a library is.
var load = sync.OnceValue(func() error {
	return dl.Open("opus", 0, functions, unsafe.Slice((*unsafe.Pointer)(unsafe.Pointer(C.table())), len(functions)))
})

// Decoder decodes the packets of one stream, in order. What it holds of the library
// is freed with it.
type Decoder struct {
	handle   *C.OpusMSDecoder
	channels int
}

// New returns a decoder of streams as OpusHead tells them (RFC 7845, 5.1.1), of which the
// first are coupled; mapping names the decoded channel of each output channel. The error
// is dl.ErrUnavailable where there is no library.
func New(streams, coupled int, mapping []byte) (*Decoder, error) {
	if err := load(); err != nil {
		return nil, err
	}
	var code C.int
	h := C.create(Rate, C.int(len(mapping)), C.int(streams), C.int(coupled), (*C.uchar)(unsafe.SliceData(mapping)), &code)
	if h == nil {
		return nil, fmt.Errorf("starting libopus: %s", C.GoString(C.words(code)))
	}
	d := &Decoder{handle: h, channels: len(mapping)}
	runtime.AddCleanup(d, func(h *C.OpusMSDecoder) { C.destroy(h) }, h)
	return d, nil
}

// Reset forgets all packets.
func (d *Decoder) Reset() error {
	defer runtime.KeepAlive(d)
	if code := C.reset(d.handle); code != C.OK {
		return fmt.Errorf("starting libopus: %s", C.GoString(C.words(code)))
	}
	return nil
}

var errNoPacket = errors.New("decoding a packet: it is empty")

// Decode decodes a packet into pcm, interleaved, of which 1 is full scale, and returns how
// many samples of each channel it gave. pcm has room for MaxSamples of them. After an
// error the decoder goes on with the next packet.
func (d *Decoder) Decode(packet []byte, pcm []float32) (int, error) {
	if len(packet) == 0 {
		return 0, errNoPacket // to libopus one that was lost
	}
	room := len(pcm) / d.channels
	n := C.decode(d.handle, (*C.uchar)(unsafe.SliceData(packet)), C.int(len(packet)), (*C.float)(unsafe.SliceData(pcm)), C.int(room))
	runtime.KeepAlive(d)
	if n < 0 {
		return 0, fmt.Errorf("decoding a packet: %s", C.GoString(C.words(n)))
	}
	return int(n), nil
}
