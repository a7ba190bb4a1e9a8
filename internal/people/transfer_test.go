package people_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/people"
)

// waiting gives the transfer that waits in the first tenant.
func (r *rig) waiting() access.Transfer {
	r.t.Helper()
	all, err := r.store.Transfers(r.t.Context(), "lantian")
	r.must(err)
	i := slices.IndexFunc(all, func(t access.Transfer) bool { return t.Open(r.now) })
	if i < 0 {
		r.t.Fatalf("no transfer waits: %+v", all)
	}
	return all[i]
}

// Both sides say yes, each with WeChat's word.
func TestTransfer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_next", "小李", "", access.Viewer)
	r.join("p_else", "小王", "lantian", access.Operator)
	r.as("p_boss")
	contains(t, r.get("/shops/lantian/people/p_next?at=tenant"), "/shops/lantian/people/p_next/offer")
	r.posts(http.StatusSeeOther, "/shops/lantian/people/p_next/offer", url.Values{"at": {"tenant"}})
	r.posts(http.StatusConflict, "/shops/lantian/people/p_else/offer", url.Values{"at": {"shop"}}) // the tenant, to somebody of the shop
	if r.role("p_next") != access.Viewer {
		t.Fatal("an offer changed a role")
	}
	id := r.waiting().ID
	contains(t, r.get("/shops/lantian"), "小李", "/transfers/"+id+"/stop")
	lacks(t, r.get("/shops/lantian"), "/transfers/"+id+"/accept")
	for _, who := range []string{"p_boss", "p_else"} {
		r.as(who).posts(http.StatusNotFound, "/shops/lantian/transfers/"+id+"/accept", nil)
	}
	lacks(t, r.as("p_else").get("/shops/lantian"), id)
	r.posts(http.StatusNotFound, "/shops/lantian/transfers/"+id+"/stop", nil)
	r.as("p_next").old = true
	r.posts(http.StatusForbidden, "/shops/lantian/transfers/"+id+"/accept", nil)
	r.as("p_next")
	contains(t, r.get("/shops/lantian"), "小周", "/transfers/"+id+"/accept", "/transfers/"+id+"/stop")
	r.posts(http.StatusSeeOther, "/shops/lantian/transfers/"+id+"/accept", nil)
	if r.role("p_next") != access.Owner || r.role("p_boss") != access.Operator {
		t.Errorf("roles %s and %s", r.role("p_next"), r.role("p_boss"))
	}
	if !slices.Contains(r.kinds(), notice.NewOwner) || len(r.entries(grant.TransferDoneAction)) != 1 {
		t.Error("nobody was told, or nothing recorded")
	}
	r.posts(http.StatusNotFound, "/shops/lantian/transfers/"+id+"/accept", nil)
}

// Whoever is asked may refuse, who asked may take it back, and a day is enough.
func TestTransferEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_next", "小李", "", access.Viewer)
	offer := func() string {
		r.as("p_boss").posts(http.StatusSeeOther, "/shops/lantian/people/p_next/offer", url.Values{"at": {"tenant"}})
		return r.waiting().ID
	}
	r.as("p_next").posts(http.StatusNotFound, "/shops/lantian/transfers/t_unknown/stop", nil)
	id := offer()
	r.as("p_next").old = true // stopping is easy
	r.posts(http.StatusSeeOther, "/shops/lantian/transfers/"+id+"/stop", nil)
	id = offer()
	r.posts(http.StatusSeeOther, "/shops/lantian/transfers/"+id+"/stop", nil)
	id = offer()
	r.now = r.now.Add(access.OfferLife)
	r.enterAgain("p_next")
	r.as("p_next").posts(http.StatusNotFound, "/shops/lantian/transfers/"+id+"/accept", nil)
	if r.role("p_next") != access.Viewer || r.role("p_boss") != access.Owner {
		t.Error("a role changed")
	}
}

// enterAgain gives a person a session of a day from now on.
func (r *rig) enterAgain(person string) {
	r.t.Helper()
	_, hash := access.NewKey(access.SessionPrefix)
	r.must(r.store.StartSession(r.t.Context(), access.Session{ID: access.NewID("s"), TokenHash: hash, PersonID: person, App: "mp", Door: access.DoorWeChat,
		CreatedAt: r.now, SeenAt: r.now, ProvedAt: r.now, ExpiresAt: r.now.Add(24 * time.Hour), IdleLimit: 24 * time.Hour}))
}

