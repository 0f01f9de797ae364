package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
	"lukechampine.com/blake3"

	"earshot/audio/music"
	"earshot/node/control"
)

// leakless is testing.M with a look for goroutines that were left behind.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	dir, err := os.MkdirTemp("", "earshot-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("EARSHOT_DATA", dir) // of tests that name no data folder: never the user's own
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"earshot": main})
}

// TestScripts runs real processes on the loopback interface: what a user types,
// and what comes of it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			port, err := freePort()
			if err != nil {
				return err
			}
			e.Setenv("ADDR", "127.0.0.1:"+port)
			if port, err = freeTCPPort(); err != nil {
				return err
			}
			e.Setenv("TCPPORT", port)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "xdg"))
			e.Setenv("HOME", e.WorkDir)
			return os.CopyFS(filepath.Join(e.WorkDir, "music"), music.Files())
		},
		Condition: func(name string) (bool, error) {
			if name == "pty" {
				return hasTerminals(), nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":     await,
			"exits":     exits,
			"joinlink":  joinLink,
			"json":      checkJSON,
			"outlive":   outlive,
			"playback":  playback,
			"told":      told,
			"signalled": signalled,
			"suspended": suspended,
			"terminal":  onTerminal,
			"trackid":   trackID,
			"twins":     twins,
		},
	})
}

// freePort returns a UDP port that was free a moment ago.
func freePort() (string, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port), nil
}

// freeTCPPort returns a TCP port that was free a moment ago.
func freeTCPPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// scriptWait bounds every wait of a script: only what hangs takes so long.
const scriptWait = 30 * time.Second

// poll waits for something to come to be.
func poll(ts *testscript.TestScript, what string, done func(context.Context) bool) {
	ctx, cancel := context.WithTimeout(context.Background(), scriptWait)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !done(ctx) {
		select {
		case <-look.C:
		case <-ctx.Done():
			ts.Fatalf("gave up waiting for %s", what)
		}
	}
}

// await DATA [connected|plays=N|skipped=N]: waits until the data folder's node answers, or
// has reached its server, or that many tracks have sounded since the folder is, or a
// server has found so many files that it cannot share.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await DATA [connected|plays=N|skipped=N]")
	}
	poll(ts, strings.Join(args, " "), func(ctx context.Context) bool {
		c, err := control.Dial(ctx, ts.MkAbs(args[0]))
		if err != nil {
			return false
		}
		defer c.Close()
		if len(args) == 1 {
			return true
		}
		if args[1] == "connected" {
			s, err := c.Status(ctx)
			return err == nil && s.Connected
		}
		if strings.HasPrefix(args[1], "skipped=") {
			skipped, err := c.Skipped(ctx)
			return err == nil && fmt.Sprint("skipped=", len(skipped)) == args[1]
		}
		stats, err := c.CacheStats(ctx)
		return err == nil && fmt.Sprint("plays=", stats.Plays) == args[1]
	})
}

// told FILE PATTERN: waits until what another process writes to a file has such a line.
func told(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: told FILE PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	poll(ts, strings.Join(args, " "), func(context.Context) bool {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && pattern.Match(b)
	})
}

// playback DATA STATE: waits until what plays on the data folder is in that state.
func playback(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: playback DATA STATE")
	}
	poll(ts, strings.Join(args, " "), func(ctx context.Context) bool {
		c, err := control.DialPlayer(ctx, ts.MkAbs(args[0]))
		if err != nil {
			return false
		}
		defer c.Close()
		s, err := c.PlayerState(ctx)
		return err == nil && string(s.Playback) == args[1]
	})
}

func command(ts *testscript.TestScript, args []string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, args[0])
		if _, err := os.Stat(path); err != nil {
			continue
		}
		cmd = exec.Command(path, args[1:]...)
		cmd.Dir = ts.MkAbs(".")
		for _, name := range []string{"PATH", "HOME", "XDG_DATA_HOME", "TMPDIR", "EARSHOT_DATA"} {
			cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
		}
		stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = stdout, stderr
		return cmd, stdout, stderr
	}
	ts.Fatalf("there is no %s", args[0])
	return nil, nil, nil
}

