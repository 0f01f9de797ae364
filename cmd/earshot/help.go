package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpCommand is package cli's, but for what it says of a command that does not exist.
func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "tell of all commands, or of one", ArgsUsage: "[COMMAND]", Category: "Shell and help",
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return cli.ShowAppHelp(c)
			}
			about := cli.NewContext(c.App, nil, c)
			about.Command = &cli.Command{Subcommands: c.App.Commands}
			names := c.Args().Slice()
			for i, name := range names { // down to the one before the last
				command := named(about.Command.Subcommands, name)
				if command == nil {
					return noSuchCommand(names[:i], name, about.Command.Subcommands)
				}
				if i == len(names)-1 {
					command.HelpName = strings.Join(append([]string{c.App.Name}, names...), " ")
					return cli.ShowCommandHelp(about, name)
				}
				about.Command = command
			}
			return nil
		},
	}
}

// withoutCategory takes out what package cli tells of a command's category in its help:
// it is of use in the list of all commands only.
func withoutCategory(template string) string {
	before, rest, found := strings.Cut(template, "{{if .Category}}")
	_, after, ended := strings.Cut(rest, "{{end}}")
	if !found || !ended {
		return template
	}
	return before + after
}

// tidy makes a command's help say what matters.
func tidy(c *cli.Command) {
	template := cli.CommandHelpTemplate
	if len(c.Subcommands) > 0 {
		template = cli.SubcommandHelpTemplate
	}
	c.CustomHelpTemplate = withoutCategory(template)
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true // who does not give it knows
		}
	}
}

// noSuchCommand says that there is none of a name, and which may have been meant.
func noSuchCommand(path []string, name string, commands []*cli.Command) error {
	text := fmt.Sprintf("there is no command %q: ", strings.Join(append(path[:len(path):len(path)], name), " "))
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Names()...)
		}
	}
	program := strings.Join(append([]string{"earshot"}, path...), " ")
	if near := nearest(name, names); near != "" {
		return usagef("%sdid you mean %q?", text, near)
	}
	if len(path) == 0 && (name == "version" || name == "h") { // flags of most programs, and commands of some
		return usagef("%sdid you mean --%s?", text, map[string]string{"version": "version", "h": "help"}[name])
	}
	return usagef("%ssee `%s --help`", text, program)
}

// noSuchFlag does so for a flag.
func noSuchFlag(name string, flags []cli.Flag) error {
	var names []string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		names = append(names, f.Names()...)
	}
	if near := nearest(name, names); near != "" {
		return usagef("there is no flag --%s: did you mean --%s?", name, near)
	}
	return usagef("there is no flag --%s: see --help", name)
}

var wantKinds = map[reflect.Type]string{
	reflect.TypeFor[*cli.IntFlag]():      "a whole number",
	reflect.TypeFor[*cli.Uint64Flag]():   "a whole number",
	reflect.TypeFor[*cli.DurationFlag](): "a time as 4s, 1m30s or 24h",
	reflect.TypeFor[*cli.BoolFlag]():     "true or false, or nothing",
}

// wrongUsage is run where flags make no sense.
func wrongUsage(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return noSuchFlag(strings.TrimLeft(name, "-"), c.Command.Flags)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return usagef("--%s: which? It needs a value: see --help", strings.TrimLeft(name, "-"))
	}
	badValue := regexp.MustCompile(`^invalid (?:boolean )?value "(.*)" for(?: flag)? -+([^:]*): `)
	if m := badValue.FindStringSubmatch(text); m != nil {
		for _, f := range c.Command.Flags {
			if want := wantKinds[reflect.TypeOf(f)]; want != "" && f.Names()[0] == m[2] {
				return usagef("--%s %s: want %s", m[2], m[1], want)
			}
		}
	}
	return usagef("%s: see --help", text)
}

// nearest returns that of some names which a slip of the fingers makes the one given of:
// a letter in three is wrong at the most. Empty: there is none.
func nearest(name string, names []string) (near string) {
	least := max(1, len(name)/3) + 1
	for _, n := range names {
		if d := slips(name, n); d < least && len(n) > 1 {
			near, least = n, d
		}
	}
	return near
}

// slips counts the letters that were left out, typed too much, mistaken, or typed in the
// wrong order (optimal string alignment: Damerau, CACM 7(3), 1964).
func slips(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// folding is the screen for package cli's help: its lines are folded to the screen's
// width, and go on below their last column.
type folding struct {
	to   *screen
	line strings.Builder
}

func (f *folding) Write(b []byte) (int, error) {
	for _, c := range b {
		f.line.WriteByte(c)
		if c == '\n' {
			f.flush()
		}
	}
	return len(b), nil
}

func (f *folding) flush() {
	text := f.line.String()
	f.line.Reset()
	if text != "" {
		_, _ = f.to.Write([]byte(fold(text, f.to.width()-1)))
	}
}

// fold folds a line of a table at its words; a width of 0 or less is any.
func fold(line string, width int) string {
	if width <= 0 || textWidth(line) <= width {
		return line
	}
	line = strings.TrimRight(line, "\n")
	text := strings.TrimLeft(line, " ")
	indent := min(len(line)-len(text), width/2)
	what := strings.Repeat(" ", indent)
	if key, rest, ok := strings.Cut(text, "  "); ok { // what is said of it begins in a column
		text = strings.TrimLeft(rest, " ")
		at := len(line) - len(text)
		what += key
		if at <= width/2 {
			what, indent = what+strings.Repeat(" ", at-textWidth(what)), at
		} else { // there is no room beside it
			indent = min(indent+4, width/2)
			what += "\n" + strings.Repeat(" ", indent)
		}
	}
	text, _ = foldFrom(text, indent, indent, width)
	return what + text + "\n"
}

// foldFrom folds text that begins at a column, and returns the column behind it.
func foldFrom(text string, column, indent, width int) (string, int) {
	if width <= 0 || column+textWidth(text) <= width {
		return text, column + textWidth(text)
	}
	indent = min(indent, width/2)
	var b strings.Builder
	space := 0 // before the next word
	for _, word := range strings.SplitAfter(text, " ") {
		letters := strings.TrimRight(word, " ")
		w := textWidth(letters)
		switch {
		case w == 0:
		case column+space+w > width && column > indent:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteString(strings.Repeat(" ", space))
			column += space
		}
		if w > 0 {
			space = 0
		}
		b.WriteString(letters)
		column += w
		space += len(word) - len(letters)
	}
	b.WriteString(strings.Repeat(" ", space))
	return b.String(), column + space
}
