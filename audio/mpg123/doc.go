// Package mpg123 decodes MPEG audio of any version and layer with libmpg123
// (mpg123.org, LGPL 2.1), a frame at a time.
//
// The library is looked for when the first decoder is made (package dl), not linked: a
// program built with cgo runs where it is not installed, and one built without cgo, or
// for a system without dlopen, is the same but that [New] says what is missing. Only
// functions of its feed mode are used, which are the same in all versions from 1.14
// on. Nothing of the file but whole frames reaches it, and it holds no thread.
package mpg123

// MaxPCM is the largest PCM of a frame in bytes: 1152 samples of stereo.
const MaxPCM = 1152 * 4
