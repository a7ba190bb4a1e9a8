package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestOwnerSeesWhoHoldsTheToken: while it lives, and nobody else sees it.
func TestOwnerSeesWhoHoldsTheToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	revision, err := r.store.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	program := access.Client{ID: "oldshop-program", KeyHash: access.HashKey("zgc_EXPORTED"), Mode: access.Read, Shops: []string{"lantian"}, CreatedAt: epoch}
	if err := r.store.Declare(t.Context(), access.Declaration{Revision: revision, At: epoch, Clients: []access.Client{program}},
		audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}); err != nil {
		t.Fatal(err)
	}
	export := func(ends time.Time) {
		t.Helper()
		if err := r.store.RecordExport(t.Context(), access.Export{ClientID: program.ID, ShopID: "lantian", At: epoch, Ends: ends}, grant.Effects{At: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() bool {
		t.Helper()
		body := r.get("/shops/lantian", "en").Body.String()
		has := strings.Contains(body, word(t, "en", "console.exported"))
		if has != strings.Contains(body, program.ID) {
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
