package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// systemdUser is the systemd of one user (systemd.unit(5)).
type systemdUser struct {
	config string // $XDG_CONFIG_HOME
	// run runs systemctl --user, and returns what it prints.
	run func(ctx context.Context, args ...string) (string, error)
}

const unitName = "earshot.service"

func (s systemdUser) path() string { return filepath.Join(s.config, "systemd", "user", unitName) }

// unitFormat is for systemd 240 and later. Of the options that confine a service,
// those are here that need no privileges: they are seccomp filters, which a user's
// systemd can set; those that make another view of the file system need user
// namespaces, which some systems forbid.
const unitFormat = `# %s, which overwrites it.
# For changes of your own: systemctl --user edit earshot
[Unit]
Description=earshot: share what the cache holds

[Service]
Type=notify
ExecStart=%s
Restart=on-failure
RestartSec=10s
WatchdogSec=2min
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`

func (systemdUser) file(s service) string {
	line := []string{quoteUnit(s.program, false)}
	for _, arg := range s.args {
		line = append(line, quoteUnit(arg, true))
	}
	return fmt.Sprintf(unitFormat, mark, strings.Join(line, " "))
}

// quoteUnit quotes a word of a command line (systemd.service(5), COMMAND LINES;
// systemd.syntax(7), QUOTING). Arguments have variables, the program has none.
func quoteUnit(word string, argument bool) string {
	word = strings.ReplaceAll(word, "%", "%%")
	if argument {
		word = strings.ReplaceAll(word, "$", "$$")
	}
	var b strings.Builder
	plain := word != ""
	for _, c := range []byte(word) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
			plain = plain && strings.IndexByte(" ';", c) < 0
			continue
		}
		plain = false
	}
	if plain {
		return word
	}
	return `"` + b.String() + `"`
}

func (s systemdUser) start(ctx context.Context, replaced bool) error {
	calls := [][]string{{"daemon-reload"}, {"enable", "--now", unitName}}
	if replaced {
		calls = append(calls, []string{"restart", unitName})
	}
	for _, call := range calls {
		if _, err := s.run(ctx, call...); err != nil {
			return err
		}
	}
	return nil
}

// remove needs no manager: where none answers, none runs the service.
func (s systemdUser) remove(ctx context.Context) error {
	if _, err := s.run(ctx, "disable", "--now", unitName); err != nil && !errors.Is(err, errNoManager) {
		return err
	}
	if err := os.Remove(s.path()); err != nil {
		return err
	}
	if _, err := s.run(ctx, "daemon-reload"); err != nil && !errors.Is(err, errNoManager) {
		return err
	}
	return nil
}

func (s systemdUser) state(ctx context.Context) (enabled, active string, err error) {
	for _, ask := range []struct {
		call   string
		answer *string
	}{{"is-enabled", &enabled}, {"is-active", &active}} {
		// These fail where the answer is no, which they print, and where systemd
		// has not read the unit, which they do not.
		said, err := s.run(ctx, ask.call, unitName)
		if errors.Is(err, errNoManager) || ctx.Err() != nil {
			return "", "", err
		}
		if *ask.answer = firstLine(said); *ask.answer == "" {
			*ask.answer = "unknown"
		}
	}
	return enabled, active, nil
}

func (systemdUser) byHand() string {
	return "systemctl --user daemon-reload && systemctl --user enable --now " + unitName
}

// systemctl runs the real one.
func systemctl(ctx context.Context, args ...string) (string, error) {
	return runManager(ctx, "systemctl", append([]string{"--user"}, args...)...)
}

// runManager runs a service manager's command; errNoManager where there is none,
// or it has nobody to talk to.
func runManager(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	said := stderr.String()
	switch {
	case err == nil || ctx.Err() != nil:
		return stdout.String(), ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%w: there is no %s", errNoManager, name)
	case strings.Contains(said, "Failed to connect to"), strings.Contains(said, "Could not find domain"):
		return "", fmt.Errorf("%w: %s", errNoManager, firstLine(said))
	}
	if line := firstLine(said); line != "" {
		err = errors.New(line)
	}
	return stdout.String(), err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
