package audio

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAWAVFileIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := OpenOutput("wav:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	pcm := ramp(300 * time.Millisecond)
	write(t, o, pcm)
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Error("the old file is gone before the new one is whole")
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if string(b[:4]) != "RIFF" || int(le.Uint32(b[4:])) != len(b)-8 || string(b[8:16]) != "WAVEfmt " ||
		le.Uint16(b[22:]) != 2 || le.Uint32(b[24:]) != SampleRate || le.Uint16(b[34:]) != 16 ||
		string(b[36:40]) != "data" || int(le.Uint32(b[40:])) != len(pcm) || !bytes.Equal(b[44:], pcm) {
		t.Errorf("header %q, %d bytes", b[:44], len(b))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("it leaves %v", left)
	}
}
