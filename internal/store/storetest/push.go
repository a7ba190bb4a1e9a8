package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// push is a push about the shop tea that leads to one event.
func push(n int) grant.Push {
	return grant.Push{App: "isv", Digest: access.HashKey(fmt.Sprint("push", n)), At: start, Effects: grant.Effects{
		At: start,
		Events: []grant.Event{{App: "isv", ShopID: "tea", AppID: "wx00000000000000b0", Name: "channels_ec_order_new",
			At: start.Add(-time.Minute), SeenAt: start, Body: json.RawMessage(fmt.Sprintf(`{"order_id":"%d"}`, n))}},
	}}
}

// push records pushes, all of them for the first time.
func (w *world) push(batch ...grant.Push) {
	w.t.Helper()
	w.pushes(batch, make([]error, len(batch))...)
}

// pushes records pushes and wants these errors.
func (w *world) pushes(batch []grant.Push, want ...error) {
	w.t.Helper()
	errs, err := w.s.RecordPush(w.t.Context(), batch)
	w.must(err)
	if len(errs) != len(want) {
		w.t.Fatalf("%d results for %d pushes", len(errs), len(want))
	}
	for i := range want {
		if !errors.Is(errs[i], want[i]) {
			w.t.Errorf("push %d: got %v, want %v", i, errs[i], want[i])
		}
	}
}

// orders gives the numbers of the pushes whose events can be read after an id.
func (w *world) orders(after int64) (out []string, last int64) {
	w.t.Helper()
	events, err := w.s.EventsAfter(w.t.Context(), after, 1000)
	w.must(err)
	for _, e := range events {
		var body struct {
			Order string `json:"order_id"`
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			w.t.Errorf("event %d: %v", e.ID, err)
		}
		out, after = append(out, body.Order), e.ID
	}
	return out, after
}

