// Package origin is the server's role in a swarm: it answers *open* with a
// track's header and head, admits members, and keeps the directory of who holds
// what.
//
// An Origin is what a swarm.Swarm calls for what only the server does, and the
// store it shares from. Behind it stand small interfaces, so that the tracks may
// come from a folder or a bucket, and the directory may be this process's memory
// or a database that several servers share.
//
// Of those who begin a track together each gets a part of its own to fetch, and
// is told of one who has the start a little sooner (parts): one copy goes down a
// tree of them, and not one to each.
//
// It promises that what can be replayed (0-RTT data) changes nothing: members
// are entered in the tracker only when their handshake is complete, and a
// certificate is given only then. The path of one play is described in package
// node.
package origin
