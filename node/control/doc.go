// Package control is the local socket: how commands and other programs talk to
// a running node.
//
// One node owns a data folder. It listens on a Unix socket in that folder and
// serves its Node interface over HTTP; everyone else gets the same interface
// from Dial. Either may be handed to code that wants a Node, and both pass the
// conformance suite in controltest.
//
// The socket is open to its user alone: mode 0600, and on Linux the kernel's
// word on who connects (SO_PEERCRED).
//
// # The protocol
//
// HTTP/1.1 with JSON bodies, so that curl --unix-socket is a client too.
// Unknown fields are ignored. Durations are nanoseconds, in fields that end in
// _ns. An error is a status of 400 or more and {"code", "message"}; the codes
// stand in errors.go and never change. A request body is 64 KiB at most.
//
//	GET    /v1/status
//	POST   /v1/stop
//	POST   /v1/invite              {"uses", "expires_ns"}
//	POST   /v1/search              {"kind", "text", "offset", "limit"}
//	GET    /v1/skipped             a JSON line for each file
//	POST   /v1/opens               {"id", "from_ns", "cached"}
//	GET    /v1/opens/{handle}/bytes
//	DELETE /v1/opens/{handle}
//	POST   /v1/prefetch            {"id", "depth"}
//	GET    /v1/tracks/{id}/cover   the bytes of a picture, or none
//	POST   /v1/reports             a Report
//	GET    /v1/cache
//	GET    /v1/cache/tracks        a JSON line for each track
//	DELETE /v1/cache/tracks/{id}
//	POST   /v1/cache/tracks/{id}/fetch  JSON lines of progress, the result last
//	PUT    /v1/cache/tracks/{id}/pin
//	DELETE /v1/cache/tracks/{id}/pin
//	PUT    /v1/cache/limit         {"bytes"}
//	POST   /v1/cache/verify        JSON lines of progress, the result last
//	GET    /tracks/{id}            the track as a file, for any HTTP client
//
// # Reading a track
//
// POST /v1/opens answers with one JSON line, the handle and the track's header,
// and then stays: the track is open for as long as that connection, so a
// program that is killed leaves nothing open. DELETE ends it in good order and
// tells the final shares.
//
// GET bytes takes a Range and answers with what is there of it, at least one
// byte, as soon as it is there: often less than was asked for, as RFC 9110
// section 15.3.7 allows. An answer is thus always whole, no byte waits for
// another, and a reader that seeks leaves no half-read answer behind. It is a
// chunk at most, so that buffers between the processes do not draw the owner's
// reading position away from what is heard. The header Earshot-Shares carries
// the shares so far.
//
// # A track as a file
//
// GET and HEAD of /tracks/ID, or of the beginning of an ID, answer as a web
// server does for a file: byte ranges, the media type, the ID as the ETag. So
// players that know nothing of earshot play from the swarm. The bytes come as
// they arrive; a client that goes away ends the fetching, and one that takes
// nothing for a minute, as a paused player does, is not fetched for until it goes
// on; 404 is a track that nobody knows, 503 one that cannot be had now. Reading is
// not reported as a play.
//
// ServeTracks answers this alone on a TCP port, for programs that know no Unix
// sockets. The port is on a loopback address unless its owner asks for another,
// and requests that a web page may have caused are refused: those with the name
// of another host (DNS rebinding), and those of other sites.
//
// # The player
//
// What plays is another process, and there may be several: each serves its
// Player interface on the folder's second socket, player.sock, which the newest
// takes over. The same rules hold; a command may be 1 MiB.
//
//	GET  /v1/player                a PlayerState
//	GET  /v1/player/queue          a JSON line {"revision", "index"}, then one for each track
//	GET  /v1/player/follow         a JSON line for each PlayerState, until the player ends
//	POST /v1/player/command        a Command
package control
