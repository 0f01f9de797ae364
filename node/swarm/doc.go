// Package swarm holds the connections with other nodes: it dials, accepts and
// keeps neighbours, asks them and answers them.
//
// A Swarm owns one UDP socket and a Conn for each neighbour. A Conn asks (Get,
// Open, Search, ...) and answers what the other side asks out of a Store; what
// only the server answers goes to a Server. Have maps flow on control streams: a
// Watcher hears of the tracks it watches from every neighbour, and whoever
// wants a track's map here hears of each chunk that is verified. Without a server
// questions go to the neighbours and theirs, two hops out (Search, FindPeers). Where
// a node is in the network, as a Vivaldi coordinate, it learns from QUIC's round
// trips. What addresses are dialled, and on whose word, stands in addresses.go.
//
// It promises: at most 60 neighbours, the least useful dropped first, and 8 though
// nothing happens; at most 4
// uploads at once, the most urgent first, within the cap and no faster than leaves
// the line to others, or none at all; that they wait a little while what plays here
// is urgent; one
// connection between two nodes, whoever dialled, and a second for two seconds at the most
// where both did; that nothing a neighbour sends
// or leaves out makes it hang, panic, or hold more than its bounds; and that
// Close ends every goroutine. The wire is specified in package protocol.
package swarm
