package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// message is a push as it is decrypted.
func message(t testing.TB, platform, infoType string, at time.Time, members ...string) event.Event {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "<xml><AppId>%s</AppId><CreateTime>%d</CreateTime><InfoType>%s</InfoType>", platform, at.Unix(), infoType)
	for i := 0; i < len(members); i += 2 {
		fmt.Fprintf(&b, "<%s>%s</%s>", members[i], members[i+1], members[i])
	}
	b.WriteString("</xml>")
	e, err := event.Decode([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ticketPush(t testing.TB, at time.Time, value string) event.Event {
	return message(t, platformAppID, event.NameTicket, at, "ComponentVerifyTicket", value)
}

func authorizedPush(t testing.TB, name, appID string, at time.Time, code string) event.Event {
	return message(t, platformAppID, name, at, "AuthorizerAppid", appID, "AuthorizationCode", code,
		"AuthorizationCodeExpiredTime", "600", "PreAuthCode", "")
}

func unauthorizedPush(t testing.TB, appID string, at time.Time) event.Event {
	return message(t, platformAppID, event.NameUnauthorized, at, "AuthorizerAppid", appID)
}

// push decides about a push and records it, as its receiver does.
func (w *world) push(e event.Event) grant.Effects {
	w.t.Helper()
	effects, err := w.p.Decide(context.Background(), w.app, e, w.now)
	w.must(err)
	w.must(w.store.Authorise(context.Background(), effects))
	w.p.Recorded(effects)
	return effects
}

// code makes a code for an account.
func (w *world) code(appID string) string {
	w.codes++
	code := fmt.Sprintf("code-%d", w.codes)
	w.wechat.mu.Lock()
	defer w.wechat.mu.Unlock()
	w.wechat.codes[code] = appID
	return code
}

func TestDecideNotesAnAuthorisation(t *testing.T) {
	for _, name := range []string{event.NameAuthorized, event.NameUpdateAuthorized} {
		w := newWorld(t)
		e := w.push(authorizedPush(t, name, teaAppID, start, "code-1"))
		row := w.row(teaAppID)
		if string(row.Code) == "" || strings.Contains(fmt.Sprint(e.Audit), "code-1") {
			t.Errorf("%s: the code is kept as %q, the entry says %v", name, row.Code, e.Audit)
		}
		row.Code = nil
		want := grant.Authorizer{App: "market", AppID: teaAppID, Version: 1, State: grant.AuthorizerNew, EventAt: start,
			CodeEnds: start.Add(10 * time.Minute), DueAt: start}
		if diff := cmp.Diff(want, row); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDecideEndsAnAuthorisation(t *testing.T) {
	w := newWorld(t)
	w.authorises(teaAppID)
	w.push(authorizedPush(t, event.NameAuthorized, teaAppID, start, w.code(teaAppID)))
	w.settleAll()
	g := w.grant(teaAppID)
	if g.State != grant.Active {
		t.Fatalf("the grant is %s", g.State)
	}
	w.wait(time.Hour)
	e := w.push(unauthorizedPush(t, teaAppID, w.now))
	if diff := cmp.Diff([]grant.Revocation{{GrantID: g.ID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}}, e.Revoke); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]access.SessionFilter{{ShopID: teaAppID, Why: "shop withdrew at wechat"}}, e.EndSessions); diff != "" {
		t.Error(diff)
	}
	if len(e.Notices) != 1 || e.Notices[0].Kind != notice.GrantNeedsOwner || len(e.Events) != 1 || e.Events[0].Name != "grant.needs_owner" || e.Events[0].ShopID != teaAppID {
		t.Errorf("notices %+v, events %+v", e.Notices, e.Events)
	}
	if w.row(teaAppID).State != grant.AuthorizerWithdrawn || w.grant(teaAppID).State != grant.NeedsOwner || w.keeper.changed[len(w.keeper.changed)-1] != g.ID {
		t.Errorf("row %s, grant %s, keeper told of %v", w.row(teaAppID).State, w.grant(teaAppID).State, w.keeper.changed)
	}
	w.wait(time.Minute)
	if again := w.push(unauthorizedPush(t, teaAppID, w.now)); len(again.Notices)+len(again.Events) > 0 {
		t.Errorf("a second withdrawal is told again: %+v", again.Notices)
	}
}

// TestDecideOrder: an older event changes nothing; in one second the withdrawal
// counts, whichever comes first.
func TestDecideOrder(t *testing.T) {
	in := func(after time.Duration) event.Event {
		return authorizedPush(t, event.NameAuthorized, teaAppID, start.Add(after), "code-a")
	}
	out := func(after time.Duration) event.Event { return unauthorizedPush(t, teaAppID, start.Add(after)) }
	for name, tt := range map[string]struct {
		pushes []event.Event
		want   grant.AuthorizerState
	}{
		"in, out":                  {[]event.Event{in(0), out(time.Second)}, grant.AuthorizerWithdrawn},
		"out before in":            {[]event.Event{out(time.Second), in(0)}, grant.AuthorizerWithdrawn},
		"out, in":                  {[]event.Event{out(0), in(time.Second)}, grant.AuthorizerNew},
		"in before out":            {[]event.Event{in(time.Second), out(0)}, grant.AuthorizerNew},
		"in, out in one second":    {[]event.Event{in(0), out(0)}, grant.AuthorizerWithdrawn},
		"out, in in one second":    {[]event.Event{out(0), in(0)}, grant.AuthorizerWithdrawn},
		"out of what nobody knows": {[]event.Event{out(0)}, grant.AuthorizerWithdrawn},
	} {
		w := newWorld(t)
		w.wait(time.Minute)
		for _, e := range tt.pushes {
			w.push(e)
		}
		if got := w.row(teaAppID); got.State != tt.want || (got.State == grant.AuthorizerNew) == got.DueAt.IsZero() || (got.Code != nil) != (got.State == grant.AuthorizerNew) {
			t.Errorf("%s: state %s, due %v, code %q", name, got.State, got.DueAt, got.Code)
		}
	}
}

// TestDecideKeepsARevocation: only a new authorisation brings back what an
// administrator revoked.
func TestDecideKeepsARevocation(t *testing.T) {
	for name, tt := range map[string]struct {
		event string
		after time.Duration
		back  bool
	}{
		"an older authorisation": {event.NameAuthorized, 30 * time.Minute, false},
		"a newer authorisation":  {event.NameAuthorized, 90 * time.Minute, true},
		"a newer update":         {event.NameUpdateAuthorized, 90 * time.Minute, false},
	} {
		w := newWorld(t)
		w.authorises(teaAppID)
		w.push(authorizedPush(t, event.NameAuthorized, teaAppID, start, w.code(teaAppID)))
		w.settleAll()
		w.wait(time.Hour)
		w.must(w.store.Authorise(t.Context(), grant.Effects{At: w.now, Revoke: []grant.Revocation{{GrantID: w.grant(teaAppID).ID, Cause: "sold"}}}))
		w.wait(time.Hour)
		w.push(authorizedPush(t, tt.event, teaAppID, start.Add(tt.after), w.code(teaAppID)))
		w.settleAll()
		if got := w.grant(teaAppID).State; (got == grant.Active) != tt.back || !tt.back && got != grant.Revoked {
			t.Errorf("%s: the grant is %s", name, got)
		}
		if w.row(teaAppID).Code != nil {
			t.Errorf("%s: a code is left", name)
		}
	}
}

func TestDecideTicket(t *testing.T) {
	w := newWorld(t)
	w.wait(time.Hour)
	kept := func() (at []time.Duration) {
		for _, k := range w.store.tickets["market"] {
			at = append(at, k.CreatedAt.Sub(start))
		}
		return at
	}
	for _, step := range []struct {
		at   time.Duration
		want []time.Duration
		says int // audit entries
	}{
		{10 * time.Minute, []time.Duration{10 * time.Minute}, 1},
		{30 * time.Minute, []time.Duration{30 * time.Minute, 10 * time.Minute}, 1},
		{30 * time.Minute, []time.Duration{30 * time.Minute, 10 * time.Minute}, 0},
		{20 * time.Minute, []time.Duration{30 * time.Minute, 20 * time.Minute}, 1},
		{5 * time.Minute, []time.Duration{30 * time.Minute, 20 * time.Minute}, 0},
		{-12 * time.Hour, []time.Duration{30 * time.Minute, 20 * time.Minute}, 0},
	} {
		e := w.push(ticketPush(t, start.Add(step.at), "ticket@@@"+step.at.String()))
		if diff := cmp.Diff(step.want, kept()); diff != "" || len(e.Audit) != step.says || strings.Contains(fmt.Sprint(e.Audit), "@@@") {
			t.Errorf("after %v: %s, entries %v", step.at, diff, e.Audit)
		}
	}
	newest := w.store.tickets["market"][0]
	if !strings.HasSuffix(string(newest.Value), "ticket@@@30m0s") || !newest.SeenAt.Equal(w.now) {
		t.Errorf("kept %q, seen %v", newest.Value, newest.SeenAt)
	}
	fresh := newWorld(t)
	if e := fresh.push(ticketPush(t, start.Add(-12*time.Hour), "over")); e.Ticket != nil {
		t.Error("a ticket that is over is kept")
	}
}

func TestDecideIgnoresWhatIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.push(message(t, platformAppID, "notify_third_fasteregister", start, "AuthorizerAppid", teaAppID))
	w.push(message(t, "wx00000000000000c1", "notify_third_fasteregister", start))
	if len(w.store.rows)+len(w.store.audit)+len(w.store.events) > 0 {
		t.Errorf("rows %v, entries %v", w.store.rows, w.store.audit)
	}
}

func TestDecideRefuses(t *testing.T) {
	otherApp := "wx00000000000000c1"
	for name, tt := range map[string]struct {
		e    event.Event
		want error
	}{
		"another platform's ticket":        {message(t, otherApp, event.NameTicket, start, "ComponentVerifyTicket", "x"), ErrOtherPlatform},
		"another platform's authorisation": {message(t, otherApp, event.NameAuthorized, start, "AuthorizerAppid", teaAppID, "AuthorizationCode", "c"), ErrOtherPlatform},
		"another platform's withdrawal":    {message(t, otherApp, event.NameUnauthorized, start, "AuthorizerAppid", teaAppID), ErrOtherPlatform},
		"a ticket without a ticket":        {message(t, platformAppID, event.NameTicket, start), event.ErrIncomplete},
		"an authorisation without a code":  {message(t, platformAppID, event.NameAuthorized, start, "AuthorizerAppid", teaAppID), event.ErrIncomplete},
		"a withdrawal of nobody":           {message(t, platformAppID, event.NameUnauthorized, start), event.ErrIncomplete},
		"a withdrawal of next year":        {unauthorizedPush(t, teaAppID, start.AddDate(1, 0, 0)), ErrFuture},
		"a ticket of next year":            {ticketPush(t, start.AddDate(1, 0, 0), "x"), ErrFuture},
	} {
		w := newWorld(t)
		e, err := w.p.Decide(t.Context(), w.app, tt.e, start)
		if !errors.Is(err, tt.want) || e.Ticket != nil || e.Authorizers != nil || e.Revoke != nil || e.Audit != nil {
			t.Errorf("%s: %v, effects %+v; want %v", name, err, e, tt.want)
		}
	}
}
