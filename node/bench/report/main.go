// Report makes a table (Markdown and JSON) and plots (SVG) of the figures in a
// folder, which tests have recorded there, and fails where a goal is missed by
// more than a tenth: what make bench ends with.
//
//	report bench-results
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"earshot/node/bench"
)

// recorded is the file in the folder that tests append to.
const recorded = "figures.jsonl"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: report DIR")
		os.Exit(2)
	}
	met, all, err := report(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	fmt.Printf("%d of %d goals reached; table and plots are in %s\n", met, all, os.Args[1])
	if met < all {
		os.Exit(1)
	}
}

func report(dir string) (met, all int, err error) {
	f, err := os.Open(filepath.Join(dir, recorded))
	if err != nil {
		return 0, 0, fmt.Errorf("no figures are recorded: %w", err)
	}
	defer f.Close()
	figures, err := bench.Read(f)
	if err != nil {
		return 0, 0, err
	}
	for name, write := range map[string]func(to io.Writer, figures []bench.Figure) error{
		"figures.md":   bench.WriteMarkdown,
		"figures.json": writeJSON,
		"goals.svg":    bench.PlotGoals,
		"latency.svg":  bench.PlotSamples,
		"cost.svg":     bench.PlotSizes,
	} {
		out, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return 0, 0, err
		}
		if err := errors.Join(write(out, figures), out.Close()); err != nil {
			return 0, 0, err
		}
	}
	met, all = bench.Met(figures)
	return met, all, nil
}

func writeJSON(to io.Writer, figures []bench.Figure) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(figures)
}
