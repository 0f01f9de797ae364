package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"
)

// asRootFlag says that root means it.
const asRootFlag = "as-root"

func (p *program) serviceCommand() *cli.Command {
	asRoot := &cli.BoolFlag{Name: asRootFlag, Usage: "do it for root: a service runs as the user who installs it"}
	return &cli.Command{
		Name: "service", Usage: "share in the background, from login on: `seed` as a service of this user", Category: "Nodes",
		Subcommands: []*cli.Command{
			{
				Name: "install", Usage: "install the service and start it; again, to change its flags",
				Flags: flags(append(append(shareFlags(), httpFlags()...), asRoot,
					&cli.BoolFlag{Name: "print", Usage: "print the file that would be installed, and do nothing"})...),
				Action: p.onService(p.installService),
			},
			{
				Name: "uninstall", Usage: "stop the service and remove it; the data stays", Flags: flags(asRoot),
				Action: p.onService(p.uninstallService),
			},
			{
				Name: "status", Usage: "tell whether the service is installed, and runs", Flags: flags(),
				Action: p.onService(p.serviceStatus),
			},
		},
	}
}

// service is what a service manager is told of `earshot seed`.
type service struct {
	program string   // absolute path
	args    []string // of the program
}

// manager is a service manager, as far as one user's service needs it.
type manager interface {
	// path is where the service's file belongs, and file what belongs in it.
	path() string
	file(s service) string
	// start has the manager read the file, and start it now and at each login;
	// replaced says that it may run already, as another file had it. remove stops
	// it, and removes the file. state tells how it is, in the manager's words.
	start(ctx context.Context, replaced bool) error
	remove(ctx context.Context) error
	state(ctx context.Context) (enabled, active string, err error)
	// byHand is what to run where start does not reach the manager.
	byHand() string
}

// errNoManager says that no service manager answers.
var errNoManager = errors.New("no service manager answers")

// onService checks what all service commands need.
func (p *program) onService(do func(*cli.Context, manager) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := noArgs(c); err != nil {
			return err
		}
		m, err := findManager()
		if err != nil {
			return err
		}
		changes := c.Command.Name != "status" && !c.Bool("print")
		if changes && os.Geteuid() == 0 && !c.Bool(asRootFlag) {
			return usagef("service %s: this would be a service of root: run it as the user who listens, or add --%s", c.Command.Name, asRootFlag)
		}
		return do(c, m)
	}
}

// serviceOut is what service commands print as JSON.
type serviceOut struct {
	Path      string `json:"path"`
	Installed bool   `json:"installed"`
	Enabled   string `json:"enabled,omitempty"` // the manager's words
	Active    string `json:"active,omitempty"`
	ByHand    string `json:"by_hand,omitempty"` // what is left to be run
}

// mark begins a file of ours: no other is replaced or removed.
const mark = "Written by `earshot service install`"

func (p *program) installService(c *cli.Context, m manager) error {
	s, err := thisService(c)
	if err != nil {
		return err
	}
	text := m.file(s)
	if c.Bool("print") {
		p.out.Write([]byte(text))
		return nil
	}
	before, err := ours(m.path())
	if err != nil {
		return err
	}
	if before != text {
		if err := os.MkdirAll(filepath.Dir(m.path()), 0o755); err != nil {
			return fmt.Errorf("installing the service: %w", err)
		}
		if err := renameio.WriteFile(m.path(), []byte(text), 0o644); err != nil {
			return fmt.Errorf("installing the service: %w", err)
		}
	}
	out := serviceOut{Path: m.path(), Installed: true}
	err = m.start(c.Context, before != "" && before != text)
	if errors.Is(err, errNoManager) {
		out.ByHand = m.byHand()
	} else if err != nil {
		return fmt.Errorf("starting the service: %w", err)
	}
	if c.Bool("json") {
		return p.out.json(out)
	}
	p.out.say("installed %s", out.Path)
	if out.ByHand != "" {
		p.out.say("no service manager answers here: start it, logged in as this user, with")
		p.out.say("  %s", out.ByHand)
	}
	return nil
}

