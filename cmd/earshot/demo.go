package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"
)

// demoSeconds is how much the demo plays unless told otherwise: two of the
// pieces that ship, and less than three minutes of anyone's time.
const demoSeconds = 170

// demoCommand is what `make play` runs: a whole swarm on one machine, in
// processes of their own, and what one listener hears of it.
func demoCommand() *cli.Command {
	return &cli.Command{
		Name:   "demo",
		Usage:  "start a server, two seeding nodes and a listener on this machine, and play",
		Hidden: true,
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "music", Usage: "play the music in `DIR` (default: three short pieces that come with the program)"},
			&cli.PathFlag{Name: "data", Usage: "keep the demo's data folders in `DIR`", Value: filepath.Join(xdg.DataHome, "earshot-demo")},
			&cli.IntFlag{Name: "seconds", Usage: "play about `N` seconds: whole tracks where they fit", Value: demoSeconds},
			&cli.StringFlag{Name: "output", Usage: "sound on `OUT`, as play does: device, null, pipe:COMMAND or wav:FILE", Value: "device"},
			&cli.BoolFlag{Name: "reset", Usage: "forget what earlier demos kept, and begin anew"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() || c.Int("seconds") <= 0 || c.String("output") == "stdout" {
				return cli.Exit("demo: takes flags only, --seconds above 0, and no output to stdout", 2)
			}
			ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			d := &demo{
				screen: newDemoScreen(os.Stdout),
				folder: c.Path("data"),
				music:  c.Path("music"),
				output: c.String("output"),
				limit:  time.Duration(c.Int("seconds")) * time.Second,
			}
			err := d.run(ctx, c.Bool("reset"))
			if ctx.Err() != nil {
				return cli.Exit("", 130)
			}
			return err
		},
	}
}

// demo is one run of the demo.
type demo struct {
	screen *demoScreen
	folder string // of everything that it keeps
	music  string // empty: the music that ships
	output string
	limit  time.Duration
	family *demoFamily
}

// What lies in the demo's folder: the nodes' data folders, the music that
// ships, and the server's address that the members have joined.
const (
	demoServer   = "server"
	demoSeedA    = "seed-a"
	demoSeedB    = "seed-b"
	demoListener = "listener"
	demoMusic    = "music"
	demoJoined   = "joined"
)

func (d *demo) data(name string) string { return filepath.Join(d.folder, name) }

// run sets the swarm up, plays, and takes it down, whatever happens.
func (d *demo) run(ctx context.Context, reset bool) error {
	if reset {
		if err := d.reset(); err != nil {
			return err
		}
	}
	if err := d.prepare(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	d.family = newDemoFamily(program)
	defer d.family.close()
	defer d.screen.end()

	d.screen.say("A server, two seeding nodes and a listener: four processes on this machine.")
	address, err := d.startServer(ctx)
	if err != nil {
		return err
	}
	if err := d.join(ctx, address); err != nil {
		return err
	}
	tracks, err := d.choose(ctx)
	if err != nil {
		return err
	}
	if err := d.startSeeds(ctx, tracks); err != nil {
		return err
	}
	if err := d.tellCache(ctx); err != nil {
		return err
	}
	if err := d.listen(ctx, tracks); err != nil {
		return err
	}
	d.screen.say("")
	d.screen.say("What was heard is now in the listener's cache: play again, and it comes from there.")
	d.screen.say("The demo keeps it in %s; `earshot demo --reset` begins anew.", d.folder)
	return nil
}

// reset removes what the demo keeps, and nothing else that is in its folder.
func (d *demo) reset() error {
	for _, name := range []string{demoJoined, demoServer, demoSeedA, demoSeedB, demoListener, demoMusic} {
		if err := os.RemoveAll(d.data(name)); err != nil {
			return fmt.Errorf("forgetting earlier demos: %w", err)
		}
	}
	return nil
}

// prepare makes the demo's folder and, where no other music is asked for,
// writes the music that ships into it.
func (d *demo) prepare() (err error) {
	if d.folder, err = filepath.Abs(d.folder); err != nil {
		return fmt.Errorf("finding the demo's folder: %w", err)
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("making the demo's folder: %w", err)
	}
	if d.music == "" {
		d.music = d.data(demoMusic)
		return writeDemoMusic(d.music)
	}
	return nil
}

// savedAddress is the server's address that the members joined in an earlier
// run; empty if none.
func (d *demo) savedAddress() string {
	text, err := os.ReadFile(d.data(demoJoined))
	if err != nil || len(text) > 100 {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// startServer starts the server where the members know it, or, if that is
// taken, anywhere. It returns the address once it accepts connections.
func (d *demo) startServer(ctx context.Context) (address string, err error) {
	const anywhere = "127.0.0.1:0"
	if saved := d.savedAddress(); saved != "" {
		address, err = d.serve(ctx, saved)
		if err == nil || ctx.Err() != nil {
			return address, err
		}
	}
	return d.serve(ctx, anywhere)
}

// readyWait is how long a process may take to be ready: the server reads all
// of the music before it is, at some 300 MB/s.
const readyWait = 2 * time.Minute

func (d *demo) serve(ctx context.Context, listen string) (string, error) {
	ready := make(chan string, 1)
	server, err := d.family.start("server", func(line string) {
		if address, ok := readyAddress(line); ok {
			select {
			case ready <- address:
			default:
			}
		}
	}, nil, "serve", "--data", d.data(demoServer), "--json", "--music", d.music, "--listen", listen)
	if err != nil {
		return "", err
	}
	timer := time.NewTimer(readyWait)
	defer timer.Stop()
	select {
	case address := <-ready:
		return address, nil
	case <-server.done:
		return "", server.gone()
	case <-ctx.Done():
		return "", ctx.Err()
	case <-timer.C:
		return "", fmt.Errorf("the server was not ready within %s: try a smaller folder with --music", readyWait)
	}
}

// join makes the three nodes members, unless they are from an earlier run.
func (d *demo) join(ctx context.Context, address string) error {
	if address == d.savedAddress() {
		return nil
	}
	os.Remove(d.data(demoJoined))
	names := []string{demoSeedA, demoSeedB, demoListener}
	link, err := d.invite(ctx, len(names))
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := d.family.run(ctx, name, "join", "--data", d.data(name), link); err != nil {
			return err
		}
	}
	if err := os.WriteFile(d.data(demoJoined), []byte(address+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting what was joined: %w", err)
	}
	return nil
}

// errNoMusic says that there is nothing to play.
var errNoMusic = errors.New("the music folder holds nothing that can be played: name another with --music")
