package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// fileServer serves a node's tracks on a TCP port, and returns its address.
func fileServer(t *testing.T, n control.Node) string {
	t.Helper()
	l, err := control.ListenTracks("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- control.ServeTracks(ctx, l, n, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ServeTracks: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// httpClient makes a client whose connections end with the test.
func httpClient(t *testing.T, transport *http.Transport) *http.Client {
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask sends one request; header is name, value, name, value.
func ask(t *testing.T, c *http.Client, method, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return resp, body
}

func TestTracksAreFilesWithRanges(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	for name, via := range map[string]struct {
		client *http.Client
		base   string
	}{
		"port": {httpClient(t, &http.Transport{}), fileServer(t, n)},
		"socket": {httpClient(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
		}}), "http://earshot"},
	} {
		t.Run(name, func(t *testing.T) {
			want := f.Tracks[0]
			url := via.base + "/tracks/" + want.ID.String()
			etag := `"` + want.ID.String() + `"`
			size := len(want.Data)
			for _, test := range []struct {
				rng, condition, value string
				status                int
				body                  []byte
				contentRange          string
			}{
				{status: 200, body: want.Data},
				{rng: "bytes=0-0", status: 206, body: want.Data[:1], contentRange: "bytes 0-0/200001"},
				{rng: "bytes=16383-16385", status: 206, body: want.Data[16383:16386], contentRange: "bytes 16383-16385/200001"},
				{rng: "bytes=150000-", status: 206, body: want.Data[150000:], contentRange: "bytes 150000-200000/200001"},
				{rng: "bytes=-5", status: 206, body: want.Data[size-5:], contentRange: "bytes 199996-200000/200001"},
				{rng: "bytes=200000-999999", status: 206, body: want.Data[200000:], contentRange: "bytes 200000-200000/200001"},
				{rng: "bytes=200001-", status: 416, contentRange: "bytes */200001"},
				{rng: "bytes=5-3", status: 416},
				{rng: "bytes=0-1,5-6", status: 200, body: want.Data},
				{rng: "bytes=0-1", condition: "If-Range", value: etag, status: 206, body: want.Data[:2]},
				{rng: "bytes=0-1", condition: "If-Range", value: `"another"`, status: 200, body: want.Data},
				{condition: "If-None-Match", value: etag, status: 304, body: []byte{}},
			} {
				header := []string{}
				if test.rng != "" {
					header = append(header, "Range", test.rng)
				}
				if test.condition != "" {
					header = append(header, test.condition, test.value)
				}
				resp, body := ask(t, via.client, http.MethodGet, url, header...)
				if resp.StatusCode != test.status || test.body != nil && !bytes.Equal(body, test.body) {
					t.Errorf("%v: status %d and %d bytes, want %d and %d", header, resp.StatusCode, len(body), test.status, len(test.body))
				}
				if got := resp.Header.Get("Content-Range"); test.contentRange != "" && got != test.contentRange {
					t.Errorf("%v: Content-Range %q, want %q", header, got, test.contentRange)
				}
				if got := resp.Header.Get("ETag"); resp.StatusCode < 400 && got != etag {
					t.Errorf("%v: ETag %s", header, got)
				}
			}
			resp, body := ask(t, via.client, http.MethodHead, url)
			if resp.StatusCode != 200 || len(body) != 0 || resp.ContentLength != int64(size) ||
				resp.Header.Get("Content-Type") != "audio/mpeg" || resp.Header.Get("Accept-Ranges") != "bytes" {
				t.Errorf("HEAD: status %d, %d bytes, %v", resp.StatusCode, len(body), resp.Header)
			}
			if resp, _ := ask(t, via.client, http.MethodPost, url); resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("POST: status %d", resp.StatusCode)
			}
		})
	}
	if got := n.stats.Plays; got != 0 {
		t.Errorf("%d plays were counted", got)
	}
	for n.open.Load() > 0 { // the last handler may still return
		<-n.closed
	}
}

func TestTheBeginningOfAnIDNamesATrack(t *testing.T) {
	n, _ := newFake(control.RoleListener)
	n.tracks[1].header.ID = n.tracks[0].header.ID
	n.tracks[1].header.ID[31] = 1
	n.tracks[2].header.ID = protocol.ID{0xee, 0xee, 0xee}
	n.stalled = protocol.ID{}
	client, base := httpClient(t, &http.Transport{}), fileServer(t, n)
	for name, status := range map[string]int{
		n.tracks[0].header.ID.String(): 200,
		"eeeeee":                       200,
		"EEEEEE00":                     200,
		"01abcd":                       404, // two
		"ffffff":                       404,
		"ee":                           404, // too short to mean anything
		"prelude":                      404,
		strings.Repeat("f", 64):        404,
		strings.Repeat("f", 65):        404,
	} {
		resp, body := ask(t, client, http.MethodGet, base+"/tracks/"+name)
		if resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d: %s", name, resp.StatusCode, status, body)
		}
	}
	if resp, _ := ask(t, client, http.MethodGet, base+"/v1/status"); resp.StatusCode != 404 {
		t.Errorf("the port answers more than tracks: status %d", resp.StatusCode)
	}
}

// failingTrack fails to read from some place on.
type failingTrack struct {
	control.Track
	at, pos int64
}

func (f *failingTrack) Seek(offset int64, whence int) (n int64, err error) {
	n, err = f.Track.Seek(offset, whence)
	f.pos = n
	return n, err
}

func (f *failingTrack) Read(b []byte) (int, error) {
	if f.pos >= f.at {
		return 0, control.ErrUnavailable
	}
	n, err := f.Track.Read(b[:min(int64(len(b)), f.at-f.pos)])
	f.pos += int64(n)
	return n, err
}

