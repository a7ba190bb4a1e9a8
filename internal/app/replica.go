package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// replica is what an App has besides when it shares its database with others:
// the feed of what they change, a file that stands by, and a way to begin without
// the database. On SQLite there is none of it, and replica is nil.
type replica struct {
	a     *App
	reads *standby.Reads
	file  *standby.File // nil: standby is switched off
	copy  *standby.Copy // nil: there is no file, or it was not connected to the feed yet
	name  string        // of the database, see databaseName
	state standby.State // of the file at a start without the database
	feed  *feed.Feed    // set before whole is closed
	whole chan struct{} // closed when the database was opened
	spool atomic.Bool   // there may be something in the spool
	began bool          // the feed told its beginning; used by the feed alone
}

// databaseName tells databases apart in standby.db: where the server is and what
// the database is called, without user, password and the ways there.
func databaseName(u secret.Value) string {
	p, err := url.Parse(u.RevealString())
	if err != nil {
		return "" // the configuration does not let this pass
	}
	sum := sha256.Sum256([]byte(p.Host + "\n" + p.Path + "\n" + p.Query().Get("host") + "\n" + p.Query().Get("port") + "\n" + p.Query().Get("dbname")))
	return hex.EncodeToString(sum[:16])
}

// lockData keeps a second replica out of this one's data directory, where it
// would take over the admin socket. On SQLite the database's own lock does.
func lockData(dir string) (unlock func() error, err error) {
	unlock, err = sqlite.Lock(filepath.Join(dir, standby.FileName))
	if errors.Is(err, sqlite.ErrLocked) {
		err = fmt.Errorf("data directory %s: another server uses it; give each replica a directory of its own with --data: %w", dir, err)
	}
	return unlock, err
}

// openShared opens a shared store, or begins without it.
func (a *App) openShared(ctx context.Context) (err error) {
	r := &replica{a: a, name: databaseName(a.o.Config.Database), whole: make(chan struct{})}
	unlock, err := lockData(a.o.Config.Data)
	if err != nil {
		return err
	}
	db, err := postgres.Later(a.o.Config.Database, postgres.Options{Logger: a.o.Log})
	if err != nil {
		return errors.Join(err, unlock())
	}
	a.store = &store{database: database{Store: db.Store, postgres: db}, replica: r, unlock: unlock}
	a.replica = r
	err = db.Ready(ctx)
	switch {
	case err == nil:
		err = r.openWhole(ctx)
	case postgres.Unreachable(err) && a.o.Config.Standby:
		err = r.openAlone(ctx, err)
	}
	if err != nil {
		return errors.Join(err, r.close(), a.store.Close())
	}
	return nil
}

