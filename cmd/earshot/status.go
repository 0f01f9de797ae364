package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "tell what the running node is doing", Category: "Nodes",
		Flags: flags(&cli.BoolFlag{Name: "follow", Usage: "tell what plays instead, a line for each change, until interrupted"}),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if c.Bool("follow") {
				return p.follow(c)
			}
			s, err := p.nodes.dial(c.Context, c.Path("data"))
			if err != nil {
				return err
			}
			defer s.release()
			status, err := s.node.Status(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if status.Playing == nil {
					status.Playing = []control.Playing{}
				}
				if status.Neighbours == nil {
					status.Neighbours = []control.Neighbour{}
				}
				return p.out.json(status)
			}
			p.showStatus(status)
			return nil
		},
	}
}

// labelWidth is the width of the names before facts.
const labelWidth = 12

// fact writes one line of a list of names and what is known of them.
func (s *screen) fact(name, format string, args ...any) {
	s.write(false, labelWidth, []cell{{fmt.Sprintf("%-*s", labelWidth, name), dim}, {text: fmt.Sprintf(format, args...)}})
}

func (p *program) showStatus(s control.Status) {
	p.out.fact("node", "%s, process %d, %s", s.Role, s.PID, s.Node.Short())
	if s.Listen != "" {
		p.out.fact("listens at", "%s", s.Listen)
	}
	switch {
	case s.Role == control.RoleServer:
		p.out.fact("shares", "%s with %s", count(s.Tracks, "track"), count(s.Members, "node"))
	case s.Connected:
		p.out.fact("server", "%s, connected", s.Server)
	default:
		p.out.fact("server", "%s, not connected", s.Server)
	}
	if s.Role == control.RoleListener {
		p.out.fact("cache", "%s", count(s.Tracks, "track"))
	}
	p.out.fact("upload", "%s/s%s, %s in all", bytesOf(s.UploadRate), uploadLimit(s), bytesOf(s.Uploaded))
	if s.Sharing && s.UploadPace > 0 {
		p.out.fact("line", "bears uploads of %s/s", bytesOf(s.UploadPace))
	}
	p.out.fact("download", "%s/s, %s in all", bytesOf(s.DownloadRate), bytesOf(s.Downloaded))
	if s.CoordinateError > 0 {
		p.out.fact("distances", "estimated to within %d%%", int(100*s.CoordinateError+0.5))
	}
	f := s.Faults
	if f != (control.Faults{}) {
		p.out.fact("got over", "%d violations, %d bad chunks, %d timeouts, %d broken off, %d failed writes",
			f.Violations, f.BadChunks, f.Timeouts, f.Disconnected, f.WriteFailed)
	}
	for _, t := range s.Playing {
		p.out.say("")
		p.showPlaying(t)
	}
	if len(s.Neighbours) > 0 {
		p.out.say("")
		p.showNeighbours(s.Neighbours)
	}
}

func uploadLimit(s control.Status) string {
	switch {
	case !s.Sharing:
		return " (sharing is off)"
	case s.UploadNight > 0 && s.UploadLimit > 0:
		return fmt.Sprintf(" of %s/s (%s: %s/s)", bytesOf(s.UploadLimit), s.UploadNightHours, bytesOf(s.UploadNight))
	case s.UploadNight > 0:
		return fmt.Sprintf(" (%s: of %s/s)", s.UploadNightHours, bytesOf(s.UploadNight))
	case s.UploadLimit > 0:
		return " of " + bytesOf(s.UploadLimit) + "/s"
	}
	return ""
}

func (p *program) showPlaying(t control.Playing) {
	p.out.fact(string(t.State), "%s", titleOf(t.Track))
	have := ""
	if t.Chunks > 0 {
		have = fmt.Sprintf(", %d%% is here", percent(int64(t.Have), int64(t.Chunks)))
	}
	p.out.fact("", "%s of %s, %s buffered%s", clockOf(t.Position), clockOf(t.Length), t.Buffered.Truncate(100*time.Millisecond), have)
	if t.Waiting {
		p.out.fact("", "%s", text.Waiting(t.WaitsFor, t.StartsIn))
	}
	p.showShares("", t.Shares)
}

// sharesColumns is the width of a bar of shares.
const sharesColumns = 30

// showShares writes a bar of where bytes came from, and the figures.
func (p *program) showShares(name string, s control.Shares) {
	cells := []cell{{fmt.Sprintf("%-*s", labelWidth, name), dim}}
	cells = append(cells, sharesBar(s, sharesColumns)...)
	p.out.write(false, labelWidth, append(cells, cell{text: "  "}, cell{text: sharesText(s)}))
}

func sharesText(s control.Shares) string {
	total := s.Total()
	return fmt.Sprintf("server %d%%, peers %d%%, cache %d%%", percent(s.Server, total), percent(s.Peers, total), percent(s.Cache, total))
}

func (p *program) showNeighbours(list []control.Neighbour) {
	var rows [][]string
	for _, n := range list {
		role := ""
		if n.Server {
			role = "server"
		}
		rows = append(rows, []string{
			n.Node.Short(), n.Address, inMillis(n.RTT), estimate(n.Distance),
			bytesOf(n.Uploaded), bytesOf(n.Downloaded), role,
		})
	}
	p.out.table([]column{
		{name: "NEIGHBOUR"}, {name: "ADDRESS", give: true}, {name: "RTT", right: true}, {name: "ESTIMATE", right: true, spare: 1},
		{name: "SENT", right: true}, {name: "RECEIVED", right: true}, {name: ""},
	}, rows)
}

func inMillis(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

// estimate writes the round trip that coordinates tell, if they do.
func estimate(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return inMillis(d)
}
