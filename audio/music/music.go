// Package music is the music that ships with the program, so that it can be
// tried with nothing else at hand: three short pieces from scores in the
// public domain, rendered by our own program (folder render, which holds the
// scores) and encoded as MPEG-1 layer III at 44.1 kHz with ID3v2 tags. One is
// at a constant bitrate, two are variable, one of them mono; together they
// stay below 3 MB.
package music

import (
	"embed"
	"io/fs"
)

//go:generate go run ./render -out .

//go:embed *.mp3
var files embed.FS

// Files returns the pieces, one MP3 file each at the top of the tree. Their
// names sort in the order of the album. os.CopyFS makes a music folder of it.
func Files() fs.FS { return files }
