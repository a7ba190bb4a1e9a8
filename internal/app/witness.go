package app

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/retain"
	"github.com/zhanggui/zhanggui/internal/witness"
)

// ArchiveDir is where entries go that are older than audit.retention, inside the
// data directory, if the configuration names no other.
const ArchiveDir = "audit-archive"

// checkpointPlace makes a destination when the public key is known: without the
// database at the start it is not yet.
type checkpointPlace func(v note.Verifier) witness.Destination

// connectWitness makes the places that signed heads go to, and what takes those of
// other servers.
func (a *App) connectWitness() error {
	c := a.o.Config.Audit
	for i, p := range c.Checkpoints {
		place, err := a.place(p)
		if err != nil {
			return fmt.Errorf("audit.checkpoints[%d]: %w", i, err)
		}
		a.places = append(a.places, place)
	}
	logs := map[string]note.Verifier{}
	for _, w := range c.WitnessFor {
		logs[w.Name] = w.Verifier()
	}
	a.witness = witness.New(a.store, logs, a.o.Now)
	return nil
}

func (a *App) place(p config.Checkpoint) (checkpointPlace, error) {
	d := witness.Destination{Every: cmp.Or(p.Every, config.DefaultEvery)}
	switch {
	case p.File != "":
		return func(v note.Verifier) witness.Destination {
			d.Place, d.Own = witness.File(p.File, v), true
			return d
		}, nil
	case !p.URL.IsZero():
		hook, err := witness.Hook(witness.HookOptions{URL: p.URL.URL(), Secret: p.Secret.Value(), Transport: a.hook(p.AllowPrivate), Now: a.o.Now})
		d.Place = hook
		return func(note.Verifier) witness.Destination { return d }, err
	}
	way := a.hook(p.AllowPrivate)
	return func(v note.Verifier) witness.Destination {
		d.Place = witness.Server(p.Witness.URL(), way, v)
		return d
	}, nil
}

// keepLog takes signed heads to other places and old entries to archives, until ctx
// ends.
func (a *App) keepLog(ctx context.Context, wg *sync.WaitGroup) {
	c, sender := a.o.Config, a.sender()
	wg.Go(func() { sender.Run(ctx) })
	thinner := retain.Thinner{Store: a.store, Now: a.o.Now, Log: a.o.Log}
	wg.Go(func() { thinner.Run(ctx) })
	if c.Audit.Retention == 0 {
		if err := retain.Retire(ctx, a.store, a.o.Now()); err != nil && ctx.Err() == nil {
			a.o.Log.Warn("what was told of archives that nobody asks for any more was not ended; the next start does", "error", err)
		}
		return
	}
	archiver := retain.New(retain.Options{
		Store: a.store, Signer: a.heads.signer, Dir: cmp.Or(c.Audit.Archive, filepath.Join(c.Data, ArchiveDir)),
		Keep: max(c.Audit.Retention, retain.Least), Now: a.o.Now, Log: a.o.Log,
	})
	wg.Go(func() { archiver.Run(ctx) })
}

// sender makes what takes heads to other places. The signing key must be open.
func (a *App) sender() *witness.Sender {
	var all []witness.Destination
	for _, place := range a.places {
		all = append(all, place(a.heads.signer.Verifier()))
	}
	name := "one"
	if abs, err := filepath.Abs(a.o.Config.Data); a.replica != nil && err == nil {
		name = abs
	}
	return witness.NewSender(witness.SendOptions{Log: a.store, Memory: a.store, Destinations: all, Replica: name, Now: a.o.Now, Logger: a.o.Log})
}

// SendHeads takes the newest signed head to every other place that is due.
func (a *App) SendHeads(ctx context.Context) error { return a.sender().DeliverDue(ctx) }

// auditProofs is what the REST interface proves with.
func (a *App) auditProofs() adminapi.AuditProofs { return a.store }

// olderHead is where that finds heads that the database keeps no more.
func (a *App) olderHead(size int64) (audit.Checkpoint, bool, error) { return a.heads.older(size) }
