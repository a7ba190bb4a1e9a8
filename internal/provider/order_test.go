package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// day is what happened at WeChat, and the pushes that tell of it.
type day struct {
	pushes []event.Event
	in     map[string]bool // who authorises the platform at the end
	codes  map[string]string
	newest map[string]time.Time // push about an account
}

// drawDay draws what accounts did, one thing in each second or several.
func drawDay(t *rapid.T, tt *testing.T) day {
	d := day{in: map[string]bool{}, codes: map[string]string{}, newest: map[string]time.Time{}}
	at := start
	for i := range rapid.IntRange(1, 14).Draw(t, "pushes") {
		appID := rapid.SampledFrom([]string{teaAppID, riceAppID}).Draw(t, "account")
		at = at.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * time.Second)
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			d.pushes = append(d.pushes, ticketPush(tt, at, "ticket@@@"+at.String()))
		case 1:
			d.pushes = append(d.pushes, unauthorizedPush(tt, appID, at))
		default:
			code := fmt.Sprintf("code-%s-%d", appID, i)
			d.codes[code] = appID
			name := rapid.SampledFrom([]string{event.NameAuthorized, event.NameUpdateAuthorized}).Draw(t, "name")
			d.pushes = append(d.pushes, authorizedPush(tt, name, appID, at, code))
		}
	}
	d.truth()
	return d
}

// truth says who is in at the end: by the newest push, and the withdrawal among
// those of one second.
func (d *day) truth() {
	newest := d.newest
	for _, e := range d.pushes {
		out, err := e.Withdrawal()
		if err == nil && !e.Time().Before(newest[out.AuthorizerAppID]) {
			newest[out.AuthorizerAppID], d.in[out.AuthorizerAppID] = e.Time(), false
		}
		in, err := e.Authorization()
		if err != nil || e.Time().Before(newest[in.AuthorizerAppID]) {
			continue
		}
		was, known := d.in[in.AuthorizerAppID]
		d.in[in.AuthorizerAppID] = !known || was || e.Time().After(newest[in.AuthorizerAppID])
		newest[in.AuthorizerAppID] = e.Time()
	}
}

// outcome is what must not depend on the order of pushes.
type outcome struct {
	Row     grant.Authorizer
	Grant   grant.State
	Refresh string
	Tickets []time.Time
}

// play pushes a day in some order, with adoptions in between, and gives the end.
func (d day) play(tt *testing.T, order []int, adopts func(i int) bool) map[string]outcome {
	w := newWorld(tt)
	w.wait(time.Hour)
	for appID, in := range d.in {
		w.authorises(appID).authorised = in
	}
	maps.Copy(w.wechat.codes, d.codes)
	for i, which := range order {
		w.push(d.pushes[which])
		if adopts(i) {
			w.settleAll()
		}
	}
	w.wait(24 * time.Hour) // every plan to try again is over
	for range believeAfter {
		w.settleAll()
		w.wait(6 * time.Hour)
	}
	return w.outcomes(slices.Sorted(maps.Keys(d.in)))
}

func (w *world) outcomes(appIDs []string) map[string]outcome {
	end := map[string]outcome{}
	for _, id := range appIDs {
		o := outcome{Row: w.row(id), Grant: w.grant(id).State}
		// How often something was written, and when it is looked at next, depends on
		// when it was looked at.
		o.Row.Version, o.Row.DueAt, o.Row.CheckedAt, o.Row.CodeEnds, o.Row.Cause = 0, time.Time{}, time.Time{}, time.Time{}, ""
		o.Row.Account, o.Row.Name, o.Row.Sets, o.Row.ShopID, o.Row.Attempt = "", "", nil, "", 0
		if o.Row.State == grant.AuthorizerWithdrawn && o.Grant == "" {
			o.Grant = grant.NeedsOwner // no grant is as good as one without tokens
		}
		if len(w.grant(id).Tokens.Refresh) > 0 {
			o.Refresh = w.refresh(id)
		}
		for _, k := range w.store.tickets["market"] {
			o.Tickets = append(o.Tickets, k.CreatedAt)
		}
		end[id] = o
	}
	return end
}

// TestAnyOrderIsDecidedAlike: the decisions alone, before anything is asked of
// WeChat, end in the same rows, and in what the newest pushes say.
func TestAnyOrderIsDecidedAlike(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDay(rt, t)
		var doubled []int
		for i := range d.pushes {
			doubled = append(doubled, i, i)
		}
		decide := func(order []int) map[string]outcome {
			w := newWorld(t)
			w.wait(time.Hour)
			for _, i := range order {
				w.push(d.pushes[i])
			}
			end := w.outcomes(slices.Sorted(maps.Keys(d.in)))
			for id, o := range end {
				o.Row.Code = nil // of two in one second the first counts
				end[id] = o
			}
			return end
		}
		want := decide(doubled)
		got := decide(rapid.Permutation(doubled).Draw(rt, "order"))
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("in order (-) and shuffled (+):\n%s", diff)
		}
		for appID, in := range d.in {
			if (got[appID].Row.State == grant.AuthorizerNew) != in || !got[appID].Row.EventAt.Equal(d.newest[appID]) {
				rt.Fatalf("%s is in: %t, since %v; row %+v", appID, in, d.newest[appID], got[appID].Row)
			}
		}
	})
}

// TestAnyOrderEndsAlike: a day of pushes, shuffled and doubled, with adoptions at
// any moment between, ends in the same state as the day in its order.
func TestAnyOrderEndsAlike(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDay(rt, t)
		var straight, doubled []int
		for i := range d.pushes {
			straight = append(straight, i)
			doubled = append(doubled, i, i)
		}
		want := d.play(t, straight, func(int) bool { return false })
		order := rapid.Permutation(doubled).Draw(rt, "order")
		got := d.play(t, order, func(int) bool { return rapid.Bool().Draw(rt, "adopt") })
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("in order (-) and shuffled (+):\n%s", diff)
		}
		for appID, in := range d.in {
			if o := got[appID]; (o.Row.State == grant.AuthorizerKept && o.Grant == grant.Active) != in {
				rt.Fatalf("%s is in: %t; row %s, grant %s", appID, in, o.Row.State, o.Grant)
			}
		}
	})
}

// TestALostPushIsFound: whatever pushes are lost, a comparison with the list ends
// in what WeChat has.
func TestALostPushIsFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDay(rt, t)
		w := newWorld(t)
		w.wait(time.Hour)
		for appID, in := range d.in {
			w.authorises(appID).authorised = in
		}
		maps.Copy(w.wechat.codes, d.codes)
		w.authorises("wx00000000000000ff") // the list is never empty
		for _, e := range d.pushes {
			if rapid.Bool().Draw(rt, "arrives") {
				w.push(e)
			}
		}
		for range 3 {
			w.settleAll()
			w.wait(24 * time.Hour)
			if _, err := w.p.Reconcile(t.Context(), "market", system, false); err != nil {
				rt.Fatal(err)
			}
			w.settleAll()
		}
		for appID, in := range d.in {
			_, err := w.store.Authorizer(t.Context(), "market", appID)
			if errors.Is(err, access.ErrNotFound) && !in {
				continue
			}
			if g := w.grant(appID); (w.row(appID).State == grant.AuthorizerKept && g.State == grant.Active) != in {
				rt.Fatalf("%s is in: %t; row %+v, grant %s", appID, in, w.row(appID), g.State)
			}
		}
	})
}
