package main

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "service", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s is now:\n%s", name, text)
	}
}

// hard is a service with all that needs quoting.
var hard = service{program: "/opt/my music/earshot", args: []string{
	"seed", "--data=/home/zoë/a b/100%/$HOME/\"x\\y'", "--upload=2mbit", "--listen=[::1]:4433", "",
}}

func TestServiceFilesAreWhatTheyWere(t *testing.T) {
	simple := service{program: "/usr/local/bin/earshot", args: []string{"seed"}}
	for name, s := range map[string]service{"simple": simple, "hard": hard} {
		golden(t, name+".service", systemdUser{}.file(s))
		golden(t, name+".plist", launchdUser{home: "/Users/zoë & co", uid: 501}.file(s))
	}
}

func TestTheUnitIsOneThatSystemdTakes(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze")
	}
	dir := filepath.Join(t.TempDir(), "a b%$c;d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "earshot")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil { // it must exist
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), unitName)
	if err := os.WriteFile(unit, []byte(systemdUser{}.file(service{program, hard.args})), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-analyze", "--user", "verify", unit)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir(), "SYSTEMD_LOG_LEVEL=warning")
	said, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(said)); err != nil || strings.Contains(text, unitName) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestThePlistIsXMLThatGivesTheWordsBack(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(launchdUser{home: "/Users/zoë & co", uid: 501}.file(hard)))
	var words []string
	in := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			in = x.Name.Local == "string"
			if in {
				words = append(words, "")
			}
		case xml.EndElement:
			in = false
		case xml.CharData:
			if in {
				words[len(words)-1] += string(x)
			}
		}
	}
	want := append(append([]string{agentLabel, hard.program}, hard.args...), "Background", "/Users/zoë & co/Library/Logs/earshot.log")
	if fmt.Sprintf("%q", words) != fmt.Sprintf("%q", want) {
		t.Errorf("words %q, want %q", words, want)
	}
}

// managed runs service commands on a systemd whose systemctl is f.
func managed(t *testing.T, f func(args string) (string, error)) (run func(args ...string) (string, error), m systemdUser, calls *[]string) {
	calls = new([]string)
	m = systemdUser{t.TempDir(), func(_ context.Context, args ...string) (string, error) {
		call := strings.Join(args, " ")
		*calls = append(*calls, call)
		return f(call)
	}}
	out, printed := page(0)
	p := &program{out: out, err: out}
	run = func(args ...string) (string, error) {
		printed.Reset()
		*calls = nil
		app := p.app()
		for _, c := range app.Commands {
			for _, sub := range c.Subcommands {
				if c.Name == "service" {
					sub.Action = func(c *cli.Context) error {
						return map[string]func(*cli.Context, manager) error{
							"install": p.installService, "uninstall": p.uninstallService, "status": p.serviceStatus,
						}[c.Command.Name](c, m)
					}
				}
			}
		}
		err := app.Run(append([]string{"earshot", "service"}, args...))
		return printed.String(), err
	}
	return run, m, calls
}

func TestInstallingTwiceIsInstallingOnce(t *testing.T) {
	run, m, calls := managed(t, func(string) (string, error) { return "", nil })
	expect := func(want string, args ...string) string {
		t.Helper()
		out, err := run(args...)
		if got := strings.Join(*calls, "; "); err != nil || got != want {
			t.Errorf("%v: called %q, want %q; %v", args, got, want, err)
		}
		return out
	}
	const start = "daemon-reload; enable --now earshot.service"
	expect(start, "install", "--upload", "2mbit")
	first, err := os.ReadFile(m.path())
	if err != nil || !strings.Contains(string(first), " --upload=2mbit\n") {
		t.Fatalf("the unit is %s, %v", first, err)
	}
	expect(start, "install", "--upload", "2mbit")
	expect(start+"; restart earshot.service", "install", "--no-upload")
	if out := expect("is-enabled earshot.service; is-active earshot.service", "status", "--json"); !strings.Contains(out, `"installed":true`) {
		t.Errorf("status: %s", out)
	}
	expect("disable --now earshot.service; daemon-reload", "uninstall")
	if _, err := os.Stat(m.path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unit is still there: %v", err)
	}
	if out := expect("", "uninstall"); !strings.Contains(out, "no service is installed") {
		t.Errorf("uninstalling again: %s", out)
	}
}

func TestWithoutAManagerTheFileIsWrittenAndTheRestIsSaid(t *testing.T) {
	run, m, _ := managed(t, func(string) (string, error) { return "", errNoManager })
	out, err := run("install")
	if err != nil || !strings.Contains(out, "systemctl --user daemon-reload && systemctl --user enable --now earshot.service") {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := run("status"); err != nil || !strings.Contains(out, errNoManager.Error()) {
		t.Errorf("status: %s, %v", out, err)
	}
	if _, err := run("uninstall"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(m.path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unit is still there: %v", err)
	}
}

func TestAServiceThatFailsToStartIsTold(t *testing.T) {
	run, _, _ := managed(t, func(call string) (string, error) {
		if call == "daemon-reload" {
			return "", nil
		}
		return "", errors.New("Unit earshot.service is masked.")
	})
	if _, err := run("install"); err == nil || !strings.Contains(err.Error(), "masked") {
		t.Errorf("%v", err)
	}
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	run, m, calls := managed(t, func(string) (string, error) { return "", nil })
	if err := os.MkdirAll(filepath.Dir(m.path()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path(), []byte("[Service]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"install", "uninstall"} {
		if _, err := run(command); err == nil || !strings.Contains(err.Error(), "not of earshot's making") || len(*calls) > 0 {
			t.Errorf("%s: %v, called %q", command, err, *calls)
		}
	}
	if text, err := os.ReadFile(m.path()); err != nil || string(text) != "[Service]\n" {
		t.Errorf("it is now %q, %v", text, err)
	}
}

func TestLaunchdIsAskedInItsOwnWords(t *testing.T) {
	loaded := false
	var calls []string
	l := launchdUser{t.TempDir(), 501, func(_ context.Context, args ...string) (string, error) {
		calls = append(calls, args[0])
		switch args[0] {
		case "print":
			if !loaded {
				return "", errors.New("Could not find service")
			}
			return "gui/501/earshot.seed = {\n\tactive count = 1\n\tstate = running\n}\n", nil
		case "bootstrap":
			loaded = true
		case "bootout":
			loaded = false
		}
		return "", nil
	}}
	if err := os.MkdirAll(filepath.Dir(l.path()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, replaced := range []bool{false, false, true} {
		if err := l.start(t.Context(), replaced); err != nil {
			t.Error(err)
		}
	}
	if enabled, active, err := l.state(t.Context()); enabled != "loaded" || active != "running" || err != nil {
		t.Errorf("%s, %s, %v", enabled, active, err)
	}
	if err := l.remove(t.Context()); err != nil || loaded {
		t.Errorf("removed: %v, loaded %v", err, loaded)
	}
	if enabled, active, err := l.state(t.Context()); enabled != "not loaded" || active != "not running" || err != nil {
		t.Errorf("%s, %s, %v", enabled, active, err)
	}
	if got := strings.Join(calls, " "); got != "print bootstrap print print bootout bootstrap print print bootout print" {
		t.Errorf("called %s", got)
	}
}
