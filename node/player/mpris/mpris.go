package mpris

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"earshot/node/control"
)

const (
	busName    = "org.mpris.MediaPlayer2.earshot"
	objectPath = dbus.ObjectPath("/org/mpris/MediaPlayer2")

	rootInterface       = "org.mpris.MediaPlayer2"
	playerInterface     = "org.mpris.MediaPlayer2.Player"
	propertiesInterface = "org.freedesktop.DBus.Properties"
	introspectable      = "org.freedesktop.DBus.Introspectable"

	// callTimeout bounds what a call does: a player answers in milliseconds,
	// and who presses a key twice wants no queue of calls.
	callTimeout = 2 * time.Second

	// seekJump is how far a position may stand from where it was to be before
	// that counts as a seek: more than an output's buffer and a busy machine.
	seekJump = time.Second
)

// Serve has the session's bus control p until ctx or the player ends. It returns
// nil then, and where there is no bus; an error says what is wrong with the bus.
func Serve(ctx context.Context, p control.Player) error {
	address := sessionBus()
	if address == "" {
		return nil
	}
	conn, err := dbus.Connect(address)
	if err != nil {
		return fmt.Errorf("connecting to D-Bus: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{ctx: ctx, player: p, conn: conn}
	defer func() {
		cancel()
		s.mu.Lock()
		s.ended = true // who has begun is counted
		s.mu.Unlock()
		s.calls.Wait()
	}()
	if err := s.export(); err != nil {
		return fmt.Errorf("offering the player on D-Bus: %w", err)
	}
	if err := s.takeName(); err != nil {
		return fmt.Errorf("offering the player on D-Bus: %w", err)
	}
	stop := context.AfterFunc(conn.Context(), cancel) // the bus went away
	defer stop()
	if err := p.Follow(ctx, s.tell); err != nil && !errors.Is(err, control.ErrNoPlayer) {
		return err
	}
	return nil
}

// sessionBus is the address of the session's bus; empty where there is none.
// No bus is started for us: nobody would be on it.
func sessionBus() string {
	if address := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" {
		return address
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return ""
	}
	socket := filepath.Join(dir, "bus")
	if _, err := os.Stat(socket); err != nil {
		return ""
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(socket)
}

// server is a player on a bus.
type server struct {
	ctx    context.Context // of all calls: D-Bus gives none
	player control.Player
	conn   *dbus.Conn

	mu    sync.Mutex
	calls sync.WaitGroup
	ended bool

	// Of the goroutine that follows.
	last map[string]dbus.Variant // properties as they were told
	at   control.PlayerState
	when time.Time
}

// takeName asks for the name, or for one of our own where another player has it.
func (s *server) takeName() error {
	for _, name := range []string{busName, fmt.Sprintf("%s.instance%d", busName, os.Getpid())} {
		reply, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue)
		if err != nil {
			return err
		}
		if reply == dbus.RequestNameReplyPrimaryOwner {
			return nil
		}
	}
	return errors.New("the name is taken")
}

// tell tells the bus of what changed.
func (s *server) tell(state control.PlayerState) {
	now := time.Now()
	properties := playerProperties(state)
	if s.last != nil {
		if changed := differences(s.last, properties); len(changed) > 0 {
			s.emit(propertiesInterface+".PropertiesChanged", playerInterface, changed, []string{})
		}
		if s.seeked(state, now) {
			s.emit(playerInterface+".Seeked", state.Position.Microseconds())
		}
	}
	s.last, s.at, s.when = properties, state, now
}

// emit sends a signal. One that cannot be sent is lost with the bus.
func (s *server) emit(name string, values ...any) { _ = s.conn.Emit(objectPath, name, values...) }

// seeked reports whether the position is not where time alone would have it.
func (s *server) seeked(state control.PlayerState, now time.Time) bool {
	if state.Track == nil || s.at.Track == nil || state.Track.ID != s.at.Track.ID || state.Index != s.at.Index {
		return false
	}
	want := s.at.Position
	if s.at.Playback == control.PlaybackPlaying {
		want += now.Sub(s.when)
	}
	off := (state.Position - want).Abs()
	return off > seekJump
}

// begin counts a call, so that Serve waits for it; false where it is too late.
func (s *server) begin() (context.Context, func(), bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, nil, false
	}
	s.calls.Add(1)
	ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
	return ctx, func() {
		cancel()
		s.calls.Done()
	}, true
}
