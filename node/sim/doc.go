// Package sim simulates swarms that no machine here could run: up to 100,000
// listeners over a day, one discrete event after another, in one goroutine.
//
// # What is real
//
// Every decision: which run is asked of whom, and when a play begins or goes on after it
// ran dry (node/schedule), whom the server names as near holders (node/tracker, with the
// simulated time), which track leaves a full cache (cache/policy). They are the node's
// own code.
//
// # What is modelled
//
// The network. A node is an uplink, a downlink and a place. The uplink is shared
// out chunk by chunk among the answers under way (processor sharing at the
// grain of 16 KiB), the most urgent first towards the same node; at most 4
// answers at once from a listener, any number from the server, and the soonest
// needed first; and the server tells who can wait of whom it has sent the same (elsewhere.go).
// The downlink takes what comes one after the other; a chunk comes
// in packets, evenly over the time that it takes, and the server's is played while
// it comes. A message takes half the round trip that the coordinates give;
// handshake and first have map take two. There is no packet loss, and payload
// alone is counted: no headers, no proof trees, no search. One pair in ten cannot
// connect. A tenth of the nodes go without a word, and are noticed after 10 s,
// when QUIC gives up.
//
// The listeners. The workload is Kreitz and Niemelä's ("Spotify - Large Scale,
// Low Latency, P2P Music-on-Demand Streaming", IEEE P2P 2010): 61 % of plays are
// the next in sequence, which the node can know and prefetch; 39 % are random
// accesses, which often cut the track before; 88 % of plays are of the top 12 %
// of tracks. Ours are the rest, as the paper does not tell: a listener's own
// favourites, what share of plays they get, and the hours of its sessions (most
// in the evening, fewest at four). They move the cache's share most of all: see
// Config.
//
// # Less detail in large swarms
//
// From 50,000 listeners on a node has 40 favourites in its cache when the day
// begins, not 200, which is what most of the memory goes to. All else is the
// same.
//
// # Cost
//
// A node that plays nothing costs its cache's entries and nothing else: no
// event but its announcement every 10 minutes, no State. Events lie in one heap
// of values; fetches and answers are reused. A day of 10,000 listeners is 35
// million events and 17 million Steps: 30 s on one core, 1.2 million events a
// second, and 33 KB for each listener, most of it the 200 cache entries that
// it begins with. A third of the time goes into announcing all that is held.
package sim
