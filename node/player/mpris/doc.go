// Package mpris lets media keys, desktops and playerctl control a player: it is
// org.mpris.MediaPlayer2.earshot on the session's D-Bus, as MPRIS 2.2
// (specifications.freedesktop.org/mpris-spec) has it.
//
// Serve is all of it: it wants a control.Player and works until the player or
// its context ends. mpris.go connects and follows, methods.go answers calls,
// properties.go is the state in MPRIS's words. Where there is no bus, nothing
// is done, quietly; a bus that goes away ends Serve and not the player.
package mpris