func (p *program) uninstallService(c *cli.Context, m manager) error {
	before, err := ours(m.path())
	if err != nil {
		return err
	}
	if before != "" {
		if err := m.remove(c.Context); err != nil {
			return fmt.Errorf("removing the service: %w", err)
		}
	}
	if c.Bool("json") {
		return p.out.json(serviceOut{Path: m.path()})
	}
	if before == "" {
		p.out.say("no service is installed")
	} else {
		p.out.say("removed %s", m.path())
	}
	return nil
}

func (p *program) serviceStatus(c *cli.Context, m manager) error {
	text, err := ours(m.path())
	if err != nil {
		return err
	}
	out := serviceOut{Path: m.path(), Installed: text != ""}
	if out.Installed {
		if out.Enabled, out.Active, err = m.state(c.Context); err != nil && !errors.Is(err, errNoManager) {
			return fmt.Errorf("asking for the service: %w", err)
		}
	}
	if c.Bool("json") {
		return p.out.json(out)
	}
	if !out.Installed {
		p.out.say("no service is installed: `earshot service install` does that")
		return nil
	}
	p.out.fact("service", "%s", out.Path)
	if err != nil {
		p.out.fact("state", "%v", err)
		return nil
	}
	p.out.fact("at login", "%s", out.Enabled)
	p.out.fact("now", "%s", out.Active)
	return nil
}

// maxServiceFile bounds what is read of a file that may be ours, in bytes.
const maxServiceFile = 64 << 10

// ours reads a service's file; empty if there is none. It fails where another
// program's, or one that was written by hand, is in the way.
func ours(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	var text []byte
	if err == nil && info.Size() <= maxServiceFile {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("reading the service's file: %w", err)
	}
	if !strings.Contains(string(text), mark) {
		return "", fmt.Errorf("%s is there already, and not of earshot's making: move it away first", path)
	}
	return string(text), nil
}

// thisService is `earshot seed` with the flags of a command line.
func thisService(c *cli.Context) (service, error) {
	if _, err := sharing(c); err != nil {
		return service{}, err
	}
	if _, err := readHTTP(c); err != nil {
		return service{}, err
	}
	program, err := executable()
	if err != nil {
		return service{}, err
	}
	s := service{program: program, args: []string{"seed"}}
	data, err := filepath.Abs(c.Path("data"))
	if err != nil {
		return service{}, fmt.Errorf("finding the data folder: %w", err)
	}
	// A service may lack the XDG_DATA_HOME of this shell.
	if os.Getenv("XDG_DATA_HOME") != "" || data != filepath.Join(xdg.DataHome, "earshot") {
		s.args = append(s.args, "--data="+data)
	}
	for _, f := range append(shareFlags(), httpFlags()...) {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		value := "--" + name
		if _, on := f.(*cli.BoolFlag); !on {
			value += "=" + fmt.Sprint(c.Value(name))
		} else if !c.Bool(name) {
			continue
		}
		s.args = append(s.args, value)
	}
	return s, nil
}

// executable is this program's path: as it was called, where that is a link, since
// what the link leads to changes when the program is upgraded.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program: %w", err)
	}
	if strings.Contains(path, "go-build") && filepath.Base(filepath.Dir(path)) == "exe" {
		return "", fmt.Errorf("%s is a temporary file of `go run`: install earshot first", path)
	}
	called, err := exec.LookPath(os.Args[0])
	if err == nil {
		called, err = filepath.Abs(called)
	}
	if err == nil && sameFile(called, path) {
		path = called
	}
	if strings.ContainsAny(path, `"'\`) || plain(path) != path {
		return "", fmt.Errorf("service managers take no program with such a name: move %q", path)
	}
	return path, nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
