// Package libopus decodes Opus with the reference decoder, libopus (opus-codec.org,
// BSD), a packet at a time.
//
// As package mpg123 does with its library, it looks for libopus when the first decoder
// is made. Only functions of its multistream decoder are used, which are the same in
// all versions from 1.1 on, and RFC 6716 and 7845 say to the bit what packets mean.
package libopus

// MaxSamples is the longest packet, in samples of a channel at Rate: 120 ms.
const MaxSamples = 5760

// Rate of the PCM, in Hz.
const Rate = 48000
