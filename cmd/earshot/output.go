package main

import (
	"context"
	"io"
	"sync"

	"earshot/audio"
	"earshot/audio/device"
	"earshot/node/player"
	"earshot/protocol"
)

// output is where sound goes.
type output interface {
	player.Output
	Close() error
}

// checkOutput refuses the name of an output that does not exist.
func checkOutput(spec string) error {
	switch file, wav := cutWAV(spec); {
	case spec == "device", spec == "stdout", spec == "null", wav && file != "":
		return nil
	}
	return usagef("there is no output %q: use device, stdout, null or wav:FILE", spec)
}

func cutWAV(spec string) (file string, ok bool) {
	const wav = "wav:"
	if len(spec) >= len(wav) && spec[:len(wav)] == wav {
		return spec[len(wav):], true
	}
	return "", false
}

// opening is an output that is being opened.
type opening struct {
	get    func() (output, error)
	cancel context.CancelFunc
}

// openOutput begins to open an output. A sound card takes long enough to be
// opened aside; a file is made only once it is known that something plays.
func (p *program) openOutput(ctx context.Context, spec string) *opening {
	ctx, cancel := context.WithCancel(ctx)
	if spec != "device" {
		return &opening{cancel: cancel, get: sync.OnceValues(func() (output, error) {
			return audio.OpenOutput(spec, p.stdout)
		})}
	}
	type result struct {
		out output
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := openDevice(ctx)
		done <- result{out, err}
	}()
	return &opening{cancel: cancel, get: sync.OnceValues(func() (output, error) {
		r := <-done
		if r.err != nil && ctx.Err() == nil {
			p.err.say("earshot: %s: playing in silence, at the same pace (--output null)", oneLine(r.err.Error()))
			return audio.NewNull(), nil
		}
		return r.out, r.err
	})}
}

func openDevice(ctx context.Context) (output, error) {
	d, err := device.Open(ctx, audio.NewRing())
	if err != nil {
		return nil, err // not d: a nil *device.Device is no nil interface
	}
	return d, nil
}

// close ends the opening, or what was opened, and waits for that: while a sound
// card is opened, nothing that is written to stderr is seen.
func (o *opening) close() error {
	defer o.cancel()
	out, err := o.get()
	if err != nil {
		return nil // told already
	}
	return out.Close()
}

// abandon ends the opening of an output that is not needed after all. No file
// is made, nor the one that is there replaced.
func (o *opening) abandon(spec string) {
	o.cancel()
	if spec == "device" {
		o.close()
	}
}

// decode makes a decoder of a track.
func decode(src io.ReadSeeker, h protocol.Header) (player.Decoder, error) {
	return audio.NewDecoder(src, h)
}