// exits CODE COMMAND...: runs a command that ends with that code. One that does
// not end well says why in one line that begins with the program's name.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	cmd, stdout, stderr := command(ts, args[1:])
	ts.Check(cmd.Start())
	checkExit(ts, cmd, stdout, stderr, args[0])
	if text := stderr.String(); args[0] != "0" && (strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "earshot: ")) {
		ts.Fatalf("stderr is not one line of earshot's: %q", text)
	}
}

func checkExit(ts *testscript.TestScript, cmd *exec.Cmd, stdout, stderr *bytes.Buffer, code string) {
	kill := time.AfterFunc(scriptWait, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	kill.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	fmt.Fprint(ts.Stdout(), stdout.String())
	fmt.Fprint(ts.Stderr(), stderr.String())
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != code {
		ts.Fatalf("exit code %s, want %s; stdout %q, stderr %q", got, code, stdout, stderr)
	}
}

// signalled INT|TERM CODE DATA ready|plays=N COMMAND...: sends a signal to a
// command once its node is ready, or so many tracks have sounded.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: signalled INT|TERM CODE DATA ready|plays=N COMMAND...")
	}
	sig := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[0]]
	cmd, stdout, stderr := command(ts, args[4:])
	ts.Check(cmd.Start())
	kill := time.AfterFunc(scriptWait, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if args[3] == "ready" {
		await(ts, false, args[2:3])
	} else {
		await(ts, false, args[2:4])
	}
	ts.Check(cmd.Process.Signal(sig))
	checkExit(ts, cmd, stdout, stderr, args[1])
}

// joinLink DATA VAR [flags]: puts a join link into an environment variable.
func joinLink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: joinlink DATA VAR [FLAGS]")
	}
	cmd, stdout, stderr := command(ts, append([]string{"earshot", "invite", "--data", args[0]}, args[2:]...))
	ts.Check(cmd.Start())
	checkExit(ts, cmd, stdout, stderr, "0")
	ts.Setenv(args[1], strings.TrimSpace(stdout.String()))
}

// trackID FILE VAR: puts the ID of a file into an environment variable, and its
// beginning into VAR_PREFIX.
func trackID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: trackid FILE VAR")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	id := fmt.Sprintf("%x", blake3.Sum256(data))
	ts.Setenv(args[1], id)
	ts.Setenv(args[1]+"_PREFIX", id[:8])
}

// outlive SPAN: waits until what was good for so long is not any more.
func outlive(ts *testscript.TestScript, neg bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// checkJSON FILE FIELD=VALUE...: the last line of a file (or of stdout) is an object with such
// fields; VALUE > compares with a number, and an empty one only asks that it is there.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	decoder := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	decoder.UseNumber()
	var object map[string]any
	ts.Check(decoder.Decode(&object))
	for _, want := range args[1:] {
		name, value, _ := strings.Cut(want, "=")
		got, ok := object[strings.TrimSuffix(name, ">")]
		if !ok {
			ts.Fatalf("there is no %s in %v", name, object)
		}
		text := fmt.Sprint(got)
		switch {
		case strings.HasSuffix(name, ">"):
			a, _ := strconv.ParseFloat(text, 64)
			b, err := strconv.ParseFloat(value, 64)
			ts.Check(err)
			if a <= b {
				ts.Fatalf("%s is %s, want more than %s", name, text, value)
			}
		case value != "" && text != value:
			ts.Fatalf("%s is %s, want %s", name, text, value)
		}
	}
}

// twins DIR VAR: writes two pieces whose IDs begin alike, and puts the
// beginning, six digits, into an environment variable.
func twins(ts *testscript.TestScript, neg bool, args []string) {
	piece, err := fs.ReadFile(music.Files(), "02-minuet.mp3")
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	const size = 32 << 10 // more than a second, and the tag
	seen := map[[3]byte]int{}
	// By the birthday paradox some 5,000 are enough.
	for i := range 1 << 20 {
		data := fmt.Appendf(piece[:size:size], "%016d", i)
		id := blake3.Sum256(data)
		other, found := seen[[3]byte(id[:3])]
		if !found {
			seen[[3]byte(id[:3])] = i
			continue
		}
		for _, n := range []int{i, other} {
			data := fmt.Appendf(piece[:size:size], "%016d", n)
			ts.Check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.mp3", n)), data, 0o600))
		}
		ts.Setenv(args[1], fmt.Sprintf("%x", id[:3]))
		return
	}
	ts.Fatalf("no twins found")
}
