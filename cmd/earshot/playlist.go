package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
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
	case ".m3u8", ".m3u":
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

// openPlaylist reads a playlist file.
func openPlaylist(name string) ([]wish, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the playlist: %w", err)
	}
	defer f.Close()
	wishes, err := readPlaylist(f)
	if err != nil {
		return nil, fmt.Errorf("reading the playlist %s: %w", name, err)
	}
	return wishes, nil
}

// readPlaylist reads a playlist in M3U's extended form (UTF-8): each line names a
// track by its ID, with `earshot:` before it or not, or by its prefix. A line
// that is the name of a file or an address stands for the words of its #EXTINF
// title, or for those of the name where it has none.
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
		w := asWish(line)
		if !w.whole {
			w.words = entryWords(line, title)
			w.first = true
		}
		wishes, title = append(wishes, w), ""
	}
	if limited.N == 0 || errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, errPlaylist
	}
	return wishes, lines.Err()
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
