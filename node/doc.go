// Package node puts a node together: a listener's (Start) or the server's
// (Serve), each in a data folder that it owns, each answering on a control
// socket.
//
// # How the parts make a node
//
//	cmd/earshot      the command line
//	node             this package
//	node/player      queue, prefetch, playback      \
//	node/stream      one track in the making         >  may be in two processes: a player
//	node/origin      the server's role              /   reads from the folder's owner
//	node/swarm       connections with other nodes
//	node/schedule    which run from whom, when
//	node/library     the server's folder of music
//	node/tracker     who has what
//	node/control     the local socket
//	cache, audio     chunks on disk; bytes to sound
//	protocol         the wire, and who is who
//
// A package imports only packages below its own floor (a test holds that):
// protocol and protocol/identity; then node/control, cache and audio; then
// node/swarm, library, tracker and schedule; then node/player, origin, stream
// and sim; then this one; then cmd.
//
// # The path of one play
//
//  1. `earshot play` reaches the owner of the data folder through its control
//     socket, or becomes it. Opening the cache, dialling the server and opening
//     the audio device begin together (Start, Attach).
//  2. What is cached plays from disk; nothing waits for the network.
//  3. Otherwise the start is a race: at the same moment as the server neighbours
//     within 10 ms of round trip are asked for what they hold of it, and some others
//     for what comes to them, as they may begin too; those that the process before
//     had are spoken to in the first packet. Who answers first feeds the decoder.
//     To the server goes one *open*,
//     on the connection that is up, or in the first flight of a new one: QUIC
//     0-RTT, with the session ticket and the address-validation token that an
//     earlier process left in the data folder. It changes nothing at the server,
//     so a replay does no harm.
//  4. The answer is a small header, with the seek table and up to ten peers,
//     and behind it on the same stream the head: the first seconds, 15 of them
//     where nobody else can help, 1 in a crowd (package schedule). The proof tree
//     comes beside it, or sooner from a peer. Header and first second fit the
//     server's first flight, so that sound begins one round trip after the asking.
//  5. What the server sends is read while it arrives; decoding starts with the
//     first whole frame.
//  6. While the head plays, peers are dialled. Their have maps come with the
//     handshake, and package schedule decides from then on what to ask of whom;
//     the server comes back in where a chunk would be late, and for each
//     listener's part of what no peer holds.
//  7. Every chunk is verified against the track's ID before it is stored, shared
//     or, from a peer, read, and is offered to neighbours at once.
//
// While the server is away, or after a second without its answer, all neighbours
// are asked for the start, and who holds the track is asked of them and of theirs.
// So are searches, after 0.2 s; an ID, or the beginning of one, of a track that is
// cached or was seen before is not asked for at all. A process that begins then
// knows its last neighbours.
//
// # Why
//
// The server's uplink is thin, so it sends about one copy of a track to a crowd:
// what nobody holds yet is shared out among those who listen, by rendezvous
// hashing (package schedule). Membership is by certificate, checked between peers
// without the server, so that what the swarm holds plays on when the server is
// down. Uploads are few, capped and visible, because hidden ones turned the users
// of Spotify's peer-to-peer client against it.
//
// No mutex is held across I/O and everything that waits does so on channels and
// timers, so that whole swarms of real nodes run in virtual time
// (testing/synctest), where a minute costs a second.
package node
