package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print the man page: earshot man | man -l -", Category: "Shell and help",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, err := p.out.Write([]byte(manPage(c.App)))
			return err
		},
	}
}

// manPage is all that --help tells, in the language of man(7).
func manPage(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH EARSHOT 1 \"\" \"earshot %s\" \"\"\n", roff(app.Version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(app.Name), roff(app.Usage))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n[\\fIFLAGS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n%s", roff(app.Name), paragraphs(app.Description))
	manFlags(&b, app.VisibleFlags())
	for _, category := range app.VisibleCategories() {
		if category.Name() != "" {
			fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(category.Name())))
		}
		for _, c := range category.VisibleCommands() {
			manCommand(&b, app.Name+" "+c.Name, c)
		}
	}
	return b.String()
}

// manCommand tells of a command and those below it.
func manCommand(b *strings.Builder, name string, c *cli.Command) {
	fmt.Fprintf(b, ".SS \"%s\"\n%s\n", roff(strings.TrimSpace(name+" "+c.ArgsUsage)), roff(c.Usage))
	if c.Description != "" {
		b.WriteString(".PP\n" + paragraphs(c.Description))
	}
	manFlags(b, c.VisibleFlags())
	for _, s := range c.Subcommands {
		if !s.Hidden {
			manCommand(b, name+" "+s.Name, s)
		}
	}
}

func manFlags(b *strings.Builder, flags []cli.Flag) {
	for _, f := range flags {
		name, text, _ := strings.Cut(f.String(), "\t") // as --help has it
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", roff(strings.TrimSpace(name)), roff(strings.TrimSpace(text)))
	}
}

// paragraphs keeps the lines of a text, and what is apart.
func paragraphs(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		lines := strings.Split(part, "\n")
		for i := range lines {
			lines[i] = roff(lines[i])
		}
		b.WriteString(strings.Join(lines, "\n.br\n") + "\n")
	}
	return b.String()
}

// roff keeps text from being taken for a request or an escape, and its hyphens for
// those of a flag that someone copies.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
