// Package library turns a folder of music into a catalogue that can be searched.
//
// A Library is a folder, and beside it a SQLite database of what was found
// there: each file with its size and time, each track with its header, its proof
// tree and its words. Scan brings the database up to date and reads only what has
// changed; Watch does so whenever the folder changes. What cannot be taken is
// kept too, with the reason, for people.
//
// It promises: no file stops a scan, whatever is in it; nothing outside the
// folder is read, wherever symbolic links point; bytes are given out only of a
// file that still has the size and time it was hashed with; and a scan that is
// cut short is continued by the next.
package library
