// Package audio turns encoded bytes into sound. [Probe] says of a file what a
// player must know before its first byte; [Decoder] makes PCM of a track's
// bytes, from any moment on; an [Output] takes the PCM. All PCM is signed 16-bit
// little-endian, stereo, at 44.1 kHz.
//
// # Decoding
//
// A codec decodes one format at the track's own rate and numbers its samples; what is
// the same for all is in one place: trimming, silence where something was broken,
// the rate (decoder.go). What a codec needs beyond the frames themselves stands in
// the track's header (protocol.Header.Setup), so that nothing before the first frame
// is read: a cover costs no time. A broken frame costs that frame.
//
// # MPEG audio
//
// Both Probe and Decoder find MPEG frames with the same walker, so that they
// number them alike: a frame is where the last one ended, or, after junk, where
// a header is followed by another one of the same stream. Tags between frames
// are stepped over. Probe looks at headers only. A sample rate that changes is refused.
//
// Frames are decoded by libmpg123 where it is there (package mpg123): any version and
// layer, to the bit what mpg123 plays. Its synthesis sums in an order that comes round
// every 8 frames, so that a seek begins such a multiple before.
//
// Where it is not, MPEG-1 layer III is decoded by github.com/hajimehoshi/go-mp3, a
// frame at a time: it sees neither tags nor junk nor the Xing frame, and never the end
// of the data. The bit reservoir (ISO/IEC 11172-3, 2.4.3.4) is kept here, and each
// frame is written anew with all that it needs (remux.go), so that decoding can
// begin anywhere: one decoded frame before the wanted one makes everything after
// it exact to the bit. What a broken frame held of the next ones is not lost. Against
// mpg123 and ffmpeg no sample of ordinary music differs by more than 2 of 32768.
//
// go-mp3 leaves part of a short block's mid/side stereo undone, an error of up to
// 469 at the transients of music. Frames are rewritten so that it does not, where
// they have room for it. At 320 kbit/s, where the encoder filled frame and
// reservoir to the brim, there is none; no music tried so far was such, but with
// made-up clicks an error of 1106 stayed. What it gets wrong in other ways is of
// another format (protocol.FormatMPEG), which without libmpg123 is refused with an
// [UnsupportedError]: MPEG-2 and 2.5, layers I and II, intensity stereo, free format.
//
// # FLAC, Vorbis and Opus, PCM
//
// Frames of FLAC (RFC 9639) and pages of Ogg (RFC 3533) are found from any byte on and
// checked by their CRC, so that a broken one costs no more than itself. What the frames
// say counts where STREAMINFO says otherwise. FLAC is decoded here: a frame tells its
// length only when it is decoded, so that its decoder has to ask for bytes as they come.
//
// Vorbis is decoded by github.com/jfreymuth/vorbis, whose faults are mended in the setup
// header before it sees that (vorbissetup.go), Opus by libopus where it is there
// (package libopus), to the bit what opusdec plays, else by github.com/pion/opus: music
// within 1 of 32768 of it, speech 48 dB clean. Decoding begins a second before a seek, after
// which music (CELT: 0.8 s at most) is the same to the bit, and 6 s before one into speech
// (SILK), after which one voice is too. Several that never pause, and music that was forced
// into the modes for speech, may take up to 48 s; until then they are 42 dB clean (speechPreRoll).
// FLAC plays in Ogg too. Up to eight channels are mixed down (mix.go).
//
// Chained streams are one track. Where their rates differ the track is one of 44.1 kHz, and
// each link is converted to that as it is alone, to the bit; their channels and formats may
// differ too. The headers of later links stand in the track's header like the first's, each
// once, so that a seek into one reads no more than its sound (oggsetup.go).
//
// Other rates, from 8 to 192 kHz, are converted (resample.go), 93 dB clean at 1 to 20 kHz, as
// far as a rate carries them.
//
// # Loudness
//
// A [Meter] measures loudness and true peak as ITU-R BS.1770-4 has them, and [Blocks] sum up
// albums. A [Mixer] then plays each track at a [Level], and fades one into another; a limiter
// that sees 1.5 ms ahead keeps the true peak of what comes of it below full scale, across joins
// too, and touches nothing else.
//
// # Outputs
//
// A [Ring] is the common part of outputs that run at a clock of their own: its
// reader never waits for late sound but gets silence, and that is counted as a stutter.
// [NewNull] reads it at the pace of a sound card; package device has a sound card
// read it. [NewWriter] is a pipe to another player, [StartPipe] one to a command of
// its own, and [CreateWAV] a file.
//
// All can be paused, and can drop what has not sounded, for a seek or a skip.
package audio
