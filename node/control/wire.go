package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/protocol"
)

const (
	// maxRequest bounds a request's body. The largest is a search of
	// protocol.MaxQueryText bytes, a few KiB when escaped.
	maxRequest = 64 << 10

	// maxReply bounds one JSON value of an answer. The largest is the header of
	// a track of protocol.MaxTrackSize at 32 kbit/s: a seek table of 268,000
	// numbers of 11 digits, 3 MiB.
	maxReply = 4 << 20

	// maxRange bounds the bytes in one answer: a chunk, 0.7 s at 192 kbit/s.
	maxRange = protocol.ChunkSize

	// sharesHeader carries the Shares of an open track, as JSON.
	sharesHeader = "Earshot-Shares"
)

// The types below carry what the JSON of protocol's own types leaves out for
// people's sake: a track's duration, and a header's seek table.

type wireTrack struct {
	protocol.Track
	Duration time.Duration `json:"duration_ns"`
}

func newWireTrack(t protocol.Track) wireTrack { return wireTrack{t, t.Duration} }

func (w wireTrack) track() protocol.Track {
	w.Track.Duration = w.Duration
	return w.Track
}

type wireHeader struct {
	protocol.Header
	Duration time.Duration `json:"duration_ns"`
	Seek     []int64       `json:"seek"`
}

func newWireHeader(h protocol.Header) wireHeader { return wireHeader{h, h.Duration, h.Seek} }

func (w wireHeader) header() protocol.Header {
	w.Header.Duration, w.Header.Seek = w.Duration, w.Seek
	return w.Header
}

type wireCachedTrack struct {
	CachedTrack
	Duration time.Duration `json:"duration_ns"`
}

type wirePlaying struct {
	Playing
	Duration time.Duration `json:"duration_ns"`
}

type wireStatus struct {
	Status
	Playing []wirePlaying `json:"playing"`
}

func newWireStatus(s Status) wireStatus {
	w := wireStatus{Status: s}
	for _, p := range s.Playing {
		w.Playing = append(w.Playing, wirePlaying{p, p.Duration})
	}
	return w
}

func (w wireStatus) status() Status {
	w.Status.Playing = nil
	for _, p := range w.Playing {
		p.Playing.Duration = p.Duration
		w.Status.Playing = append(w.Status.Playing, p.Playing)
	}
	return w.Status
}

type wireQuery struct {
	Kind   protocol.QueryKind `json:"kind"`
	Text   string             `json:"text"`
	Offset int                `json:"offset"`
	Limit  int                `json:"limit"`
}

type wireResults struct {
	Total  int              `json:"total"`
	Tracks []wireTrack      `json:"tracks,omitempty"`
	Groups []protocol.Group `json:"groups,omitempty"`
}

func newWireResults(r protocol.Results) wireResults {
	w := wireResults{Total: r.Total, Groups: r.Groups}
	for _, t := range r.Tracks {
		w.Tracks = append(w.Tracks, newWireTrack(t))
	}
	return w
}

func (w wireResults) results() protocol.Results {
	r := protocol.Results{Total: w.Total, Groups: w.Groups}
	for _, t := range w.Tracks {
		r.Tracks = append(r.Tracks, t.track())
	}
	return r
}

type (
	wireOpen struct {
		ID   protocol.ID   `json:"id"`
		From time.Duration `json:"from_ns"`

		Cached bool `json:"cached,omitempty"` // OpenCached
	}
	wireOpened struct {
		Handle string     `json:"handle"`
		Header wireHeader `json:"header"`
	}
	wirePrefetch struct {
		ID    protocol.ID `json:"id"`
		Depth Depth       `json:"depth"`
	}
	wireLimit struct {
		Bytes int64 `json:"bytes"`
	}
	wireLink struct {
		Link string `json:"link"`
	}
	// wireFetch is a line of progress, or the last line: Complete or an error.
	wireFetch struct {
		Have     int64      `json:"have"`
		Size     int64      `json:"size"`
		Complete bool       `json:"complete,omitempty"`
		Error    *wireError `json:"error,omitempty"`
	}
	// wireVerify is a line of progress, or the last line: a result or an error.
	wireVerify struct {
		Done   int64         `json:"done"`
		Total  int64         `json:"total"`
		Result *VerifyResult `json:"result,omitempty"`
		Error  *wireError    `json:"error,omitempty"`
	}
)

// errTooLong is what a line of more than maxReply bytes gets.
var errTooLong = errors.New("the node's answer is too long")

// lineReader reads JSON values one after another, each of maxReply bytes at most.
type lineReader struct {
	limit io.LimitedReader
	dec   *json.Decoder
}

func newLineReader(r io.Reader) *lineReader {
	l := &lineReader{limit: io.LimitedReader{R: r}}
	l.dec = json.NewDecoder(&l.limit)
	return l
}

// next reads the next value; io.EOF where there is no more. The decoder may
// hold the beginning of the next value already, which the limit then allows
// for once more: the bound is twice maxReply at worst.
func (l *lineReader) next(v any) error {
	l.limit.N = maxReply
	err := l.dec.Decode(v)
	switch {
	case err == nil || errors.Is(err, io.EOF) && l.limit.N > 0:
		return err
	case l.limit.N <= 0:
		return errTooLong
	}
	return fmt.Errorf("reading the node's answer: %w", err)
}
