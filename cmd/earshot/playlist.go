package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"earshot/protocol"
)

const (
	// maxPlaylist bounds a playlist file, in bytes: 10,000 lines of 100.
	maxPlaylist = 1 << 20
	// maxQueue bounds what is queued: a month of music.
	maxQueue = 10_000
)

// errPlaylist is what a file gets that is too large for a playlist.
var errPlaylist = errors.New("the playlist is too large: 1 MB and 10,000 tracks at the most")

// isPlaylist reports whether an argument names a playlist.
func isPlaylist(arg string) bool {
	switch strings.ToLower(path.Ext(arg)) {
	case ".m3u8", ".m3u", ".xspf":
		return true
	}
	return false
}

// wish is one thing that someone wants to hear, as it was named.
type wish struct {
	id     protocol.ID
	whole  bool   // id was given
	prefix string // of an ID; words say the same, if no ID begins so
	words  string
	first  bool // of all that match the first one only

	include string // the name of a playlist: nothing else is set but words
}

// asWish reads an ID or the beginning of one; otherwise the text is words.
func asWish(text string) wish {
	text = strings.TrimSpace(text)
	name := strings.TrimPrefix(text, "earshot:")
	if id, err := protocol.ParseID(name); err == nil {
		return wish{id: id, whole: true, words: text}
	}
	if protocol.IsPrefix(name) {
		return wish{prefix: strings.ToLower(name), words: text}
	}
	return wish{words: text}
}

// maxIncluded bounds how deep playlists include others: people who keep them so
// go two or three deep.
const maxIncluded = 8

// openPlaylist reads a playlist file, with those that it includes.
func openPlaylist(name string) ([]wish, error) {
	wishes, err := (&playlists{}).read(name)
	if err != nil {
		return nil, fmt.Errorf("reading the playlist: %w", err)
	}
	return wishes, nil
}

// playlists are those being read, each included by the one before it.
type playlists struct {
	names []string
	files []os.FileInfo
	total int // of entries so far
}

// read reads one playlist and what it includes.
func (p *playlists) read(name string) ([]wish, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	for i, other := range p.files {
		if os.SameFile(info, other) {
			return nil, fmt.Errorf("%s includes itself: %s", p.names[i], strings.Join(append(p.names[i:], name), " -> "))
		}
	}
	if len(p.files) == maxIncluded {
		return nil, fmt.Errorf("playlists that include playlists go deeper than %d: %s", maxIncluded, strings.Join(p.names, " -> "))
	}
	p.names, p.files = append(p.names, name), append(p.files, info)
	defer func() { p.names, p.files = p.names[:len(p.names)-1], p.files[:len(p.files)-1] }()
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := decodePlaylist(name, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.resolve(filepath.Dir(name), entries)
}

// resolve puts what a playlist in a folder includes in its place.
func (p *playlists) resolve(dir string, entries []wish) (wishes []wish, err error) {
	for _, w := range entries {
		inner := []wish{w}
		if w.include != "" {
			file := filepath.FromSlash(strings.ReplaceAll(w.include, `\`, "/"))
			if !filepath.IsAbs(file) {
				file = filepath.Join(dir, file)
			}
			if inner, err = p.read(file); err != nil {
				return nil, err
			}
		} else if p.total++; p.total > maxQueue {
			return nil, errPlaylist
		}
		wishes = append(wishes, inner...)
	}
	return wishes, nil
}

// decodePlaylist reads a playlist of the format that its name says.
func decodePlaylist(name string, r io.Reader) ([]wish, error) {
	if strings.EqualFold(path.Ext(name), ".xspf") {
		return readXSPF(r)
	}
	return readPlaylist(r)
}

// readPlaylist reads a playlist in M3U's extended form (UTF-8): each line names a
// track by its ID, with `earshot:` before it or not, or by its prefix. A line
// that is the name of a file or an address stands for the words of its #EXTINF
// title, or for those of the name where it has none; that of another playlist
// includes it.
func readPlaylist(r io.Reader) ([]wish, error) {
	limited := &io.LimitedReader{R: r, N: maxPlaylist + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxPlaylist)
	var wishes []wish
	title := ""
	for first := true; lines.Scan(); first = false {
		line := lines.Text()
		if first {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimSpace(line)
		if info, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			_, title, _ = strings.Cut(info, ",")
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if len(wishes) == maxQueue {
			return nil, errPlaylist
		}
		wishes, title = append(wishes, asEntry(line, title)), ""
	}
	if limited.N == 0 || errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, errPlaylist
	}
	return wishes, lines.Err()
}

// asEntry reads where a playlist's entry is, or its ID; title says what it is.
func asEntry(where, title string) wish {
	w := asWish(where)
	switch {
	case w.whole:
	case isPlaylist(where) && !strings.Contains(where, "://"):
		return wish{include: where, words: searchWords(where)}
	default:
		w.words, w.first = entryWords(where, title), true
	}
	return w
}

// entryWords are the words that find a playlist's entry.
func entryWords(line, title string) string {
	if words := searchWords(title); words != "" {
		return words
	}
	base := path.Base(strings.ReplaceAll(line, `\`, "/"))
	return searchWords(strings.TrimSuffix(base, path.Ext(base)))
}

// searchWords leaves of text what can be searched for: letters and numbers.
func searchWords(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, " "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.M, r)
	})
	return strings.Join(words, " ")
}
