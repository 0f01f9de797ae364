// Package library turns a folder of music into a catalogue that can be searched.
//
// A Library is a folder, and beside it a SQLite database of what was found
// there: each file with its size and time, each track with its header, its proof
// tree and its words. Scan brings the database up to date: a walk lists the
// folder, the files of another size or time are read (package audio for the
// sound, BLAKE3 for ID and proof tree, tags for the names), and what they came to
// is entered in batches. Watch does so whenever the folder changes. What cannot
// be taken is kept too, with the reason, for people.
//
// It promises: no file stops a scan, whatever is in it; nothing outside the
// folder is read, wherever symbolic links point, and nothing with a dot before
// its name; names are fit for any screen; bytes are given out only of a file that
// still has the size and time it was hashed with; and a scan that is cut short is
// continued by the next. All in the database can be had from the folder again, so
// a damaged one is set aside, and made anew.
//
// A Memory is a listener's part: the entries of others' catalogues that it has
// seen, searched by the same rules, so that what was found once is found again
// while the server is away.
//
// How loud each track is, and its album, is measured behind the scan (measure.go), so that
// a new library is up as soon as it is read; until then, and for what no
// measurement can tell, a track's loudness is what its tags say, or unknown.
package library
