package app_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// edit changes the database by hand, as somebody with its file can, whether a
// server runs on it or not.
func (r *rig) edit(statements ...string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(r.dir, app.DatabaseFile))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(r.t.Context(), s); err != nil {
			r.t.Fatal(err)
		}
	}
}

// restart stops the App and starts it on the same directory, with what happens
// in between.
func (r *rig) restart(between func()) {
	r.t.Helper()
	if err := r.shutdown(); err != nil {
		r.t.Fatal(err)
	}
	between()
	r.start(nil)
}

// The statements keep a row aside and put it back.
const (
	keepRows = "CREATE TABLE kept AS SELECT * FROM grants"
	putBack  = "INSERT OR REPLACE INTO grants SELECT * FROM kept"
	tidyUp   = "DROP TABLE kept"
)

// TestRevokedGrantPutBack: whoever puts the old row of a revoked grant back whole
// is noticed, and the shop is not served, before and after a restart, until an
// operator starts it.
func TestRevokedGrantPutBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	r.edit(keepRows)
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	last := r.lastSeq()
	r.restart(func() {
		if p := r.verify().Problems; len(p) != 0 {
			t.Errorf("problems before anything was put back: %v", p)
		}
		r.edit(putBack, tidyUp)
		r.wantProblem(audit.GrantDisagrees, g.ID)
	})
	for range 2 {
		if status, body := r.call(); status != http.StatusForbidden || !strings.Contains(body, "grant-revoked") {
			t.Errorf("call of the shop that was put back: %d %s, want 403", status, body)
		}
		if after := r.shopGrant(shopID); after.State != "revoked" || after.Cause != audit.GrantRowPutBack || after.Generation <= g.Generation+1 {
			t.Errorf("the grant is %+v", after)
		}
		if told := r.told(g.ID); told != 1 {
			t.Errorf("%d notices, want 1", told)
		}
		r.restart(func() {})
	}
	if n := strings.Count(r.logs.String(), "disagrees with the audit log"); n != 1 {
		t.Errorf("%d log lines name it, want 1", n)
	}
	if len(r.sim.LedgerSince(last)) != 0 {
		t.Error("WeChat was asked for the shop that was put back")
	}
	if p := r.verify().Problems; len(p) != 0 {
		t.Errorf("problems after the server ended it: %v", p)
	}
	r.ask("POST", "/v1/grants/"+g.ID+"/start", nil, nil)
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call after an operator started it: %d %s", status, body)
	}
}

// told counts the unsent notices about a grant that disagrees.
func (r *rig) told(grantID string) (n int) {
	r.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(r.dir, app.DatabaseFile))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	row := db.QueryRowContext(r.t.Context(), "SELECT count(*) FROM notices WHERE kind = 'audit.broken' AND subject = $1", "grant:"+grantID)
	if err := row.Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// TestGrantPutBackWhileTheServerRuns: the server goes on from the old row, and
// the log tells.
func TestGrantPutBackWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	r.edit(keepRows)
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	r.edit(putBack, tidyUp, "UPDATE grants SET access_expires = 1, due_at = 1")
	r.ask("POST", "/v1/grants/"+g.ID+"/kick", nil, nil)
	r.await("a renewal of the old row", func() bool { return r.shopGrant(shopID).Generation > g.Generation })
	r.wantProblem(audit.GrantDisagrees, g.ID)
	r.restart(func() {})
	if status, _ := r.call(); status != http.StatusForbidden {
		t.Errorf("call after the restart: %d, want 403", status)
	}
}

// TestStateOfARevokedGrantEdited: a revoked grant whose state alone is written
// over is not served after the next start.
func TestStateOfARevokedGrantEdited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	r.restart(func() { r.edit("UPDATE grants SET state = 'active', cause = '', due_at = 1") })
	if status, _ := r.call(); status != http.StatusForbidden {
		t.Errorf("call: %d, want 403", status)
	}
}

// TestOtherShopsAreServed: a grant that disagrees is no harm to others.
func TestOtherShopsAreServed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	r.apply(tea())
	other := r.shopGrant("tea")
	r.await("the other shop's token", func() bool { return r.shopGrant("tea").Generation > 0 })
	r.restart(func() { r.edit("UPDATE grants SET access = x'00' WHERE id = '" + other.ID + "'") })
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call of a shop that agrees: %d %s", status, body)
	}
	if g := r.shopGrant("tea"); g.State != "revoked" {
		t.Errorf("the other grant is %+v", g)
	}
}

// TestServerLooksAgain: a row that is put back under a running server is found
// without a restart, and what memory holds of it is dropped.
func TestServerLooksAgain(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	r.compareEvery = 20 * time.Millisecond
	r.start(nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	g := r.shopGrant(shopID)
	r.edit("UPDATE grants SET generation = 99 WHERE id = '" + g.ID + "'")
	r.await("the end of the grant", func() bool { return r.shopGrant(shopID).Cause == audit.GrantRowPutBack })
	r.await("refusals", func() bool { status, _ := r.call(); return status == http.StatusForbidden })
	if _, body := r.get(r.ops+"/readyz", ""); !strings.Contains(body, `"ready":true`) || strings.Contains(body, "compared") {
		t.Errorf("readyz: %s", body)
	}
}

// TestStartFromTheSummary: the next start reads the log from where the summary
// ends, which a clean stop writes; one that was changed is not believed.
func TestStartFromTheSummary(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	file := filepath.Join(r.dir, app.SummaryFile)
	r.restart(func() {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("summary: %v, %v", info, err)
		}
		r.edit("UPDATE grants SET generation = 99 WHERE id = '" + g.ID + "'")
	})
	if after := r.shopGrant(shopID); after.Cause != audit.GrantRowPutBack {
		t.Errorf("the grant is %+v", after)
	}
	if strings.Contains(r.logs.String(), "summary of grants is not used") {
		t.Error("the summary was not used")
	}
	r.restart(func() {
		if err := os.Truncate(file, 70); err != nil {
			t.Error(err)
		}
	})
	if n := strings.Count(r.logs.String(), "summary of grants is not used"); n != 1 {
		t.Errorf("%d log lines name the bad summary, want 1", n)
	}
}
