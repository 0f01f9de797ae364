package main

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"

	"earshot/audio"
	"earshot/audio/device"
	"earshot/node/player"
)

// output is where sound goes.
type output interface {
	player.Output
	Close() error
}

// checkOutput refuses the name of an output that does not exist.
func checkOutput(spec string) error {
	kind, arg, _ := strings.Cut(spec, ":")
	switch {
	case spec == "device", spec == "stdout", spec == "null", (kind == "wav" || kind == "pipe") && arg != "":
		return nil
	}
	return usagef("there is no output %q: use device, stdout, null, pipe:COMMAND or wav:FILE", spec)
}

// opening is an output that is being opened.
type opening struct {
	get    func() (output, error)
	cancel context.CancelFunc
}

// openOutput begins to open an output. A sound card takes long enough to be
// opened aside; a file is made only once it is known that something plays.
func (p *program) openOutput(ctx context.Context, spec, card string) *opening {
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
		out, err := p.openDevice(ctx, card)
		done <- result{out, err}
	}()
	return &opening{cancel: cancel, get: sync.OnceValues(func() (output, error) {
		r := <-done
		if r.err != nil && ctx.Err() == nil && card == "" {
			p.err.say("earshot: %s: playing in silence, at the same pace (--output null)", oneLine(r.err.Error()))
			return audio.NewNull(), nil
		}
		return r.out, r.err
	})}
}

// calmRuntime has Go use one processor at a time, unless it was told how many, in a process
// that sounds on a card from now on. Each call that waits in ALSA, 43 a second, has Go's
// monitor look after it every 20 us for as long as another processor is free (retake in
// runtime/proc.go): of a core that took 4 %, more than all the rest of playing. What a listener's
// node does besides fits one processor many times over.
func calmRuntime() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

func (p *program) openDevice(ctx context.Context, card string) (output, error) {
	d, err := device.Open(ctx, audio.NewRing(), device.Options{Name: card, Helper: soundCard(card), Tell: p.tellOfCard})
	if err != nil {
		return nil, err // not d: a nil *device.Device is no nil interface
	}
	return d, nil
}

// tellOfCard tells that the sound card was lost, or is back.
func (p *program) tellOfCard(lost error) {
	if lost != nil {
		p.err.say("earshot: playing on in silence until there is a sound card again: %s", oneLine(lost.Error())) // the cause may be cut off
		return
	}
	p.err.say("earshot: there is a sound card again")
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
