package identity

import (
	"errors"
	"strings"
	"testing"
)

const (
	somePin    = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	someSecret = "AAECAwQFBgcICQoLDA0ODw"
)

func TestALinkReadsAsItWasWritten(t *testing.T) {
	for _, addr := range []string{"music.example.org:4433", "192.0.2.7:1", "[2001:db8::1]:65535", "localhost:4433", "a_b-c.d:99"} {
		l := JoinLink{Addr: addr}
		for i := range l.Pin {
			l.Pin[i] = byte(i)
		}
		for i := range l.Secret {
			l.Secret[i] = byte(i)
		}
		if want := "earshot://" + addr + "/" + somePin + "." + someSecret; l.String() != want {
			t.Errorf("%s, want %s", l, want)
		}
		got, err := ParseJoinLink(l.String())
		if err != nil || got != l {
			t.Errorf("%s: %v (%v)", l, got, err)
		}
		if got, err = ParseJoinLink("  " + l.String() + "\n"); err != nil || got != l {
			t.Errorf("%s as it is pasted: %v (%v)", l, got, err)
		}
	}
}

func TestWhatIsNoLinkIsRefused(t *testing.T) {
	tail := "/" + somePin + "." + someSecret
	for name, s := range map[string]string{
		"nothing":                 "",
		"the scheme alone":        "earshot://",
		"another scheme":          "https://a:1" + tail,
		"no port":                 "earshot://a" + tail,
		"no host":                 "earshot://:1" + tail,
		"port 0":                  "earshot://a:0" + tail,
		"too high a port":         "earshot://a:65536" + tail,
		"a port with a sign":      "earshot://a:+1" + tail,
		"a port with zeros":       "earshot://a:01" + tail,
		"a port in words":         "earshot://a:quic" + tail,
		"an IPv6 host bare":       "earshot://2001:db8::1:4433" + tail,
		"a bracketed name":        "earshot://[a]:1" + tail,
		"an IPv6 zone":            "earshot://[fe80::1%eth0]:1" + tail,
		"a host for the shell":    "earshot://$(id):1" + tail,
		"a host with a space":     "earshot://a b:1" + tail,
		"a host like a flag":      "earshot://-a:1" + tail,
		"a user":                  "earshot://u@a:1" + tail,
		"too long a host":         "earshot://" + strings.Repeat("a", 254) + ":1" + tail,
		"very long":               "earshot://a:1/" + strings.Repeat("A", 1<<20),
		"no pin":                  "earshot://a:1/." + someSecret,
		"no secret":               "earshot://a:1/" + somePin,
		"an empty secret":         "earshot://a:1/" + somePin + ".",
		"a short pin":             "earshot://a:1/" + somePin[1:] + "." + someSecret,
		"a long secret":           "earshot://a:1" + tail + "A",
		"cut short":               ("earshot://a:1" + tail)[:60],
		"something behind it":     "earshot://a:1" + tail + "/x",
		"a query":                 "earshot://a:1" + tail + "?x=1",
		"loose bits in the pin":   "earshot://a:1/" + somePin[:42] + "9." + someSecret,
		"padding":                 "earshot://a:1/" + somePin + "=." + someSecret,
		"standard base64":         "earshot://a:1/" + strings.Repeat("+", 42) + "8." + someSecret,
		"a line end in the pin":   "earshot://a:1/" + somePin[:20] + "\n" + somePin[21:] + "." + someSecret,
		"a line end in the front": "earshot:\n//a:1" + tail,
	} {
		l, err := ParseJoinLink(s)
		if !errors.Is(err, ErrBadLink) || l != (JoinLink{}) {
			t.Errorf("%s: %v (%v)", name, l, err)
		}
	}
}

func FuzzParseJoinLink(f *testing.F) {
	f.Add("earshot://music.example.org:4433/" + somePin + "." + someSecret)
	f.Add("earshot://[2001:db8::1]:1/" + somePin + "." + someSecret)
	f.Add("earshot://a:1/.")
	f.Add("earshot://a:1/" + somePin + "\n." + someSecret)
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseJoinLink(s)
		if err != nil {
			if !errors.Is(err, ErrBadLink) || l != (JoinLink{}) {
				t.Errorf("%v (%v)", l, err)
			}
			return
		}
		if l.String() != strings.TrimSpace(s) {
			t.Errorf("%q was read as %q", s, l)
		}
		if strings.ContainsAny(l.String(), " \t\n'\"`$&|;<>()*?~#!\\{}") {
			t.Errorf("%q means something to a shell", l)
		}
	})
}
