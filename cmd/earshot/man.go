package main

import "github.com/urfave/cli/v2"

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print the man page: earshot man | man -l -", Category: "Shell and help",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			page, err := c.App.ToManWithSection(1)
			if err != nil {
				return err
			}
			_, err = p.out.Write([]byte(page))
			return err
		},
	}
}