// An owner stops what the operator began.
func TestNoticeIsStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小王", "lantian", access.Operator)
	r.enter("p_next", "小李")
	operator := audit.Actor{Kind: audit.ActorOperator}
	n := grant.NewTransfer("lantian", "", "p_boss", "p_next", operator, r.now)
	r.must(r.store.StartTransfer(t.Context(), n, grant.TransferEffects(r.now, operator, grant.TransferNoticeAction, n)))
	if !slices.Contains(r.kinds(), notice.OwnerTransfer) {
		t.Error("no owner was told")
	}
	r.as("p_op").posts(http.StatusNotFound, "/shops/lantian/transfers/"+n.ID+"/stop", nil)
	r.as("p_boss")
	contains(t, r.get("/shops/lantian"), "小李", "2026-03-02 20:00", "/transfers/"+n.ID+"/stop")
	r.posts(http.StatusSeeOther, "/shops/lantian/transfers/"+n.ID+"/stop", nil)
	if e := r.entries(grant.TransferStopAction); len(e) != 1 || e[0].Actor.ID != "p_boss" {
		t.Errorf("entries %+v", e)
	}
}

// due is a store of transfers for [people.People.Run]; nothing else of it is asked.
type due struct {
	people.Store
	mu    sync.Mutex
	waits []access.Transfer
	done  []string // "id at hours"
	start time.Time
}

func (d *due) DueTransfers(_ context.Context, now time.Time) ([]access.Transfer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []access.Transfer
	for _, t := range d.waits {
		if !now.Before(t.DueAt) {
			out = append(out, t)
		}
	}
	return out, nil
}

func (d *due) end(word, id string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waits = slices.DeleteFunc(d.waits, func(t access.Transfer) bool { return t.ID == id })
	d.done = append(d.done, word+" "+id+" after "+now.Sub(d.start).Truncate(time.Minute).String())
}

func (d *due) ended() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.done)
}

func (d *due) FinishTransfer(_ context.Context, id string, now time.Time, _ grant.Effects) error {
	switch id {
	case "t_impossible":
		return access.ErrNotFound
	case "t_elsewhere":
		d.end("seen", id, now)
		return access.ErrTransferGone
	}
	d.end("done", id, now)
	return nil
}

func (d *due) StopTransfer(_ context.Context, id string, now time.Time, e grant.Effects) error {
	d.end(e.Audit[0].Reason, id, now)
	return nil
}

// A notice is carried out after its 24 hours, not before; what cannot be done any
// more is stopped, and another replica may be first.
func TestRunCarriesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		operator, person := audit.Actor{Kind: audit.ActorOperator}, audit.Actor{Kind: audit.ActorPerson, ID: "p_boss"}
		d := &due{start: start}
		for id, by := range map[string]audit.Actor{"t_notice": operator, "t_impossible": operator, "t_elsewhere": operator, "t_offer": person} {
			n := grant.NewTransfer("lantian", "", "p_boss", "p_next", by, start)
			n.ID = id
			d.waits = append(d.waits, n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go people.New(people.Options{Store: d, Now: time.Now}).Run(ctx)
		time.Sleep(24*time.Hour - time.Minute)
		synctest.Wait()
		if early := d.ended(); len(early) != 0 {
			t.Errorf("too early: %v", early)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		cancel()
		synctest.Wait()
		got := d.ended()
		slices.Sort(got)
		want := []string{"done t_notice after 24h0m0s", "not_possible t_impossible after 24h0m0s", "over t_offer after 24h0m0s", "seen t_elsewhere after 24h0m0s"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// Over a real store the roles have changed after a day.
func TestRunOverAStore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.enter("p_next", "小李")
	operator := audit.Actor{Kind: audit.ActorOperator}
	n := grant.NewTransfer("lantian", "", "p_boss", "p_next", operator, r.now)
	r.must(r.store.StartTransfer(t.Context(), n, grant.TransferEffects(r.now, operator, grant.TransferNoticeAction, n)))
	r.now = n.DueAt
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it looks once
	r.people.Run(ctx)
	if r.role("p_next") == access.Owner {
		t.Error("a server that ends carries something out")
	}
	r.must(r.people.CarryOut(t.Context()))
	if r.role("p_next") != access.Owner || r.role("p_boss") != access.Operator {
		t.Errorf("roles %q and %q", r.role("p_next"), r.role("p_boss"))
	}
}
