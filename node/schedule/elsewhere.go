package schedule

import "time"

// passing is what the server sends to another now, as it has told: n chunks from first
// on.
type passing struct {
	first, n int
	until    time.Duration
}

const (
	// passedOnIn is how long what the server sends to another is waited for: until then
	// that one has told those it knows.
	passedOnIn = 2 * time.Second
	// passedOnBy is the slack at which it is waited for no more: what is urgent is asked of
	// the server whoever else was sent it.
	passedOnBy = 1500 * time.Millisecond
	// maxPassing bounds the account.
	maxPassing = 64
)

// passes takes note of what the server sends to another. It said so in place of sending
// it, so the next run may be asked for at once.
func (s *State) passes(now time.Duration, first, n int) {
	for len(s.passing) > 0 && (s.passing[0].until <= now || len(s.passing) == maxPassing) {
		s.passing = append(s.passing[:0], s.passing[1:]...)
	}
	s.passing = append(s.passing, passing{first, n, now + passedOnIn})
	s.nextTrickle = min(s.nextTrickle, now)
}

// elsewhere reports whether a chunk is waited for that the server sends to another.
func (s *State) elsewhere(now time.Duration, c int, slack time.Duration) bool {
	for _, p := range s.passing {
		if c < p.first || c >= p.first+p.n || now >= p.until || slack <= passedOnBy {
			continue
		}
		s.wake(now, p.until)
		if slack != Never {
			s.wake(now, now+slack-passedOnBy)
		}
		return true
	}
	return false
}
