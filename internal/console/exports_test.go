package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// exporter declares a program that may fetch tokens, and gives its id.
func (r *rig) exporter() string {
	r.t.Helper()
	revision, err := r.store.Revision(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	program := access.Client{ID: "oldshop-program", KeyHash: access.HashKey("zgc_EXPORTED"), Mode: access.Read, Shops: []string{"lantian"}, CreatedAt: epoch}
	if err := r.store.Declare(r.t.Context(), access.Declaration{Revision: revision, At: epoch, Clients: []access.Client{program}},
		audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}); err != nil {
		r.t.Fatal(err)
	}
	return program.ID
}

// export lets a program fetch the token of the first shop.
func (r *rig) export(program string, ends time.Time) {
	r.t.Helper()
	if err := r.store.RecordExport(r.t.Context(), access.Export{ClientID: program, ShopID: "lantian", At: epoch, Ends: ends}, grant.Effects{At: epoch}); err != nil {
		r.t.Fatal(err)
	}
}

// TestEndingAKeyNamesTheTokensThatLive: also when the button is pressed twice, until
// they end.
func TestEndingAKeyNamesTheTokensThatLive(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended, living := r.exporter(), "erp"
	r.export(ended, epoch) // over by now
	r.export(living, epoch.Add(90*time.Minute))
	r.asAdmin()
	for range 2 {
		rec := r.post("/admin/clients/"+living+"/revoke", nil)
		if body := rec.Body.String(); rec.Code != http.StatusOK || !strings.Contains(body, "erp 已不能") || !strings.Contains(body, "lantian") || !strings.Contains(body, "2026-03-01 21:30") {
			t.Errorf("%d\n%s", rec.Code, body)
		}
	}
	if rec := r.post("/admin/clients/"+ended+"/revoke", nil); rec.Code != http.StatusSeeOther {
		t.Errorf("with nothing left: %d\n%s", rec.Code, rec.Body)
	}
	if c, err := r.store.Client(t.Context(), living); err != nil || c.Live(epoch) {
		t.Errorf("the client lives (%v)", err)
	}
}

// TestOwnerSeesWhoHoldsTheToken: while it lives, and nobody else sees it.
func TestOwnerSeesWhoHoldsTheToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	program := r.exporter()
	export := func(ends time.Time) { r.export(program, ends) }
	shown := func() bool {
		t.Helper()
		body := r.get("/shops/lantian", "en").Body.String()
		has := strings.Contains(body, word(t, "en", "console.exported"))
		if has != strings.Contains(body, program) {
			t.Errorf("the card and the program do not go together:\n%s", body)
		}
		return has
	}
	export(epoch)
	if r.asPerson("小周", owner); shown() {
		t.Error("a token that ended is shown")
	}
	export(epoch.Add(time.Hour))
	if !shown() {
		t.Error("the owner does not see it")
	}
	if r.asPerson("小周", access.Member{PersonID: "p_0001", TenantID: "lantian", Role: access.Operator, Since: epoch}); shown() {
		t.Error("an operator sees it")
	}
	if r.asMarket(); shown() {
		t.Error("one from the market sees it")
	}
}
