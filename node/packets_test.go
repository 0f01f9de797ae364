//go:build figures

package node

import (
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"

	"earshot/node/bench"
)

// packets tells what the packets were for that nodes received: bytes on the wire,
// by cause.
type packets struct {
	mu         sync.Mutex
	all        int
	handshakes int // before there are keys, certificates, tickets
	headers    int // of packets with stream data: headers, tags, frames' headers
	acks       int // acknowledgements: frames, and packets that hold nothing else
	words      int // of QUIC's own: pings, credit, resets
	streams    int // what streams carry
}

func (p *packets) trace() qlogwriter.Trace { return p }

// AddProducer makes packets a qlog trace.
func (p *packets) AddProducer() qlogwriter.Recorder { return p }

// Close ends the trace of one connection.
func (p *packets) Close() error { return nil }

// RecordEvent counts a packet that was received.
func (p *packets) RecordEvent(event qlogwriter.Event) {
	e, ok := event.(qlog.PacketReceived)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := e.Raw.Length
	p.all += rest
	if e.Header.PacketType != qlog.PacketType1RTT {
		p.handshakes += rest
		return
	}
	ack, stream, streams, own := 0, 0, 0, 0
	for _, f := range e.Frames {
		switch f := f.Frame.(type) {
		case *qlog.AckFrame:
			ack += int(f.Length(quic.Version1))
		case *qlog.StreamFrame:
			stream += int(f.Length)
			streams++
		case *qlog.CryptoFrame:
			p.handshakes += int(f.Length)
			rest -= int(f.Length)
			own++
		default:
			own++
		}
	}
	rest -= ack + stream
	p.acks += ack
	p.streams += stream
	switch {
	case streams > 0:
		p.headers += rest
	case own > 0:
		p.words += rest
	default:
		p.acks += rest
	}
}

// figures are the shares of what was received that are not track data, of which so
// many bytes came, and so many of them twice. Of a full packet of 1,280 bytes 27 are
// headers and tag, which is 2.1 %, and of 1,452, QUIC's most, 1.9; every second one is
// acknowledged in 28 bytes, which is 1.1 % of what was uploaded (RFC 9000, section
// 13.2.2).
func (p *packets) figures(data, twice int64) []bench.Figure {
	p.mu.Lock()
	defer p.mu.Unlock()
	share := func(what string, bytes int) bench.Figure {
		return bench.Told(what, 100*float64(bytes)/float64(p.all), "%")
	}
	ours := p.handshakes + p.words + p.streams - int(data) + int(twice)
	return []bench.Figure{
		bench.AtMost("the protocol's own part, with track data that came twice", 100*float64(ours)/float64(p.all), 2, "%"),
		share("of it headers and tags of packets with data", p.headers),
		share("of it acknowledgements of what they upload", p.acks),
		share("of it handshakes and certificates", p.handshakes),
		share("of it proof trees, have maps, requests and all else that is said", p.streams-int(data)),
		share("of it QUIC's own frames: pings, credit, resets", p.words),
		share("track data that came twice", int(twice)),
	}
}
