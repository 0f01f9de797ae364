package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// xspf is a playlist as XSPF has it (xspf.org/spec, version 1), as far as it
// names tracks.
type xspf struct {
	XMLName xml.Name    `xml:"http://xspf.org/ns/0/ playlist"`
	Version string      `xml:"version,attr"`
	Tracks  []xspfTrack `xml:"trackList>track"`
}

type xspfTrack struct {
	Location   []string `xml:"location,omitempty"`
	Identifier []string `xml:"identifier,omitempty"`
	Title      string   `xml:"title,omitempty"`
	Creator    string   `xml:"creator,omitempty"`
	Album      string   `xml:"album,omitempty"`
	Duration   int64    `xml:"duration,omitempty"` // milliseconds
}

// readXSPF reads a playlist in XSPF: each track is named by an identifier or a
// location of the form earshot:ID, by its title and creator, or by the words of
// the location's name; a location that is a playlist includes it.
func readXSPF(r io.Reader) ([]wish, error) {
	limited := &io.LimitedReader{R: r, N: maxPlaylist + 1}
	var list xspf
	err := xml.NewDecoder(limited).Decode(&list)
	switch {
	case limited.N == 0 || len(list.Tracks) > maxQueue:
		return nil, errPlaylist
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, fmt.Errorf("it is no XSPF: %w", err)
	}
	var wishes []wish
	for _, t := range list.Tracks {
		wishes = append(wishes, t.wish())
	}
	return wishes, nil
}

// wish is what names the track best.
func (t xspfTrack) wish() wish {
	for _, name := range append(t.Identifier, t.Location...) {
		if w := asWish(name); w.whole || w.prefix != "" && strings.HasPrefix(strings.TrimSpace(name), "earshot:") {
			return w
		}
	}
	where := ""
	if len(t.Location) > 0 {
		where = strings.TrimSpace(t.Location[0])
		if u, err := url.Parse(where); err == nil && (u.Scheme == "" || u.Scheme == "file") {
			where = u.Path
		}
	}
	title := t.Creator + " " + t.Title
	if isPlaylist(where) && searchWords(title) == "" {
		return asEntry(where, "")
	}
	return wish{words: entryWords(where, title), first: true}
}

// savePlaylist writes tracks to a playlist of the format that its name says.
func savePlaylist(name string, tracks []protocol.Track) error {
	b := m3u8(tracks)
	if strings.EqualFold(path.Ext(name), ".xspf") {
		var err error
		if b, err = asXSPF(tracks); err != nil {
			return err
		}
	}
	return renameio.WriteFile(name, b, 0o644)
}

// m3u8 is a playlist in M3U's extended form.
func m3u8(tracks []protocol.Track) []byte {
	var b strings.Builder
	b.WriteString("#EXTM3U\n")
	for _, t := range tracks {
		title := strings.TrimPrefix(oneLine(t.Artist)+" - "+oneLine(t.Title), " - ")
		fmt.Fprintf(&b, "#EXTINF:%d,%s\nearshot:%s\n", int(t.Duration.Seconds()+0.5), strings.TrimSuffix(title, " - "), t.ID)
	}
	return []byte(b.String())
}

// asXSPF is a playlist in XSPF.
func asXSPF(tracks []protocol.Track) ([]byte, error) {
	list := xspf{Version: "1"}
	for _, t := range tracks {
		list.Tracks = append(list.Tracks, xspfTrack{
			Location: []string{"earshot:" + t.ID.String()}, Title: oneLine(t.Title), Creator: oneLine(t.Artist),
			Album: oneLine(t.Album), Duration: t.Duration.Milliseconds(),
		})
	}
	b, err := xml.MarshalIndent(list, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}
