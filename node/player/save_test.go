package player

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol"
)

func TestAFileThatNoPlayerSavedIsRefused(t *testing.T) {
	a := `"` + protocol.ID{1}.String() + `"`
	for name, text := range map[string]string{
		"nothing":         "",
		"half":            `{"tracks":[` + a,
		"a place outside": `{"tracks":[` + a + `],"at":2}`,
		"before it":       `{"tracks":[` + a + `],"at":-1}`,
		"a wrong order":   `{"tracks":[` + a + `,` + a + `],"shuffle":true,"order":[0,0]}`,
		"a short order":   `{"tracks":[` + a + `,` + a + `],"shuffle":true,"order":[0]}`,
		"loud":            `{"volume":101}`,
		"a repeat":        `{"repeat":"twice"}`,
		"a position":      `{"position_ns":-1}`,
		"too many":        `{"tracks":[` + strings.Repeat(a+",", 10_000) + a + `]}`,
		"too long":        `{"x":"` + strings.Repeat("x", maxSaved) + `"}`,
	} {
		file := filepath.Join(t.TempDir(), "player.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := LoadSaved(file); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// FuzzSaved goes on with whatever a file says.
func FuzzSaved(f *testing.F) {
	a := `"` + protocol.ID{1}.String() + `"`
	f.Add(`{"tracks":[` + a + `,` + a + `],"shuffle":true,"order":[1,0],"at":1,"position_ns":7,"volume":3,"repeat":"all"}`)
	f.Add(`{"tracks":[` + a + `],"at":1}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readSaved(strings.NewReader(text))
		if err != nil {
			return
		}
		p := New(Config{Saved: s, Output: nowhere{}})
		assertOrder(t, p.queue)
		if len(s.Tracks) > 0 && p.queue.current() == nil {
			t.Error("there is nothing to go on with")
		}
	})
}