// openWhole opens what an App needs when the database answers.
func (r *replica) openWhole(ctx context.Context) (err error) {
	a := r.a
	if err := a.shareClock(ctx); err != nil {
		return err
	}
	if err := a.openKeys(ctx); err != nil {
		return err
	}
	if a.o.Config.Standby {
		r.file, err = standby.OpenOrBegin(ctx, r.path(), a.o.Log)
		if err != nil {
			return err
		}
		r.file.Unlock(a.vault)
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	close(r.whole)
	return nil
}

func (r *replica) path() string { return filepath.Join(r.a.o.Config.Data, standby.FileName) }

// follow makes the feed and, if there is a file, the copy that listens to it.
func (r *replica) follow(ctx context.Context) error {
	a := r.a
	var from *feed.Position
	if r.file != nil {
		n, err := r.file.Spooled(ctx)
		if err != nil {
			return err
		}
		r.spool.Store(n > 0)
		r.copy, from, err = standby.NewCopy(ctx, standby.CopyOptions{File: r.file, Source: a.store.database, Database: r.name, Now: a.o.Now, Log: a.o.Log})
		if err != nil {
			return err
		}
	}
	r.feed = feed.New(feed.Options{Log: a.store.database, Listener: r, Now: a.o.Now, Logger: a.o.Log, From: from})
	if r.reads == nil {
		r.reads = r.newReads()
	}
	return nil
}

func (r *replica) newReads() *standby.Reads {
	return standby.NewReads(standby.ReadsOptions{Main: r.a.store.database, File: r.file, State: r.fileState, Database: r.name, Now: r.a.o.Now, Log: r.a.o.Log})
}

// fileState says what the file may be used for.
func (r *replica) fileState() (standby.State, error) {
	if r.isWhole() {
		return r.copy.State()
	}
	return r.state, nil
}

// StandbyState gives what standby.db says of itself; an error when there is none,
// or it cannot be written.
func (a *App) StandbyState() (standby.State, error) {
	if a.replica == nil || a.replica.file == nil {
		return standby.State{}, standby.ErrMissing
	}
	return a.replica.fileState()
}

// isWhole tells whether the database was opened.
func (r *replica) isWhole() bool {
	select {
	case <-r.whole:
		return true
	default:
		return false
	}
}

// openAlone begins with the file alone; why says what is wrong with the database.
// The App serves calls, and refuses in words whatever needs the database.
func (r *replica) openAlone(ctx context.Context, why error) (err error) {
	a := r.a
	defer func() {
		if err != nil {
			err = fmt.Errorf("the database does not answer, and there is nothing to begin with instead: %w", errors.Join(why, err))
		}
	}()
	if r.file, err = standby.Open(ctx, r.path(), true); err != nil {
		return err
	}
	wrapped, ok, err := r.file.Keyset(ctx)
	if err == nil && !ok {
		err = standby.ErrMissing
	}
	if err != nil {
		return err
	}
	if a.vault, err = unwrapVault(ctx, wrapped, a.masterKey(ctx)); err != nil {
		return err
	}
	r.file.Unlock(a.vault)
	if r.state, err = r.file.Usable(ctx, r.name, a.o.Now()); err != nil {
		return err
	}
	r.reads = r.newReads()
	r.reads.Down(ctx, why)
	a.o.Log.WarnContext(ctx, "the database does not answer: this server begins with standby.db alone, serves calls, and opens the database when it answers",
		"until", r.state.Contact.Add(standby.Grace).UTC(), "error", why)
	return nil
}

// Changed implements feed.Listener: what memory holds of the rows is forgotten
// first, then the file takes note.
func (r *replica) Changed(ctx context.Context, c feed.Change) error {
	a := r.a
	if c.Keyset {
		if err := r.reloadKeys(ctx); err != nil {
			return err
		}
	}
	if c.All {
		a.sessions.Forget(audit.Everybody)
	}
	if c.All && r.began {
		if err := r.forgetAll(ctx); err != nil {
			return err
		}
	}
	r.began = true
	a.sessions.Forget(c.People...)
	for _, id := range c.Grants {
		a.keeper.Forget(id)
	}
	for id, generation := range c.Renewed {
		a.keeper.Changed(id, generation)
	}
	for _, id := range c.Shops {
		a.keeper.ForgetShop(id) // another grant may serve it now
	}
	if c.Directory() || c.All {
		a.pushes.Forget()
		a.gateway.Forget()
		a.own.Forget()
		a.relay.Forget()
		a.dropin.Forget()
	}
	if r.copy == nil {
		return nil
	}
	return r.copy.Changed(ctx, c)
}

// forgetAll drops every token from memory: the log is not the one that was
// followed, as after a failover that lost commits.
func (r *replica) forgetAll(ctx context.Context) error {
	for after := ""; ; {
		page, err := r.a.store.GrantsAfter(ctx, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, g := range page {
			r.a.keeper.Forget(g.ID)
		}
		after = page[len(page)-1].ID
	}
}

// withdraw takes what was just ended in the database out of the file that stands
// by: the database may go away before the feed tells of it.
func (r *replica) withdraw(ctx context.Context, c feed.Change) {
	if r == nil || !r.isWhole() || r.copy == nil {
		return
	}
	r.copy.Withdraw(context.WithoutCancel(ctx), c)
}

// Current implements feed.Listener: the database answers. What was kept here for
// it goes in before anything is asked of it again.
func (r *replica) Current(ctx context.Context, at time.Time) {
	if r.spool.Load() {
		r.replay(ctx)
	}
	r.reads.Up(ctx)
	r.a.sessions.Current(at)
	if r.copy != nil {
		r.copy.Current(ctx, at)
	}
}

// Lost implements feed.Listener.
func (r *replica) Lost(ctx context.Context, err error) {
	r.reads.Down(ctx, err)
	r.a.sessions.Lost()
}

// Spool implements keeper.Spool.
func (r *replica) Spool(ctx context.Context, e grant.Effects) error {
	r.spool.Store(true)
	return r.file.Spool(ctx, e)
}

// replayTimeout bounds one replay: the feed waits for it.
const replayTimeout = 5 * time.Second

func (r *replica) replay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	defer cancel()
	// The flag falls before the spool is read: what is spooled meanwhile raises
	// it again.
	r.spool.Store(false)
	_, err := r.file.Replay(ctx, standby.ReplayOptions{Store: r.a.store.database, Owner: r.a.spooler, Lease: r.a.lease, Now: r.a.o.Now, Log: r.a.o.Log, Dropped: r.a.keeper.Forget})
	if err != nil {
		r.a.o.Log.WarnContext(ctx, "what standby.db keeps for the database did not go in yet; it is tried again", "error", err)
	}
	if n, countErr := r.file.Spooled(ctx); err != nil || countErr != nil || n > 0 {
		r.spool.Store(true)
	}
}

// close closes the file.
func (r *replica) close() error {
	if r == nil || r.file == nil {
		return nil
	}
	return r.file.Close()
}
