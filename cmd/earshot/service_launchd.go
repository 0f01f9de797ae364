package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/adrg/xdg"
)

// launchdUser is macOS's launchd, in one user's session (launchd.plist(5)).
type launchdUser struct {
	home string
	uid  int
	// run runs launchctl, and returns what it prints.
	run func(ctx context.Context, args ...string) (string, error)
}

const agentLabel = "earshot.seed"

func (l launchdUser) path() string {
	return filepath.Join(l.home, "Library", "LaunchAgents", agentLabel+".plist")
}

// agentFormat restarts what failed, and leaves alone what was told to stop.
const agentFormat = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- %s, which overwrites it. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%s</string>
	<key>ProgramArguments</key>
	<array>
%s	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>StandardErrorPath</key>
	<string>%s</string>
</dict>
</plist>
`

func (l launchdUser) file(s service) string {
	var words strings.Builder
	for _, word := range append([]string{s.program}, s.args...) {
		fmt.Fprintf(&words, "\t\t<string>%s</string>\n", escapeXML(word))
	}
	return fmt.Sprintf(agentFormat, mark, agentLabel, words.String(), escapeXML(filepath.Join(l.home, "Library", "Logs", "earshot.log")))
}

func escapeXML(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}

func (l launchdUser) domain() string { return "gui/" + strconv.Itoa(l.uid) }

func (l launchdUser) start(ctx context.Context, replaced bool) error {
	loaded := l.loaded(ctx)
	if loaded && !replaced {
		return nil
	}
	if loaded {
		if err := l.unload(ctx); err != nil {
			return err
		}
	}
	_, err := l.run(ctx, "bootstrap", l.domain(), l.path())
	return err
}

func (l launchdUser) remove(ctx context.Context) error {
	if l.loaded(ctx) {
		if err := l.unload(ctx); err != nil {
			return err
		}
	}
	return os.Remove(l.path())
}

func (l launchdUser) target() string { return l.domain() + "/" + agentLabel }

// loaded reports whether launchd knows the service; it fails to print others.
func (l launchdUser) loaded(ctx context.Context) bool {
	_, err := l.run(ctx, "print", l.target())
	return err == nil
}

func (l launchdUser) unload(ctx context.Context) error {
	_, err := l.run(ctx, "bootout", l.target())
	return err
}

func (l launchdUser) state(ctx context.Context) (enabled, active string, err error) {
	enabled, active = "not loaded", "not running"
	said, err := l.run(ctx, "print", l.target())
	if err != nil {
		return enabled, active, nil
	}
	enabled = "loaded"
	for line := range strings.Lines(said) {
		if state, ok := strings.CutPrefix(strings.TrimSpace(line), "state = "); ok {
			active = state
			break
		}
	}
	return enabled, active, nil
}

func (l launchdUser) byHand() string {
	return fmt.Sprintf("launchctl bootstrap %s '%s'", l.domain(), l.path())
}

func launchctl(ctx context.Context, args ...string) (string, error) {
	return runManager(ctx, "launchctl", args...)
}

// findManager is the service manager of this system.
func findManager() (manager, error) {
	switch runtime.GOOS {
	case "linux":
		return systemdUser{xdg.ConfigHome, systemctl}, nil
	case "darwin":
		return launchdUser{xdg.Home, os.Getuid(), launchctl}, nil
	}
	return nil, fmt.Errorf("services are for systemd and launchd: on %s, have `earshot seed` started at login", runtime.GOOS)
}
