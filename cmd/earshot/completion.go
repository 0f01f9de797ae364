package main

import (
	_ "embed"

	"github.com/urfave/cli/v2"
)

// The scripts ask the program itself, so that they never grow old.
var (
	//go:embed completion.bash
	bashCompletion string
	//go:embed completion.zsh
	zshCompletion string
)

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print a script that makes a shell complete earshot's commands", ArgsUsage: "bash|zsh|fish", Category: "Shell and help",
		Description: "bash: source <(earshot completion bash)\nzsh: source <(earshot completion zsh)\nfish: earshot completion fish | source",
		BashComplete: func(*cli.Context) {
			for _, shell := range []string{"bash", "zsh", "fish"} {
				p.out.say("%s", shell)
			}
		},
		Action: func(c *cli.Context) error {
			script := ""
			switch shell := c.Args().First(); {
			case c.NArg() != 1:
				return usagef("completion: for which shell? bash, zsh or fish")
			case shell == "bash":
				script = bashCompletion
			case shell == "zsh":
				script = zshCompletion
			case shell == "fish":
				var err error
				if script, err = c.App.ToFishCompletion(); err != nil {
					return err
				}
			default:
				return usagef("completion: there is none for %q: want bash, zsh or fish", shell)
			}
			_, err := p.out.Write([]byte(script))
			return err
		},
	}
}
