package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

// program is one run of the command line: what it reaches nodes by, and where
// it writes. Commands are its methods.
type program struct {
	started time.Time // of the process
	nodes   nodes
	out     *screen   // what was asked for
	err     *screen   // warnings, errors, progress
	stdout  io.Writer // sound, for --output stdout
}

// run runs a command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	help := &folding{to: p.out}
	app := p.app()
	app.Writer = help
	args = flagsFirst(app, args)
	err := cause(ctx, app.RunContext(ctx, args))
	help.flush()
	if line := explain(err); line != "" {
		p.err.say("earshot: %s", line)
	}
	return exitCode(err)
}

// app is the list of commands.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                 "earshot",
		Usage:                "play music from a swarm, and share it",
		Version:              version(),
		HideHelpCommand:      true, // there is one of our own
		ErrWriter:            p.err,
		EnableBashCompletion: true,
		ExitErrHandler:       func(*cli.Context, error) {}, // run tells of errors
		OnUsageError:         wrongUsage,
		Flags:                []cli.Flag{dataFlag(), cli.HelpFlag}, // of earshot alone
		Action:               p.noCommand,
		Description: "A server shares a folder of music; listeners play from it, from one another and from their caches.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
		Commands: []*cli.Command{
			p.playCommand(),
			p.pauseCommand(),
			p.resumeCommand(),
			p.toggleCommand(),
			p.nextCommand(),
			p.prevCommand(),
			p.seekCommand(),
			p.volumeCommand(),
			p.shuffleCommand(),
			p.repeatCommand(),
			p.queueCommand(),
			p.searchCommand(),
			p.lsCommand(),
			p.syncCommand(),
			p.joinCommand(),
			p.seedCommand(),
			p.serviceCommand(),
			p.statusCommand(),
			p.cacheCommand(),
			p.stopCommand(),
			p.serveCommand(),
			p.inviteCommand(),
			p.simCommand(),
			p.helpCommand(),
			p.completionCommand(),
			p.manCommand(),
			demoCommand(),
			p.soundCardCommand(),
		},
	}
	for _, c := range app.Commands {
		p.complete(c)
	}
	return app
}

// complete gives a command what all have.
func (p *program) complete(c *cli.Command) {
	tidy(c)
	c.OnUsageError = wrongUsage
	c.HideHelpCommand = true // "help" may be what someone searches for
	for _, s := range c.Subcommands {
		p.complete(s)
	}
	if len(c.Subcommands) > 0 {
		c.Action = p.noCommand
	}
}

// version is the module's version, or the commit that it was built from.
func version() string {
	const unknown = "(devel)"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	if v := info.Main.Version; v != "" && v != unknown {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return unknown
}

// noCommand is run where no command, or one that does not exist, was given.
func (p *program) noCommand(c *cli.Context) error {
	path := strings.TrimPrefix(c.Command.HelpName, "earshot ")
	if path == "earshot" {
		path = ""
	}
	if !c.Args().Present() {
		if path == "" {
			return p.bare(c)
		}
		return usagef("%s: which one? See `earshot %s --help`", path, path)
	}
	return noSuchCommand(strings.Fields(path), c.Args().First(), c.Command.Subcommands)
}

// dataFlag names the data folder; every command that uses one has it.
func dataFlag() cli.Flag {
	return &cli.PathFlag{
		Name: "data", Usage: "keep everything of this node in `DIR`", EnvVars: []string{"EARSHOT_DATA"},
		Value: filepath.Join(xdg.DataHome, "earshot"), DefaultText: "$XDG_DATA_HOME/earshot",
	}
}

// jsonFlag makes what a command prints JSON; every command that prints has it.
func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// flags returns a command's own flags and those that all have.
func flags(own ...cli.Flag) []cli.Flag { return append(own, dataFlag(), jsonFlag()) }

// noArgs refuses arguments.
func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s: takes no arguments, but got %q", c.Command.Name, c.Args().First())
	}
	return nil
}

// attached runs f with the node that owns the data folder, or with one of its
// own where none runs.
func (p *program) attached(ctx context.Context, c nodeConfig, f func(control.Node) error) error {
	s, err := p.nodes.attach(ctx, c)
	if err != nil {
		return err
	}
	err = f(s.node)
	if closing := s.release(); err == nil && closing != nil {
		err = fmt.Errorf("closing the node: %w", closing)
	}
	return err
}