var pushCases = []testCase{
	{"a push is recorded once", func(t *testing.T, w *world) {
		w.pushes([]grant.Push{push(1), push(2), push(1)}, nil, nil, grant.ErrSeen)
		before := w.snapshot()
		w.pushes([]grant.Push{push(2)}, grant.ErrSeen)
		same(t, "store", w.snapshot(), before)
		other := push(3)
		other.App, other.Digest = "mp", push(1).Digest
		w.pushes([]grant.Push{push(2), other}, grant.ErrSeen, nil)
		got, _ := w.orders(0)
		same(t, "events", got, []string{"1", "2", "3"})
		w.pushes(nil)
	}},
	{"an event is read as it was told", func(t *testing.T, w *world) {
		p := push(1)
		own := grant.Event{Name: "grant.healed", ShopID: "tea", At: start}
		p.Effects.Events = append(p.Effects.Events, own)
		w.push(p)
		own.SeenAt = start // with the push
		got, err := w.s.EventsAfter(t.Context(), 0, 10)
		w.must(err)
		want := []grant.Event{p.Effects.Events[0], own}
		want[0].ID, want[1].ID = 1, 2
		same(t, "events", got, want)
		last, err := w.s.LastEvent(t.Context())
		w.must(err)
		same(t, "last", last, 2)
	}},
	{"a push that is refused leaves the others alone, and was never seen", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{account(1)}}))
		lost, kept, gone := push(1), push(2), push(3)
		lost.Effects.Authorizers = []grant.Authorizer{account(2), account(1)}
		lost.Effects.Notices = []notice.Notice{{At: start, Kind: notice.AuditBroken, Subject: "x"}}
		lost.Effects.Audit = []audit.Entry{entry("platform.lost")}
		kept.Effects.Authorizers = []grant.Authorizer{account(3)}
		kept.Effects.Audit = []audit.Entry{entry("platform.kept")}
		gone.Effects.Revoke = []grant.Revocation{{GrantID: "g_unknown"}}
		batch := []grant.Push{lost, kept, gone, push(4), kept}
		w.pushes(batch, grant.ErrLost, nil, grant.ErrNotFound, nil, grant.ErrSeen)
		got, _ := w.orders(0)
		same(t, "events", got, []string{"4", "2"})
		same(t, "entries", []int{len(w.entries("platform.lost")), len(w.entries("platform.kept"))}, []int{0, 1})
		same(t, "notices", w.snapshot().Notices, 0)
		w.refused(access.ErrNotFound, func() error { return second(w.s.Authorizer(t.Context(), "isv", account(2).AppID)) })
		lost.Effects.Authorizers[1].Version = 1
		w.pushes([]grant.Push{lost}, nil)
	}},
	{"one push fails at what the database forbids, and the others stand", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		twice := push(1)
		e := authorised(2)
		e.Authorise.GrantID = "g_isv1" // the id of another's grant
		twice.Effects = e
		errs, err := w.s.RecordPush(t.Context(), []grant.Push{push(2), twice, push(3)})
		w.must(err)
		if errs[0] != nil || errs[1] == nil || errs[2] != nil {
			t.Errorf("results %v", errs)
		}
		w.refused(access.ErrNotFound, func() error { return second(w.s.Shop(t.Context(), "shop-2")) })
	}},
	{"a push ends grants and sessions", func(t *testing.T, w *world) {
		w.platform()
		e := authorised(1)
		w.must(w.apply(e))
		n := session("s_market", "")
		n.ShopID, n.Role = "shop-1", access.Operator
		w.must(w.s.StartSession(t.Context(), n))
		p := push(1)
		p.Effects.Revoke = []grant.Revocation{{GrantID: e.Authorise.GrantID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}}
		p.Effects.EndSessions = []access.SessionFilter{{ShopID: "shop-1", Why: "unauthorized"}}
		w.push(p)
		same(t, "state", w.isvGrant(1).State, grant.NeedsOwner)
		got, err := w.s.SessionByToken(t.Context(), n.TokenHash)
		w.must(err)
		same(t, "why", got.EndedWhy, "unauthorized")
	}},
	{"a push has a person forgotten, and nothing of WeChat's is left", func(t *testing.T, w *world) {
		e, other := w.enter(1), w.enter(2)
		id := e.Login.Identity
		w.must(w.s.SaveProfile(t.Context(), access.Profile{PersonID: id.PersonID, Nickname: "小明", UpdatedAt: start}))
		elsewhere := session("s_elsewhere", id.PersonID)
		elsewhere.App = "website"
		w.must(w.s.StartSession(t.Context(), elsewhere))
		p := push(1)
		p.Effects.Revoke = []grant.Revocation{{GrantID: e.Authorise.GrantID, Cause: "cancelled"}}
		p.Effects.Forget = []grant.Forgetting{{App: "mp", OpenID: id.OpenID}, {App: "mp", OpenID: "o_demo_unknown"}}
		p.Effects.EndSessions = []access.SessionFilter{{PersonID: id.PersonID, Why: "cancelled"}}
		w.push(p)
		w.refused(access.ErrNotFound, func() error { return second(w.s.Identity(t.Context(), "mp", id.OpenID)) })
		w.refused(grant.ErrNotFound, func() error { return second(w.s.Grant(t.Context(), e.Authorise.GrantID)) })
		person, err := w.s.Person(t.Context(), id.PersonID)
		w.must(err)
		same(t, "profile", person.Profile, access.Profile{PersonID: id.PersonID})
		for _, hash := range [][]byte{e.Login.Session.TokenHash, elsewhere.TokenHash} {
			w.refused(access.ErrNotFound, func() error { return second(w.s.SessionByToken(t.Context(), hash)) })
		}
		consents, err := w.s.Consents(t.Context(), id.PersonID)
		w.must(err)
		same(t, "consents", len(consents), 0)
		g, err := w.s.Grant(t.Context(), other.Authorise.GrantID)
		w.must(err)
		same(t, "another's grant", g.State, grant.Active)
		_, err = w.s.SessionByToken(t.Context(), other.Login.Session.TokenHash)
		w.must(err)
		consents, err = w.s.Consents(t.Context(), other.Login.NewPerson)
		w.must(err)
		same(t, "another's consents", len(consents), 1)
		back := w.visitAgain(3, id.OpenID)
		w.must(w.s.Login(t.Context(), back))
	}},
	{"a push has a face forgotten, and nothing else", func(t *testing.T, w *world) {
		e := w.enter(1)
		id := e.Login.Identity
		w.must(w.s.SaveProfile(t.Context(), access.Profile{PersonID: id.PersonID, Nickname: "小明", UpdatedAt: start}))
		p := push(1)
		p.Effects.Forget = []grant.Forgetting{{App: "mp", OpenID: id.OpenID, FaceOnly: true}}
		w.push(p)
		person, err := w.s.Person(t.Context(), id.PersonID)
		w.must(err)
		same(t, "profile", person.Profile, access.Profile{PersonID: id.PersonID})
		kept, err := w.s.Identity(t.Context(), "mp", id.OpenID)
		w.must(err)
		same(t, "identity", kept, id)
		g, err := w.s.Grant(t.Context(), e.Authorise.GrantID)
		w.must(err)
		same(t, "state", g.State, grant.Active)
	}},
	{"events of other decisions stand in the same line", func(t *testing.T, w *world) {
		w.push(push(1))
		c := w.claim("tea", start)
		e := renewal(c, start)
		e.Events = push(2).Effects.Events
		w.must(w.settle(e))
		w.refused(grant.ErrLost, func() error { return w.settle(e) })
		w.must(w.apply(grant.Effects{At: start, Events: push(3).Effects.Events}))
		w.push(push(4))
		got, last := w.orders(0)
		same(t, "events", got, []string{"1", "2", "3", "4"})
		same(t, "last", last, 4)
	}},
	{"what is over long enough is forgotten, and no number comes twice", func(t *testing.T, w *world) {
		w.push(push(1), push(2))
		w.must(w.s.Purge(t.Context(), start.Add(24*time.Hour)))
		w.pushes([]grant.Push{push(1)}, grant.ErrSeen)
		w.must(w.s.Purge(t.Context(), start.Add(24*time.Hour+time.Millisecond)))
		w.push(push(1))
		got, _ := w.orders(0)
		same(t, "events", got, []string{"1", "2", "1"})
		w.must(w.s.Purge(t.Context(), start.Add(7*24*time.Hour+time.Millisecond)))
		got, _ = w.orders(0)
		same(t, "events", len(got), 0)
		w.push(push(9))
		_, last := w.orders(0)
		same(t, "last", last, 4)
	}},
}

