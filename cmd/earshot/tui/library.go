package tui

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"earshot/cmd/earshot/text"
	"earshot/protocol"
)

// library is the view of artists, their albums, and the tracks of those.
type library struct {
	level   level
	artists pager
	at      [levels]list

	artist string
	number int // of the question for an artist's tracks
	asking bool
	tracks []protocol.Track // of the artist
	albums []album
	shown  []protocol.Track // of the album
}

// level is how deep in the library one is.
type level int

const (
	levelArtists level = iota
	levelAlbums
	levelTracks
	levels
)

// album is a row among an artist's albums; the first one, without a name of an
// album, stands for all tracks.
type album struct {
	title  string
	year   int
	all    bool
	tracks []protocol.Track
}

// libraryMsg is a page of artists, or all tracks of one.
type libraryMsg struct {
	page   *page
	number int
	tracks []protocol.Track
	err    error
}

// load asks for the artists, and for more of them near the end of the list.
func (l *library) load(m *model) {
	if !l.artists.asked && !l.artists.asking && l.artists.number == 0 {
		l.artists.begin(protocol.Query{Kind: protocol.QueryArtists})
	}
	l.artists.fetch(m, l.at[levelArtists].cursor, func(p page) tea.Msg { return libraryMsg{page: &p} })
}

func (l *library) take(m *model, msg libraryMsg) {
	if msg.page != nil {
		if l.artists.take(*msg.page) && l.artists.err != nil {
			m.complain(l.artists.err)
		}
		return
	}
	if msg.number != l.number {
		return
	}
	l.asking = false
	if msg.err != nil {
		m.complain(msg.err)
		l.level = levelArtists
		return
	}
	l.tracks, l.albums = msg.tracks, albumsOf(msg.tracks)
	if len(l.albums) == 1 { // straight to the tracks
		l.shown = l.albums[0].tracks
	}
}

// maxArtistPages bounds what is asked for one artist: 2,000 tracks.
const maxArtistPages = 10

// open asks for the tracks of an artist.
func (l *library) open(m *model, artist string) {
	l.number++
	number := l.number
	l.artist, l.asking, l.level = artist, true, levelAlbums
	l.tracks, l.albums, l.at[levelAlbums] = nil, nil, list{}
	node := m.config.Node
	m.do(func(ctx context.Context) tea.Msg {
		tracks, err := tracksOf(ctx, node, artist)
		return libraryMsg{number: number, tracks: tracks, err: err}
	})
}

// tracksOf finds the tracks of an artist. A search for the name finds them among
// others; where there is nothing in the name to search for, the catalogue is
// read from its beginning, where such names stand.
func tracksOf(ctx context.Context, node Node, artist string) (tracks []protocol.Track, err error) {
	q := protocol.Query{Kind: protocol.QueryWords, Text: artist}
	if len(artist) > protocol.MaxQueryText {
		q.Text = strings.ToValidUTF8(artist[:protocol.MaxQueryText], "")
	}
	if !strings.ContainsFunc(artist, searchable) {
		q = protocol.Query{Kind: protocol.QueryTracks}
	}
	for range maxArtistPages {
		r, err := node.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, t := range r.Tracks {
			if strings.EqualFold(t.Artist, artist) {
				tracks = append(tracks, t)
			}
		}
		q.Offset += len(r.Tracks)
		if len(r.Tracks) == 0 || q.Offset >= r.Total {
			break
		}
	}
	return tracks, nil
}

