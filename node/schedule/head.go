package schedule

import "time"

const (
	// idleHead is the head where no peer can help and nobody else is being sent
	// one: long enough that the asker measures its rates and asks the server for
	// more in peace, and has something to give to who comes next. Spotify's
	// client took as much (Kreitz and Niemelä, section III).
	idleHead = 15 * time.Second

	// sharedHead is the head where peers hold the track: what plays while they
	// are dialled and say what they hold, which takes three round trips.
	sharedHead = 3 * time.Second

	// LeastHead is the head on a crowded uplink: as little as the start needs, a
	// chunk at 192 kbit/s. Who starts together with others has them for the rest.
	LeastHead = 500 * time.Millisecond

	// ScreenHead is the head of a track that someone may play: its first second,
	// so that there is sound while all else is asked for.
	ScreenHead = time.Second
)

// Head returns how much of a track a server sends unasked to someone who can turn
// to so many peers, while so many other heads are under way: half as much for
// each of those. So of those who come at once the first gets one to share, and
// all of them together cost little more than two.
func Head(peers, crowd int) time.Duration {
	length := idleHead
	if peers > 0 {
		length = sharedHead
	}
	return max(length>>min(crowd, 8), LeastHead)
}
