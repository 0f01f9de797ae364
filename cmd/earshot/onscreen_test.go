package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsWrittenIsDivertedWhileTheScreenIsUp(t *testing.T) {
	out, written := page(0)
	var taken []string
	out.divert(func(line string) { taken = append(taken, line) })
	out.say("earshot: %s", "a warning")
	out.overlay(cell{text: "progress"})
	out.divert(nil)
	out.say("after")
	if !slices.Equal(taken, []string{"earshot: a warning"}) || written.String() != "after\n" {
		t.Errorf("taken %q, written %q", taken, written)
	}
}

func TestStderrIsTakenLineByLine(t *testing.T) {
	var taken []string
	release, err := captureStderr(func(line string) { taken = append(taken, line) })
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(os.Stderr, "ALSA lib pcm.c:8675\n\n  underrun")
	fmt.Fprintln(os.Stderr, " occurred")
	fmt.Fprintln(os.Stderr, strings.Repeat("x", 5*maxNewsLine))
	release()
	if want := []string{"ALSA lib pcm.c:8675", "underrun occurred", strings.Repeat("x", maxNewsLine)}; !slices.Equal(taken, want) {
		t.Errorf("taken %q", taken)
	}
}

func TestEarshotAloneIsHelpWhereThereIsNoTerminal(t *testing.T) {
	code, out, complaint := newFakeNode().run()
	if code != 0 || complaint != "" || !strings.Contains(out, "play music from a swarm") {
		t.Errorf("exit %d: %s%s", code, out, complaint)
	}
}
