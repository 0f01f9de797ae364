//go:build unix

package audio

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestACommandGetsEverySample(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard")
	o, err := OpenOutput("pipe:cat > '"+path+"'", nil)
	if err != nil {
		t.Fatal(err)
	}
	pcm := ramp(3 * time.Second)
	write(t, o, pcm)
	if err := o.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, pcm) {
		t.Errorf("%v; it got %d bytes of %d", err, len(got), len(pcm))
	}
	if err := o.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := o.Write(t.Context(), pcm[:4]); !errors.Is(err, errClosed) {
		t.Errorf("writing behind it: %v", err)
	}
	if err := o.Drain(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("draining behind it: %v", err)
	}
}

func TestTheDeathOfACommandIsTold(t *testing.T) {
	for command, want := range map[string]string{
		"head -c 1000 >/dev/null; echo no card >&2; exit 3": "exit status 3: no card",
		"exec no-such-program-anywhere":                     "exit status 127",
		"head -c 1000 >/dev/null":                           "ended before the sound did",
	} {
		o, err := StartPipe(command)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = o.Write(t.Context(), make([]byte, frameBytes))
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", command, err)
		}
		if err := o.Drain(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: draining: %v", command, err)
		}
		if err := o.Close(); (err != nil) != strings.Contains(want, "exit") {
			t.Errorf("%s: closing: %v", command, err)
		}
	}
}

func TestACommandThatTakesNothingHangsNobody(t *testing.T) {
	o, err := StartPipe("sleep 1000 & sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	o.(*pipe).grace = 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := o.Write(ctx, ramp(time.Minute)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := o.Close(); err != nil { // and what it has started in the background is gone
		t.Error(err)
	}
}
