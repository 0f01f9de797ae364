package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ErrNotLoopback is what an address gets at which others than this machine's own
// programs would be served.
var ErrNotLoopback = errors.New("it is not an address of this machine alone, as 127.0.0.1:8080 is")

// ListenTracks listens at HOST:PORT for ServeTracks. It fails with ErrNotLoopback
// for an address that other machines may reach, unless open allows those.
func ListenTracks(address string, open bool) (net.Listener, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for HTTP on %s: %w", address, err)
	}
	if !open && !addr.IP.IsLoopback() { // no host at all means every address
		return nil, fmt.Errorf("listening for HTTP on %s: %w", address, ErrNotLoopback)
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for HTTP on %s: %w", address, err)
	}
	return l, nil
}

// ServeTracks answers on l, which ListenTracks made, GET and HEAD of /tracks/ID
// with what node can open. It returns when ctx ends, with nil, or when l fails;
// by then l is closed and every call has returned. A nil log discards.
func ServeTracks(ctx context.Context, l net.Listener, node Node, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	(&trackFiles{node: node}).add(mux)
	addr, ok := l.Addr().(*net.TCPAddr)
	guarded := &guard{next: mux, loopback: ok && addr.IP.IsLoopback()}
	if err := serveHTTP(ctx, l, guarded, func() {}, log); err != nil {
		return fmt.Errorf("serving tracks by HTTP: %w", err)
	}
	return nil
}

// guard refuses what a web page may have had a browser ask. A page of a site
// whose name was made to mean this machine (DNS rebinding) comes with that name;
// one of another site says so itself (Sec-Fetch-Site, W3C Fetch Metadata).
type guard struct {
	next     http.Handler
	loopback bool // it is reached at a loopback address
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site := r.Header.Get("Sec-Fetch-Site")
	if !g.named(r.Host) || site != "" && site != "none" && site != "same-origin" {
		http.Error(w, "this address is for players on this machine: use it as http://127.0.0.1:PORT/tracks/ID", http.StatusForbidden)
		return
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	g.next.ServeHTTP(w, r)
}

// named reports whether a Host header names this machine itself: as localhost, or
// by an address, which no site's name server has a say in.
func (g *guard) named(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && (ip.IsLoopback() || !g.loopback)
}
