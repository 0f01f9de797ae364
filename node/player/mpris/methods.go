package mpris

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"

	"earshot/node/control"
)

// export offers the object with its three interfaces.
func (s *server) export() error {
	do := func(d control.Do) func() *dbus.Error {
		return func() *dbus.Error { return s.command(control.Command{Do: d}) }
	}
	for _, table := range []struct {
		name    string
		methods map[string]any
	}{
		{rootInterface, map[string]any{
			"Raise": func() *dbus.Error { return nil },
			"Quit":  do(control.DoQuit),
		}},
		{playerInterface, map[string]any{
			"Next": do(control.DoNext), "Previous": do(control.DoPrev),
			"Pause": do(control.DoPause), "PlayPause": do(control.DoToggle), "Play": do(control.DoPlay),
			"Stop": s.stop, "Seek": s.seek, "SetPosition": s.setPosition, "OpenUri": s.openURI,
		}},
		{propertiesInterface, map[string]any{"Get": s.get, "GetAll": s.getAll, "Set": s.set}},
		{introspectable, map[string]any{"Introspect": func() (string, *dbus.Error) { return introspection(), nil }}},
	} {
		if err := s.conn.ExportMethodTable(table.methods, objectPath, table.name); err != nil {
			return err
		}
	}
	return nil
}

// command gives the player a command.
func (s *server) command(c control.Command) *dbus.Error {
	return s.call(func(ctx context.Context) error { return s.player.Command(ctx, c) })
}

// call runs f as long as Serve does.
func (s *server) call(f func(context.Context) error) *dbus.Error {
	ctx, end, ok := s.begin()
	if !ok {
		return dbus.MakeFailedError(control.ErrNoPlayer)
	}
	defer end()
	if err := f(ctx); err != nil {
		return dbus.MakeFailedError(err)
	}
	return nil
}

// stop pauses at the beginning of the track, where Play begins again.
func (s *server) stop() *dbus.Error {
	if err := s.command(control.Command{Do: control.DoPause}); err != nil {
		return err
	}
	return s.call(func(ctx context.Context) error {
		err := s.player.Command(ctx, control.Command{Do: control.DoSeek})
		if errors.Is(err, control.ErrBadCommand) {
			return nil // nothing plays
		}
		return err
	})
}

// seek goes on or back by microseconds.
func (s *server) seek(by int64) *dbus.Error {
	return s.command(control.Command{Do: control.DoSeek, To: microseconds(by), By: true})
}

// setPosition goes to a place in a track, if that is still the one that plays.
// What is out of the track is not to be answered with an error.
func (s *server) setPosition(track dbus.ObjectPath, to int64) *dbus.Error {
	return s.call(func(ctx context.Context) error {
		state, err := s.player.PlayerState(ctx)
		if err != nil || state.Track == nil || trackPath(state) != track {
			return err
		}
		err = s.player.Command(ctx, control.Command{Do: control.DoSeek, To: microseconds(to)})
		if errors.Is(err, control.ErrBadCommand) {
			return nil
		}
		return err
	})
}

// microseconds keeps within what a time.Duration holds.
func microseconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Microsecond)
	return time.Duration(min(max(n, -most), most)) * time.Microsecond
}

// openURI plays what earshot:ID names.
func (s *server) openURI(uri string) *dbus.Error {
	id, err := parseURI(uri)
	if err != nil {
		return dbus.MakeFailedError(err)
	}
	return s.command(control.Command{Do: control.DoReplace, Tracks: ids(id)})
}

// get answers one property.
func (s *server) get(iface, name string) (v dbus.Variant, failed *dbus.Error) {
	all, failed := s.getAll(iface)
	if failed != nil {
		return v, failed
	}
	v, ok := all[name]
	if !ok {
		return v, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"there is no property " + name})
	}
	return v, nil
}

// getAll answers all properties of an interface.
func (s *server) getAll(iface string) (all map[string]dbus.Variant, failed *dbus.Error) {
	switch iface {
	case rootInterface:
		return rootProperties(), nil
	case playerInterface:
	default:
		return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownInterface", []any{"there is no interface " + iface})
	}
	failed = s.call(func(ctx context.Context) error {
		state, err := s.player.PlayerState(ctx)
		if err == nil {
			all = playerProperties(state)
			all["Position"] = dbus.MakeVariant(state.Position.Microseconds())
		}
		return err
	})
	return all, failed
}

// set changes one property.
func (s *server) set(iface, name string, v dbus.Variant) *dbus.Error {
	c, err := wish(name, v.Value())
	if iface != playerInterface || err != nil {
		if err == nil {
			err = errReadOnly
		}
		return dbus.MakeFailedError(err)
	}
	if c.Do == "" {
		return nil
	}
	return s.command(c)
}

// introspection is what the object offers, for tools that ask. It is made when one
// does: a process that plays has no time for it when it begins.
func introspection() string {
	return string(introspect.NewIntrospectable(&introspect.Node{Interfaces: []introspect.Interface{
		{
			Name:    rootInterface,
			Methods: []introspect.Method{{Name: "Raise"}, {Name: "Quit"}},
			Properties: []introspect.Property{
				{Name: "CanQuit", Type: "b", Access: "read"}, {Name: "CanRaise", Type: "b", Access: "read"},
				{Name: "HasTrackList", Type: "b", Access: "read"}, {Name: "Identity", Type: "s", Access: "read"},
				{Name: "SupportedUriSchemes", Type: "as", Access: "read"}, {Name: "SupportedMimeTypes", Type: "as", Access: "read"},
			},
		},
		{
			Name: playerInterface,
			Methods: []introspect.Method{
				{Name: "Next"}, {Name: "Previous"}, {Name: "Pause"}, {Name: "PlayPause"}, {Name: "Stop"}, {Name: "Play"},
				{Name: "Seek", Args: []introspect.Arg{{Name: "Offset", Type: "x", Direction: "in"}}},
				{Name: "SetPosition", Args: []introspect.Arg{{Name: "TrackId", Type: "o", Direction: "in"}, {Name: "Position", Type: "x", Direction: "in"}}},
				{Name: "OpenUri", Args: []introspect.Arg{{Name: "Uri", Type: "s", Direction: "in"}}},
			},
			Signals: []introspect.Signal{{Name: "Seeked", Args: []introspect.Arg{{Name: "Position", Type: "x"}}}},
			Properties: []introspect.Property{
				{Name: "PlaybackStatus", Type: "s", Access: "read"}, {Name: "LoopStatus", Type: "s", Access: "readwrite"},
				{Name: "Rate", Type: "d", Access: "readwrite"}, {Name: "Shuffle", Type: "b", Access: "readwrite"},
				{Name: "Metadata", Type: "a{sv}", Access: "read"}, {Name: "Volume", Type: "d", Access: "readwrite"},
				{Name: "Position", Type: "x", Access: "read"}, {Name: "MinimumRate", Type: "d", Access: "read"},
				{Name: "MaximumRate", Type: "d", Access: "read"}, {Name: "CanGoNext", Type: "b", Access: "read"},
				{Name: "CanGoPrevious", Type: "b", Access: "read"}, {Name: "CanPlay", Type: "b", Access: "read"},
				{Name: "CanPause", Type: "b", Access: "read"}, {Name: "CanSeek", Type: "b", Access: "read"},
				{Name: "CanControl", Type: "b", Access: "read"},
			},
		},
		introspect.IntrospectData, propertiesData,
	}}))
}
