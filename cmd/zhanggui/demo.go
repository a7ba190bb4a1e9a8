package main

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/demo"
)

// demoCmd plays the story.
type demoCmd struct {
	Once bool   `help:"Walk the whole story by itself, one line a step, and stop at the first that fails."`
	JSON bool   `help:"With --once: print JSON lines for programs."`
	Keep string `help:"Leave database, logs and the emulator's ledger in this new directory." type:"path"`
}

// Help shows examples.
func (demoCmd) Help() string {
	return `Emulator, server and a demo shop on loopback, one movable clock for all. Nothing to configure, nothing is kept unless --keep says where.

Examples:
  zhanggui demo
  zhanggui demo --once
  zhanggui demo --once --keep /tmp/story`
}

// Run implements the command.
func (d demoCmd) Run(ctx context.Context, c console) error {
	o := demo.Options{Out: c.out, Keep: d.Keep, Version: version, JSON: d.JSON}
	if d.Once {
		return demo.Once(ctx, o)
	}
	if d.JSON {
		return &usageError{"--json goes with --once"}
	}
	return demo.Serve(ctx, o)
}