var errNotMine = errors.New("another one's turn")

// hearingCases are what several stores hear at once.
var hearingCases = []testCase{
	{"the same pushes from several stores are recorded once", func(t *testing.T, w *world) {
		w.platform()
		const n = 40
		var batch []grant.Push
		for i := range n {
			p := push(i)
			if i%10 == 0 {
				p.Effects.Ticket = ticket(i)
			}
			batch = append(batch, p)
		}
		results := make([][]error, 6)
		together(t, len(results), nil, func(i int) (err error) {
			results[i], err = w.replica(i).RecordPush(t.Context(), batch)
			return err
		})
		for i := range n {
			fresh := 0
			for _, errs := range results {
				if len(errs) == n && errs[i] == nil {
					fresh++
				}
			}
			same(t, fmt.Sprintf("push %d was recorded", i), fresh, 1)
		}
		got, last := w.orders(0)
		same(t, "events", []int64{int64(len(got)), last}, []int64{n, n})
		same(t, "tickets", w.tickets(), []grant.Ticket{*ticket(30), *ticket(20)})
	}},
	{"a turn is one caller's", func(t *testing.T, w *world) {
		next := start.Add(time.Hour)
		take := func(now time.Time) func(int) error {
			return func(i int) error {
				mine, err := w.replica(i).Turn(t.Context(), "reconcile:isv", now, next)
				if err == nil && !mine {
					err = errNotMine
				}
				return err
			}
		}
		same(t, "at first", together(t, 9, errNotMine, take(start)), 1)
		same(t, "too early", together(t, 3, errNotMine, take(next.Add(-time.Millisecond))), 0)
		early := next
		next = next.Add(time.Hour)
		same(t, "the next", together(t, 9, errNotMine, take(early)), 1)
		mine, err := w.s.Turn(t.Context(), "reconcile:other", start, next)
		w.must(err)
		same(t, "another", mine, true)
	}},
	{"one of many works at a due authoriser", func(t *testing.T, w *world) {
		w.platform()
		var all []grant.Authorizer
		for i := range 30 {
			a := account(i)
			a.AppID = fmt.Sprintf("wx00000000000001%02x", i)
			all = append(all, a)
		}
		w.must(w.apply(grant.Effects{At: start, Authorizers: all}))
		got := make([][]grant.Authorizer, 9)
		together(t, len(got), nil, func(i int) (err error) {
			r := request(start)
			r.Limit = 7
			got[i], err = w.replica(i).DueAuthorizers(t.Context(), r)
			return err
		})
		claimed := map[string]int{}
		for _, page := range got {
			for _, a := range page {
				claimed[a.AppID]++
			}
		}
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("%s was given to %d", id, n)
			}
		}
		same(t, "claimed", len(claimed), len(all))
	}},
	{"whoever reads events on from the last misses none", func(t *testing.T, w *world) {
		const writers, each = 6, 15
		seen := make(chan []int64)
		done := make(chan struct{})
		go func() { seen <- w.followEvents(writers*each, done) }()
		together(t, writers, nil, func(i int) error {
			for j := range each {
				if _, err := w.replica(i).RecordPush(t.Context(), []grant.Push{push(i*each + j)}); err != nil {
					return err
				}
			}
			return nil
		})
		close(done)
		ids := <-seen
		same(t, "events seen", len(ids), writers*each)
		for i, id := range ids {
			if id != int64(i+1) {
				t.Fatalf("the reader saw event %d after %d others", id, i)
			}
		}
	}},
}

// followEvents reads events as they come, until it has n, or has read them once
// more after done was closed.
func (w *world) followEvents(n int, done <-chan struct{}) (ids []int64) {
	after := int64(0)
	for last := false; ; {
		page, err := w.replica(1).EventsAfter(w.t.Context(), after, 4)
		if err != nil {
			w.t.Errorf("follow events: %v", err)
			return ids
		}
		for _, e := range page {
			ids, after = append(ids, e.ID), e.ID
		}
		if len(ids) >= n || last && len(page) == 0 {
			return ids
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
}
