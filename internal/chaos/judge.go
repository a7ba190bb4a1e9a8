package chaos

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/balance"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// keyring opens what the database keeps, past the program.
func (r *run) keyring(ctx context.Context) (*vault.Vault, error) {
	wrapped, err := r.witness.keyset(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	kek, err := vault.FileKEK(filepath.Join(r.replicas[0].spec.Data, app.MasterKeyFile), false)
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, kek, wrapped)
}

// well tells whether everything is as it should be: all replicas are ready, and
// every grant keeps what the emulator honours, and none waits in its retry plan:
// tokens here live so short that one may end before the next try.
func (r *run) well(ctx context.Context) (bool, error) {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for _, x := range r.replicas {
		if !x.ready(ctx, client) {
			return false, nil
		}
	}
	rows, err := r.witness.rows(ctx)
	if err != nil {
		return false, err
	}
	v, err := r.keyring(ctx)
	if err != nil {
		return false, err
	}
	for _, g := range rows {
		if g.State != "active" || g.Settled != g.Term || g.Attempt > 0 || r.unfit(v, g, false) != "" {
			return false, nil
		}
	}
	return len(rows) == r.Shops+r.People, nil
}

// unfit says why the emulator does not honour what a grant keeps; empty if it
// does. With renew it also uses a person's refresh token.
func (r *run) unfit(v *vault.Vault, g row, renew bool) string {
	if g.Generation == 0 {
		return "it never had a token"
	}
	access, err := v.Open(g.Access, vault.GrantAccess(g.ID, g.Kind, g.Generation))
	if err != nil {
		return "access token: " + err.Error()
	}
	if g.Kind != "user" {
		err = r.emulator.honours(access.RevealString())
	} else {
		refresh, openErr := v.Open(g.Refresh, vault.GrantRefresh(g.ID, g.Kind, g.Generation))
		if openErr != nil {
			return "refresh token: " + openErr.Error()
		}
		err = r.emulator.honoursUser(g.AppID, g.OpenID, access.RevealString(), refresh.RevealString(), renew)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// history gathers everything that was seen. Replicas end in good order first, so
// that no refresh is under way.
func (r *run) history(ctx context.Context) (balance.History, error) {
	r.emulator.stop()
	var ending sync.WaitGroup
	for _, x := range r.replicas {
		ending.Go(x.end)
	}
	ending.Wait()
	h := balance.History{Life: r.Life, Lease: r.Times.Lease, Timed: !r.SQLite, Calm: r.calm, Calls: r.callers.made(), Blind: r.breaker.blind, Problems: r.problems}
	var err error
	if h.Changes, err = r.witness.changes(ctx); err != nil {
		return h, err
	}
	if h.Unknown, err = r.witness.unknown(ctx); err != nil {
		return h, err
	}
	for _, x := range r.replicas {
		if h.Spooled, err = x.spooled(h.Spooled); err != nil {
			return h, err
		}
	}
	rows, err := r.witness.rows(ctx)
	if err != nil {
		return h, err
	}
	v, err := r.keyring(ctx)
	if err != nil {
		return h, err
	}
	whole, err := r.whole(ctx)
	if err != nil {
		return h, err
	}
	h.Problems = append(h.Problems, whole...)
	requests, uses := r.emulator.seen()
	if seen := len(r.emulator.sim.Ledger(stablePath, refreshPath)); seen != len(requests) {
		h.Problems = append(h.Problems, fmt.Sprintf("the emulator's ledger has %d token requests, its listeners noted %d", seen, len(requests)))
	}
	h.Uses = uses
	names := map[string]string{}
	for _, g := range rows {
		names[g.AppID+"/"+g.OpenID] = g.ID
		h.Kept = append(h.Kept, balance.Kept{Grant: g.ID, State: g.State, Cause: g.Cause, Trouble: r.unfit(v, g, true)})
	}
	r.rename(&h, requests, names)
	return h, nil
}

// whole asks the other checkers: that of the store's invariants, and that of the
// audit log with the heads that each replica signed.
func (r *run) whole(ctx context.Context) (problems []string, err error) {
	problems, err = r.base.problems(ctx)
	for _, x := range r.replicas {
		report, err := app.VerifyAudit(ctx, app.AuditFiles{Data: x.spec.Data, Database: r.base.url()})
		if err != nil {
			return nil, fmt.Errorf("verify the audit log of replica %d: %w", x.spec.Index, err)
		}
		if first, bad := report.First(); bad {
			problems = append(problems, fmt.Sprintf("audit log, as replica %d signed it: %s", x.spec.Index, first))
		}
	}
	return problems, err
}

// rename has everything speak of grants by their ids.
func (r *run) rename(h *balance.History, requests []asked, names map[string]string) {
	grant := func(appID, openID string) string {
		if id, ok := names[appID+"/"+openID]; ok {
			return id
		}
		return appID + "/" + openID
	}
	for _, x := range requests {
		x.Request.Grant = grant(x.AppID, x.OpenID)
		h.Requests = append(h.Requests, x.Request)
	}
	for _, d := range r.breaker.deaths {
		d.Grant = grant(d.Grant, "")
		h.Deaths = append(h.Deaths, d)
	}
	for i := range h.Calls {
		h.Calls[i].Grant = grant(h.Calls[i].Grant, "")
	}
}