// failingNode opens tracks that fail from a place on, or fails to open them.
type failingNode struct {
	*fakeNode
	at  int64
	err error
}

func (f *failingNode) Open(ctx context.Context, id protocol.ID, from time.Duration) (control.Track, error) {
	if f.err != nil {
		return nil, f.err
	}
	track, err := f.fakeNode.Open(ctx, id, from)
	return &failingTrack{Track: track, at: f.at}, err
}

func TestWhatCannotBeHadNowIsRefusedForNow(t *testing.T) {
	fake, f := newFake(control.RoleListener)
	n := &failingNode{fakeNode: fake}
	client, base := httpClient(t, &http.Transport{}), fileServer(t, n)
	url := base + "/tracks/" + f.Tracks[0].ID.String()
	for _, test := range []struct {
		name   string
		open   error
		rng    string
		status int
	}{
		{"nothing holds it", control.ErrUnavailable, "", 503},
		{"the server is away", control.ErrServerAway, "", 503},
		{"no member", control.ErrNotMember, "", 409},
		{"nothing holds the first byte", nil, "", 503},
		{"nothing holds the place", nil, "bytes=100-", 503},
	} {
		n.err = test.open
		resp, body := ask(t, client, http.MethodGet, url, "Range", test.rng)
		if resp.StatusCode != test.status || !bytes.HasPrefix(body, []byte(`{"code":`)) {
			t.Errorf("%s: status %d, %q", test.name, resp.StatusCode, body)
		}
		if got := resp.Header.Get("Retry-After"); (got != "") != (test.status == 503) {
			t.Errorf("%s: Retry-After %q", test.name, got)
		}
	}
	n.err, n.at = nil, 50_000
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, f.Tracks[0].Data[:50_000]) {
		t.Errorf("a track that breaks off in the middle: %d bytes, %v", len(got), err)
	}
}

func TestWhatHasComeIsSentAndAClientThatGoesEndsTheRest(t *testing.T) {
	n, f := newFake(control.RoleListener)
	base := fileServer(t, n)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/tracks/"+f.Stalled.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := httpClient(t, &http.Transport{})
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	half := make([]byte, 25_000) // the rest never comes
	if _, err := io.ReadFull(resp.Body, half); err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case <-n.closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the track is still open after its client has gone")
	}
}

func TestTracksAreSentToABoundedNumber(t *testing.T) {
	n, f := newFake(control.RoleListener)
	base := fileServer(t, n)
	client := httpClient(t, &http.Transport{})
	url := base + "/tracks/" + f.Stalled.String()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for i := range 33 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		want := http.StatusOK
		if i == 32 {
			want = http.StatusServiceUnavailable
		}
		if resp.StatusCode != want {
			t.Fatalf("request %d: status %d, want %d", i+1, resp.StatusCode, want)
		}
	}
}

func TestWebPagesAreRefused(t *testing.T) {
	n, f := newFake(control.RoleListener)
	base := fileServer(t, n)
	client := httpClient(t, &http.Transport{})
	port := base[strings.LastIndex(base, ":"):]
	for _, test := range []struct {
		host, site string
		status     int
	}{
		{"127.0.0.1" + port, "", 200},
		{"localhost" + port, "", 200},
		{"LOCALHOST", "", 200},
		{"[::1]" + port, "", 200},
		{"127.0.0.1" + port, "none", 200},        // typed by the user
		{"127.0.0.1" + port, "same-origin", 200}, // from its own page
		{"127.0.0.1" + port, "cross-site", 403},
		{"127.0.0.1" + port, "same-site", 403}, // another port of this machine
		{"evil.example" + port, "", 403},       // DNS rebinding
		{"127.0.0.1.evil.example", "", 403},
		{"192.0.2.1" + port, "", 403},
	} {
		header := []string{"Host", test.host}
		if test.site != "" {
			header = append(header, "Sec-Fetch-Site", test.site)
		}
		resp, _ := ask(t, client, http.MethodGet, base+"/tracks/"+f.Tracks[0].ID.String(), header...)
		if resp.StatusCode != test.status {
			t.Errorf("%q %q: status %d, want %d", test.host, test.site, resp.StatusCode, test.status)
		}
	}
}

func TestOnlyThisMachineIsServedUnlessAskedFor(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		if l, err := control.ListenTracks(address, false); !errors.Is(err, control.ErrNotLoopback) {
			if err == nil {
				l.Close()
			}
			t.Errorf("%s: %v; want ErrNotLoopback", address, err)
		}
	}
	l, err := control.ListenTracks("0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// A player that seeks asks for a range: that is where fetching is to begin.
func TestARangeOpensTheTrackWhereItBegins(t *testing.T) {
	n, f := newFake(control.RoleListener)
	base := fileServer(t, n)
	client := httpClient(t, &http.Transport{})
	id := f.Tracks[0].ID
	url := base + "/tracks/" + id.String()
	n.mu.Lock()
	h := n.tracks[n.at(id)].header
	n.mu.Unlock()
	const at = 150_000
	for _, rng := range []string{"bytes=150000-", "bytes=0-", "bytes=150000-150009", "bytes=-5", "bytes=900000-", "bytes=x-"} {
		ask(t, client, http.MethodGet, url, "Range", rng)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if want := []time.Duration{0, 0, h.TimeAt(at), 0, 0, 0}; !slices.Equal(n.froms, want) || h.TimeAt(at) == 0 {
		t.Errorf("opened at %v, want %v", n.froms, want)
	}
}