func searchable(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// albumsOf groups an artist's tracks, in their order, with all of them first
// where there are several albums.
func albumsOf(tracks []protocol.Track) (albums []album) {
	at := map[string]int{}
	for _, t := range tracks {
		key := strings.ToLower(t.Album)
		i, ok := at[key]
		if !ok {
			i = len(albums)
			at[key] = i
			albums = append(albums, album{title: t.Album})
		}
		albums[i].tracks = append(albums[i].tracks, t)
		albums[i].year = max(albums[i].year, t.Year)
	}
	if len(albums) > 1 {
		albums = append([]album{{all: true, tracks: tracks}}, albums...)
	}
	return albums
}

// rows is how many rows the level has.
func (l *library) rows() int {
	switch l.level {
	case levelArtists:
		return len(l.artists.Groups)
	case levelAlbums:
		return len(l.albums)
	}
	return len(l.shown)
}

// key does what a key says in the library.
func (l *library) key(m *model, name string) bool {
	n, at := l.rows(), &l.at[l.level]
	if at.key(name, n, m.page()-1) {
		return true
	}
	if name == "backspace" || name == "esc" && l.level > levelArtists {
		if l.level == levelTracks && len(l.albums) == 1 {
			l.level = levelAlbums // which is one row, not worth a stop
		}
		l.level = max(levelArtists, l.level-1)
		return true
	}
	if at.cursor >= n {
		return false
	}
	switch l.level {
	case levelArtists:
		return l.artistKey(m, name, l.artists.Groups[at.cursor].Artist)
	case levelAlbums:
		return l.albumKey(m, name, l.albums[at.cursor])
	}
	if name == "enter" { // with what follows on the album
		m.playNow(ids(l.shown[at.cursor:]))
		return true
	}
	return m.trackKey(name, ids(l.shown[at.cursor:at.cursor+1]), titleOf(l.shown[at.cursor]))
}

func (l *library) artistKey(m *model, name, artist string) bool {
	switch name {
	case "enter":
		l.open(m, artist)
	case "a", "i":
		node := m.config.Node
		m.do(func(ctx context.Context) tea.Msg {
			tracks, err := tracksOf(ctx, node, artist)
			if err != nil {
				return doneMsg{err}
			}
			return artistMsg{name, ids(tracks), artist}
		})
	default:
		return false
	}
	return true
}

// artistMsg brings all tracks of an artist, to do with what a key says.
type artistMsg struct {
	key    string
	ids    []protocol.ID
	artist string
}

func (l *library) albumKey(m *model, name string, a album) bool {
	if name == "enter" {
		l.shown, l.level, l.at[levelTracks] = a.tracks, levelTracks, list{}
		return true
	}
	return m.trackKey(name, ids(a.tracks), a.name(l.artist))
}

func ids(tracks []protocol.Track) (all []protocol.ID) {
	for _, t := range tracks {
		all = append(all, t.ID)
	}
	return all
}

func (a album) name(artist string) string {
	switch {
	case a.all:
		return "all of " + artistName(artist)
	case strings.TrimSpace(text.Plain(a.title)) == "":
		return "(no album)"
	}
	return text.Plain(a.title)
}

func artistName(s string) string {
	if s = text.Plain(s); strings.TrimSpace(s) != "" {
		return s
	}
	return "(no artist)"
}

// draw draws the level that one is at.
func (l *library) draw(m *model, w, h int) []string {
	if l.level == levelAlbums && len(l.albums) == 1 {
		l.level = levelTracks
		l.at[levelTracks] = list{}
	}
	lines := []string{" " + l.path(w-2)}
	at := &l.at[l.level]
	first, last := at.window(l.rows(), h-1)
	for i := first; i < last; i++ {
		cursor := i == at.cursor
		switch l.level {
		case levelArtists:
			g := l.artists.Groups[i]
			lines = append(lines, groupRow(w, cursor, artistName(g.Artist), "", g.Tracks))
		case levelAlbums:
			a := l.albums[i]
			year := ""
			if a.year > 0 {
				year = strconv.Itoa(a.year)
			}
			lines = append(lines, groupRow(w, cursor, a.name(l.artist), year, len(a.tracks)))
		case levelTracks:
			t := l.shown[i]
			mark, s := " ", plain
			if m.state.Track != nil && m.state.Track.ID == t.ID {
				mark, s = m.glyphs.here, sounding
			}
			number := "   "
			if t.Number > 0 {
				number = right(strconv.Itoa(t.Number), 2) + " "
			}
			lines = append(lines, m.row(w, cursor, s, mark+" "+number, t))
		}
	}
	return lines
}

// path says where in the library one is.
func (l *library) path(w int) string {
	switch {
	case l.level == levelArtists && l.artists.asked && len(l.artists.Groups) == 0:
		return paint(dim, "the library is empty")
	case l.level == levelArtists && !l.artists.asked:
		return paint(dim, "asking for the library")
	case l.level == levelArtists:
		return paint(dim, count(l.artists.Total, "artist"))
	case l.asking:
		return paint(dim, fit(artistName(l.artist)+": asking", w))
	case l.level == levelAlbums || len(l.albums) == 1:
		return paint(bold, fit(artistName(l.artist), w/2)) + paint(dim, "  "+count(len(l.tracks), "track"))
	}
	name := l.albums[min(l.at[levelAlbums].cursor, len(l.albums)-1)].name(l.artist)
	return paint(bold, fit(artistName(l.artist), w/2)) + paint(dim, " / ") + fit(name, w/2-3)
}

// groupRow draws an artist or an album.
func groupRow(w int, cursor bool, name, year string, tracks int) string {
	number := right(count(tracks, "track"), 12)
	line := "   " + text.Pad(name, w-len(number)-10) + " " + right(year, 4) + " " + number + " "
	if cursor {
		return paint(chosen, line)
	}
	return line
}
