package tui

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"go.uber.org/goleak"

	"earshot/protocol"
)

var update = flag.Bool("update", false, "write what the screens show to testdata")

// TestMain sees to it that Run leaves nothing behind, but for what Bubble Tea
// does: its reader stands before a channel that nobody reads any more where a
// key, or an answer of the terminal, comes at the very end.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).StreamEvents"))
}

// patience is how long a screen may take to show what it should: it takes
// milliseconds, but the machine may be busy.
const patience = 20 * time.Second

// terminal is a pseudo-terminal with the screen running in it, and an emulator
// that sees what a person would.
type terminal struct {
	t      *testing.T
	node   *fakeNode
	player *fakePlayer
	keys   *os.File
	news   chan string
	drawn  chan struct{} // one slot: something was written
	ended  chan error
	cancel context.CancelFunc

	mu  sync.Mutex
	emu *vt.Emulator
	raw bytes.Buffer // all that was written
}

// start runs the screen in a terminal of a size, with a few tracks queued.
func start(t *testing.T, columns, rows, queued int, env ...string) *terminal {
	t.Helper()
	return startWith(t, columns, rows, queued, func(c *Config) { c.Env = append(c.Env, env...) })
}

func startWith(t *testing.T, columns, rows, queued int, change func(*Config)) *terminal {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal here: ", err)
	}
	if err := pty.Setsize(ptmx, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		t.Fatal(err)
	}
	tracks := catalogue()
	x := &terminal{
		t: t, node: &fakeNode{tracks: tracks, hold: make(chan struct{}), parts: strings.Repeat("S", 12) + strings.Repeat("P", 38) + strings.Repeat("C", 20) + strings.Repeat(" ", 30)},
		player: newFakePlayer(tracks, queued), keys: ptmx, emu: vt.NewEmulator(columns, rows),
		news: make(chan string), drawn: make(chan struct{}, 1), ended: make(chan error, 1),
	}
	ctx, cancel := context.WithCancel(t.Context())
	x.cancel = cancel
	var work sync.WaitGroup
	work.Go(func() { // what the terminal answers
		io.Copy(ptmx, x.emu)
	})
	work.Go(func() { x.watch(ptmx) })
	config := Config{
		Node: x.node, Player: x.player, News: x.news, In: tty, Out: tty,
		Find: func(_ context.Context, args []string) ([]protocol.ID, error) {
			return []protocol.ID{tracks[len(args)].ID}, nil
		},
		Env: []string{"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8"},
	}
	change(&config)
	go func() {
		x.ended <- Run(ctx, config)
		tty.Close()
	}()
	t.Cleanup(func() {
		cancel()
		x.wait()
		x.emu.InputPipe().(io.Closer).Close() // not Close, which races with Read
		ptmx.Close()
		work.Wait()
	})
	return x
}

// watch draws what is written, but for the marks that isolate text: the emulator
// makes cells of them where a read begins with one. It gets characters whole,
// and with what is combined with them: up to the last byte of ASCII.
func (x *terminal) watch(r io.Reader) {
	isolates := strings.NewReplacer("\u2068", "", "\u2069", "")
	buf := make([]byte, 64<<10)
	var held []byte
	for {
		n, err := r.Read(buf)
		held = append(held, buf[:n]...)
		whole := bytes.LastIndexFunc(held, func(r rune) bool { return r < 0x80 }) + 1
		x.mu.Lock()
		x.raw.Write(buf[:n])
		x.emu.WriteString(isolates.Replace(string(held[:whole])))
		x.mu.Unlock()
		held = append(held[:0], held[whole:]...)
		select {
		case x.drawn <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// wait waits until the screen has ended.
func (x *terminal) wait() error {
	select {
	case err := <-x.ended:
		x.ended <- err
		return err
	case <-time.After(patience):
		x.t.Error("the screen does not end")
		return nil
	}
}

// resize makes the terminal another size.
func (x *terminal) resize(columns, rows int) {
	x.mu.Lock()
	x.emu.Resize(columns, rows)
	x.mu.Unlock()
	if err := pty.Setsize(x.keys, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		x.t.Fatal(err)
	}
	// As the kernel tells the programs whose terminal it is; it is not ours.
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		x.t.Fatal(err)
	}
}

// press presses keys.
func (x *terminal) press(keys string) {
	if _, err := io.WriteString(x.keys, keys); err != nil {
		x.t.Fatal(err)
	}
}

// text is what the screen shows, without colours.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return trimmed(x.emu.String())
}

// painted is what the screen shows, colours and all.
func (x *terminal) painted() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return trimmed(x.emu.Render()) + "\n"
}

// left reports whether the screen has gone and the terminal is as it was.
func (x *terminal) left() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.emu.IsAltScreen()
}

// trimmed is a screen without the ends of its lines.
func trimmed(screen string) string {
	lines := strings.Split(strings.ReplaceAll(screen, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// until waits until the screen is as it should be; what names that.
func (x *terminal) until(what string, is func() bool) {
	x.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !is() {
		select {
		case <-x.drawn:
		case <-time.After(50 * time.Millisecond): // what is awaited may be no drawing
		case <-limit.C:
			x.t.Fatalf("waiting for %s:\n%s", what, x.text())
		}
	}
}

// shows waits until the screen shows some text.
func (x *terminal) shows(text string) {
	x.t.Helper()
	x.until("the text "+text, func() bool { return strings.Contains(x.text(), text) })
}

// golden waits until the screen is as a file of testdata has it, colours and all.
func (x *terminal) golden(name string) {
	x.t.Helper()
	path := filepath.Join("testdata", name+".ansi")
	if *update {
		x.settle()
		if err := os.WriteFile(path, []byte(x.painted()), 0o644); err != nil {
			x.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		x.t.Fatal(err)
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		got := x.painted()
		if got == string(want) {
			return
		}
		select {
		case <-x.drawn:
		case <-limit.C:
			x.t.Fatalf("%s: the screen is\n%s\x1b[m\nwant\n%s\x1b[m", name, got, want)
		}
	}
}

// settle waits until nothing is drawn any more: to record, not to compare.
func (x *terminal) settle() {
	for quiet := false; !quiet; {
		select {
		case <-x.drawn:
		case <-time.After(1500 * time.Millisecond):
			quiet = true
		}
	}
}
