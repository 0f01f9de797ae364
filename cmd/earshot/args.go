package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionFlag is what shells add to ask for completions; it is the last
// argument then.
const completionFlag = "--generate-bash-completion"

// flagsFirst puts a command's flags before its arguments, wherever they were
// given: package cli takes flags there only. Flags may come before the command,
// too. What follows "--" are arguments, whatever they look like.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 || args[len(args)-1] == completionFlag {
		return args
	}
	var path, flags, rest []string
	var early [][]string // flags before the command
	var command *cli.Command
	commands := app.Commands
	todo := args[1:]
	for len(todo) > 0 {
		arg := todo[0]
		todo = todo[1:]
		switch {
		case arg == "--":
			rest = append(rest, todo...)
			todo = nil
		case strings.HasPrefix(arg, "-") && arg != "-" && !isNegative(arg):
			flag := []string{arg}
			if takesValue(app, command, arg) && len(todo) > 0 {
				flag = append(flag, todo[0])
				todo = todo[1:]
			}
			if command == nil {
				early = append(early, flag)
			} else {
				flags = append(flags, flag...)
			}
		default:
			next := named(commands, arg)
			if len(rest) > 0 || next == nil {
				rest = append(rest, arg)
				commands = nil
				continue
			}
			path, command, commands = append(path, arg), next, next.Subcommands
		}
	}
	help := asksHelp(slices.Concat(append(early, flags)...))
	if command != nil && len(rest) == 0 && !help {
		if list := named(command.Subcommands, "list"); list != nil { // what it does by itself
			path, command = append(path, "list"), list
		}
	}
	out := []string{args[0]}
	for _, flag := range slices.Backward(early) {
		name, _, _ := strings.Cut(strings.TrimLeft(flag[0], "-"), "=")
		if command != nil && !valued(command.Flags, name) && valued(app.Flags, name) {
			out = append(out, flag...) // of earshot, and of no use to this command
		} else {
			flags = append(flag, flags...)
		}
	}
	out = append(out, path...)
	if len(rest) > 0 && (command == nil || len(command.Subcommands) > 0) {
		return append(append(out, rest...), flags...) // no command: that comes first
	}
	if command != nil && len(command.Subcommands) > 0 && !help {
		return out // which one is missing: its flags mean nothing yet
	}
	out = append(out, flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out
}

func asksHelp(flags []string) bool {
	return slices.Contains(flags, "--help") || slices.Contains(flags, "-h")
}

// isNegative reports whether an argument is a number below zero, as in `seek -10`.
func isNegative(arg string) bool { return len(arg) > 1 && arg[1] >= '0' && arg[1] <= '9' }

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue reports whether the argument after a flag is its value: the flag of
// the command, or of any where the command is not known yet.
func takesValue(app *cli.App, command *cli.Command, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	name := strings.TrimLeft(arg, "-")
	if command == nil {
		return anyValued(app.Commands, name)
	}
	return valued(command.Flags, name) || anyValued(command.Subcommands, name)
}

func anyValued(commands []*cli.Command, name string) bool {
	for _, c := range commands {
		if valued(c.Flags, name) || anyValued(c.Subcommands, name) {
			return true
		}
	}
	return false
}

func valued(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				d, ok := f.(cli.DocGenerationFlag)
				return ok && d.TakesValue()
			}
		}
	}
	return false
}
