// Package audio turns encoded bytes into sound. [Probe] says of a file what a
// player must know before its first byte; [Decoder] makes PCM of a track's
// bytes, from any moment on; an [Output] takes the PCM. All PCM is signed 16-bit
// little-endian, stereo, at 44.1 kHz.
//
// # Frames
//
// Both Probe and Decoder find MPEG frames with the same walker, so that they
// number them alike: a frame is where the last one ended, or, after junk, where
// a header is followed by another one of the same stream. Tags between frames
// are stepped over. Probe looks at headers only.
//
// # Decoding
//
// MPEG-1 layer III is decoded by github.com/hajimehoshi/go-mp3, a frame at a
// time: it sees neither tags nor junk nor the Xing frame, and never the end of
// the data. The bit reservoir (ISO/IEC 11172-3, 2.4.3.4) is kept here, and each
// frame is written anew with all that it needs (remux.go), so that decoding can
// begin anywhere: one decoded frame before the wanted one makes everything after
// it exact to the bit. A frame that cannot be decoded is silence of its length,
// and what it held of the next ones is not lost. Against mpg123 and ffmpeg no
// sample of ordinary music differs by more than 2 of 32768.
//
// go-mp3 leaves part of a short block's mid/side stereo undone, an error of up to
// 469 at the transients of music. Frames are rewritten so that it does not, where
// they have room for it. At 320 kbit/s, where the encoder filled frame and
// reservoir to the brim, there is none; no music tried so far was such, but with
// made-up clicks an error of 1106 stayed. What it gets wrong in other ways is refused
// by Probe with an [UnsupportedError]: MPEG-2 and 2.5, and intensity stereo. So
// are, as they are not layer III of a fixed rate, layers I and II, free format and
// a sample rate that changes.
//
// Rates of 32 and 48 kHz are converted (resample.go).
//
// # Outputs
//
// A [Ring] is the common part of outputs that run at a clock of their own: its
// reader never waits for late sound but gets silence, and that is counted as a stutter.
// [NewNull] reads it at the pace of a sound card; package device has a sound card
// read it. [NewWriter] is a pipe to another player, and [CreateWAV] a file.
//
// All can be paused, and can drop what has not sounded, for a seek or a skip.
package audio
