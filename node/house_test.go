package node

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// floors are the packages that may be imported from above only. A package below
// one of these (trackertest, device) stands on its parent's floor, and may be
// imported by its parent and import it.
var floors = map[string]int{
	"protocol": 0, "protocol/identity": 0,
	"node/control": 1, "cache": 1, "audio": 1, "node/bench": 1,
	"node/swarm": 2, "node/library": 2, "node/tracker": 2, "node/schedule": 2,
	"node/player": 3, "node/origin": 3, "node/stream": 3, "node/sim": 3,
	"node":        4,
	"cmd/earshot": 5,
}

type goPackage struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
	CgoFiles        []string
}

func packages(t *testing.T) (all []goPackage) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", "earshot/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// floor returns a package's floor, and the listed package it belongs to.
func floor(path string) (int, string) {
	name := strings.TrimPrefix(path, "earshot/")
	for name != "." {
		if n, ok := floors[name]; ok {
			return n, name
		}
		name = filepath.Dir(name)
	}
	return -1, ""
}

func TestNoPackageImportsAHigherFloorOrItsOwn(t *testing.T) {
	for _, p := range packages(t) {
		at, house := floor(p.ImportPath)
		if at < 0 {
			t.Errorf("%s stands on no floor", p.ImportPath)
			continue
		}
		for _, i := range p.Imports {
			below, other := floor(i)
			if !strings.HasPrefix(i, "earshot/") || below < at || other == house {
				continue
			}
			if house == "protocol/identity" && other == "protocol" {
				continue // the vocabulary is below all
			}
			t.Errorf("%s (floor %d) imports %s (floor %d)", p.ImportPath, at, i, below)
		}
	}
}

func TestEachPackageHasOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		var with []string
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if hasText(f.Doc) {
				with = append(with, name)
			}
		}
		if len(with) != 1 {
			t.Errorf("%s: package comments in %v, want one", p.ImportPath, with)
		}
	}
}

func hasText(g *ast.CommentGroup) bool { return g != nil && strings.TrimSpace(g.Text()) != "" }

func TestTheScheduleIsPure(t *testing.T) {
	forbidden := map[string]bool{"os": true, "net": true, "sync": true, "context": true, "io": true, "math/rand": true, "math/rand/v2": true}
	for _, p := range packages(t) {
		if p.ImportPath != "earshot/node/schedule" {
			continue
		}
		for _, i := range p.Imports {
			if forbidden[i] {
				t.Errorf("node/schedule imports %s", i)
			}
		}
	}
}

// TestNothingIsDueByTheClockOnTheWall: that may be set at any moment. What waits,
// paces or expires while a node runs goes by the monotonic reading of time.Now,
// which the numbers of the wall's clock do not have.
func TestNothingIsDueByTheClockOnTheWall(t *testing.T) {
	for _, p := range packages(t) {
		switch _, name := floor(p.ImportPath); name {
		case "node/schedule", "node/stream", "node/player", "node/tracker", "node/origin", "node/swarm":
		default: // others compare times of files, which the wall's clock made
			continue
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				switch s.Sel.Name {
				case "Unix", "UnixMilli", "UnixMicro":
					t.Errorf("%v: %s tells the wall's time", set.Position(s.Pos()), s.Sel.Name)
				}
				return true
			})
		}
	}
}
