package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// verify runs the offline check.
func (r *rig) verify() audit.Report {
	r.t.Helper()
	report, err := app.VerifyAudit(r.t.Context(), app.AuditFiles{Data: r.dir})
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// wantProblem wants one kind of problem only.
func (r *rig) wantProblem(kind audit.Kind, naming string) {
	r.t.Helper()
	p := r.verify().Problems
	if len(p) != 1 || p[0].Kind != kind || p[0].Remedy == "" || !strings.Contains(p[0].Text, naming) {
		r.t.Errorf("verify finds %v, want %s of %s", p, kind, naming)
	}
}

// TestHeadRowChanged: verify finds it, and a server says what to do instead of
// dying later.
func TestHeadRowChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	r.edit("UPDATE audit_head SET size = 1")
	r.wantProblem(audit.TipDisagrees, "1 entries")
	if err := r.tryStart(nil); err == nil || !strings.Contains(err.Error(), "audit verify") || !strings.Contains(err.Error(), "backup") {
		t.Errorf("start: %v, want words that say what to do", err)
	}
}

// TestRowsByHand: verify names the grant of each row that is not the log's.
func TestRowsByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	if report := r.verify(); !report.OK() || report.Grants != 1 {
		t.Fatalf("before: %+v", report)
	}
	r.edit("PRAGMA foreign_keys = 0", "UPDATE grants SET id = 'g_byhand'")
	var kinds []audit.Kind
	for _, p := range r.verify().Problems {
		kinds = append(kinds, p.Kind)
	}
	slices.Sort(kinds) // they are found in the order of the grants' random ids
	if !slices.Equal(kinds, []audit.Kind{audit.GrantGone, audit.GrantUnknown}) {
		t.Errorf("verify finds %v, want the unknown and the gone", kinds)
	}
	r.edit("UPDATE grants SET id = '" + g.ID + "', access = zeroblob(40)")
	r.wantProblem(audit.GrantDisagrees, g.ID)
}

// TestVerifyBesideAServer: what a running server writes and signs meanwhile is no
// damage.
func TestVerifyBesideAServer(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	ctx, stop := context.WithCancel(t.Context())
	found := make(chan error, 1)
	go func() { found <- verifyUntil(ctx, r.dir) }()
	for range 40 {
		r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
		r.ask("POST", "/v1/grants/"+g.ID+"/start", nil, nil)
		if err := r.app.SignHead(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-found; err != nil {
		t.Error(err)
	}
}

// verifyUntil verifies again and again, at least once, and gives the first
// problem.
func verifyUntil(ctx context.Context, dir string) error {
	for {
		report, err := app.VerifyAudit(context.WithoutCancel(ctx), app.AuditFiles{Data: dir})
		if err != nil {
			return err
		}
		if p, bad := report.First(); bad {
			return errors.New(p.String())
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}
