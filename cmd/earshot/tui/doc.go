// Package tui is the screen: what plays, the queue, search, the library and the
// swarm, on a terminal of 60 by 15 cells or more.
//
// It knows two interfaces only, control.Node and control.Player, so it shows a
// player in the same process and one behind a socket alike. Run draws until the
// user quits, the player ends or ctx does.
//
// # How its parts fit
//
// A model (Bubble Tea's) holds all that is shown and is changed by one goroutine.
// What waits (commands, searches, timers) runs in goroutines that Run waits for,
// and comes back as messages. Commands to the player go through one of them, in
// the order of the keys. Each view is a file: now, queue, search, library, peers,
// help; bar.go draws the progress bar, list.go moves a cursor, edit.go edits a
// line, warm.go has the heads of the tracks on screen fetched.
//
// # What it promises
//
// Nothing is drawn while nothing changes, and once or twice a second while
// something plays. No text of a stranger reaches the terminal raw, none breaks
// the columns (package text). Colours are the terminal's own sixteen and never
// the only sign of anything; with NO_COLOR there are none.
package tui
