package mpris

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"

	"earshot/node/control"
	"earshot/protocol"
)

var (
	errReadOnly = errors.New("this property cannot be set")
	errBadValue = errors.New("this value makes no sense here")
)

// propertiesData describes the interface of properties.
var propertiesData = prop.IntrospectData

// uriScheme names tracks: earshot:ID.
const uriScheme = "earshot"

func ids(id protocol.ID) []protocol.ID { return []protocol.ID{id} }

func parseURI(uri string) (protocol.ID, error) {
	name, ok := strings.CutPrefix(uri, uriScheme+":")
	if !ok {
		return protocol.ID{}, fmt.Errorf("%q: want %s:ID", uri, uriScheme)
	}
	return protocol.ParseID(name)
}

func rootProperties() map[string]dbus.Variant {
	return variants(map[string]any{
		"CanQuit": true, "CanRaise": false, "HasTrackList": false, "Identity": "earshot",
		"SupportedUriSchemes": []string{uriScheme}, "SupportedMimeTypes": []string{},
	})
}

// playerProperties are the properties of which changes are told: all but the
// position.
func playerProperties(s control.PlayerState) map[string]dbus.Variant {
	return variants(map[string]any{
		"PlaybackStatus": playbackStatus(s.Playback), "LoopStatus": loopStatus[s.Repeat], "Shuffle": s.Shuffle,
		"Rate": 1.0, "MinimumRate": 1.0, "MaximumRate": 1.0,
		"Metadata": metadata(s), "Volume": float64(s.Volume) / 100,
		"CanGoNext": s.Track != nil, "CanGoPrevious": s.Track != nil || s.Queue > 0,
		"CanPlay": s.Queue > 0, "CanPause": s.Queue > 0, "CanSeek": s.Track != nil, "CanControl": true,
	})
}

func variants(values map[string]any) map[string]dbus.Variant {
	all := make(map[string]dbus.Variant, len(values))
	for name, v := range values {
		all[name] = dbus.MakeVariant(v)
	}
	return all
}

func playbackStatus(p control.Playback) string {
	switch p {
	case control.PlaybackPlaying, control.PlaybackWaiting:
		return "Playing"
	case control.PlaybackPaused:
		return "Paused"
	}
	return "Stopped"
}

var loopStatus = map[control.Repeat]string{
	control.RepeatOff: "None", control.RepeatAll: "Playlist", control.RepeatOne: "Track", "": "None",
}

// noTrack is the track where none plays.
const noTrack = dbus.ObjectPath("/org/mpris/MediaPlayer2/TrackList/NoTrack")

// trackPath names the track that plays, at its place in the queue.
func trackPath(s control.PlayerState) dbus.ObjectPath {
	if s.Track == nil {
		return noTrack
	}
	return dbus.ObjectPath(fmt.Sprintf("/earshot/track/%s/%d", s.Track.ID, max(s.Index, 0)))
}

// metadata describes the track that plays (the guidelines' names for it).
func metadata(s control.PlayerState) map[string]dbus.Variant {
	about := map[string]any{"mpris:trackid": trackPath(s)}
	if t := s.Track; t != nil {
		about["mpris:length"] = s.Length.Microseconds()
		about["xesam:url"] = uriScheme + ":" + t.ID.String()
		about["xesam:title"] = clean(t.Title)
		if t.Title == "" {
			about["xesam:title"] = t.ID.Short()
		}
		if t.Artist != "" {
			about["xesam:artist"] = []string{clean(t.Artist)}
		}
		if t.Album != "" {
			about["xesam:album"] = clean(t.Album)
		}
		if t.Number > 0 {
			about["xesam:trackNumber"] = int32(t.Number)
		}
		if t.Disc > 0 {
			about["xesam:discNumber"] = int32(t.Disc)
		}
	}
	return variants(about)
}

// clean makes text fit for the bus, which takes valid UTF-8 without zeros and
// cuts off who sends something else; control characters go too.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// differences are what is in b and not so in a.
func differences(a, b map[string]dbus.Variant) map[string]dbus.Variant {
	changed := map[string]dbus.Variant{}
	for name, v := range b {
		if !reflect.DeepEqual(a[name], v) {
			changed[name] = v
		}
	}
	return changed
}

// wish is the command that sets a property; none where there is nothing to do.
func wish(name string, value any) (c control.Command, err error) {
	switch name {
	case "Volume":
		v, ok := value.(float64)
		if !ok || math.IsNaN(v) {
			return c, errBadValue
		}
		return control.Command{Do: control.DoVolume, Volume: int(math.Round(min(max(v, 0), 1) * 100))}, nil
	case "Shuffle":
		on, ok := value.(bool)
		if !ok {
			return c, errBadValue
		}
		return control.Command{Do: control.DoShuffle, On: &on}, nil
	case "LoopStatus":
		for repeat, text := range loopStatus {
			if value == text && repeat != "" {
				return control.Command{Do: control.DoRepeat, Repeat: repeat}, nil
			}
		}
		return c, errBadValue
	case "Rate":
		if value == 1.0 {
			return c, nil
		}
		return c, errBadValue
	}
	return c, errReadOnly
}
