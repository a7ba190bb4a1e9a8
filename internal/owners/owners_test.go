package owners_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/owners"
	"github.com/zhanggui/zhanggui/wechat"
)

var start = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// desk is a store with letters that wait, and the WeChat that takes them.
type desk struct {
	owed    []notice.Outgoing
	settled []notice.Letter
	again   []time.Time
	entries []audit.Entry
	taken   bool // the turn is another server's
	answer  error
	sent    []string
}

func (d *desk) Turn(context.Context, string, time.Time, time.Time) (bool, error) {
	return !d.taken, nil
}

func (d *desk) ClaimLetters(_ context.Context, _ time.Time, limit int) ([]notice.Outgoing, error) {
	some := d.owed[:min(limit, len(d.owed))]
	d.owed = d.owed[len(some):]
	return some, nil
}

func (d *desk) SettleLetter(_ context.Context, l notice.Letter, again time.Time, e ...audit.Entry) error {
	d.settled, d.again, d.entries = append(d.settled, l), append(d.again, again), append(d.entries, e...)
	return nil
}

func (d *desk) App(_ context.Context, id string) (access.App, error) {
	return access.App{ID: id, OwnerMessage: access.OwnerMessage{Template: "tpl", Kind: access.TemplateMessage, Fields: map[string]string{"thing1": "shop"}}}, nil
}

func (d *desk) Shop(_ context.Context, id string) (access.Shop, error) {
	if id == "gone" {
		return access.Shop{}, access.ErrNotFound
	}
	return access.Shop{ID: id, Name: "茶"}, nil
}

func (d *desk) SendToOwner(_ context.Context, _ access.App, openid string, fields map[string]string, link string) error {
	d.sent = append(d.sent, fmt.Sprintf("%s %s %s", openid, fields["thing1"], link))
	return d.answer
}

func owed(n, shops int, shop string) (all []notice.Outgoing) {
	for i := range n {
		all = append(all, notice.Outgoing{OpenID: "o_demo_owner_0001", Letter: notice.Letter{
			ID: fmt.Sprintf("om_%d", i), PersonID: "p_1", Kind: notice.GrantNeedsOwner, ShopID: shop, Shops: shops, App: "mp", State: notice.LetterSending, At: start}})
	}
	return all
}

func (d *desk) step(t *testing.T) int {
	t.Helper()
	o := owners.New(owners.Options{Store: d, WeChat: d, Link: func(p string) string { return "https://login.example.com" + p }, Now: func() time.Time { return start }})
	n, err := o.Step(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestALetterLeadsToTheLogin(t *testing.T) {
	d := &desk{owed: append(owed(1, 1, "tea"), owed(1, 3, "tea")...)}
	if n := d.step(t); n != 2 {
		t.Fatalf("tried %d letters, want 2", n)
	}
	want := []string{
		"o_demo_owner_0001 茶 https://login.example.com/login?rd=%2Fshops%2Ftea&shop=tea",
		"o_demo_owner_0001 茶等3家店铺 https://login.example.com/login?rd=%2F&shop=tea",
	}
	if diff := cmp.Diff(want, d.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if text := fmt.Sprint(d.settled, d.entries); strings.Contains(text, "o_demo_owner") {
		t.Errorf("an openid is written down: %s", text)
	}
}

func TestWhatBecomesOfALetter(t *testing.T) {
	said := func(code int) error { return &wechat.Error{Code: code, Outcome: wechat.OutcomeAnswered} }
	for name, c := range map[string]struct {
		answer error
		shop   string
		state  notice.LetterState
		reason string
		again  bool
	}{
		"taken":             {nil, "tea", notice.LetterSent, "", false},
		"no follower":       {said(43004), "tea", notice.LetterRefused, "not_following", false},
		"did not agree":     {said(43101), "tea", notice.LetterRefused, "not_agreed", false},
		"no such template":  {said(40037), "tea", notice.LetterFailed, "40037", false},
		"wrong field":       {said(47003), "tea", notice.LetterFailed, "47003", false},
		"WeChat is busy":    {said(-1), "tea", notice.LetterDelayed, "-1", true},
		"quota is used up":  {said(45009), "tea", notice.LetterDelayed, "45009", true},
		"never left":        {&wechat.Error{Outcome: wechat.OutcomeNotSent, Err: errors.New("refused")}, "tea", notice.LetterDelayed, "not_reached", true},
		"it may be there":   {&wechat.Error{Outcome: wechat.OutcomeUnknown, Err: errors.New("cut")}, "tea", notice.LetterFailed, "no_answer", false},
		"no such shop here": {nil, "gone", notice.LetterFailed, "not_sendable", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{owed: owed(1, 1, c.shop), answer: c.answer}
			d.step(t)
			got := d.settled[0]
			if got.State != c.state || got.Reason != c.reason || d.again[0].IsZero() == c.again {
				t.Errorf("%s, %q, again %v; want %s, %q, again: %v", got.State, got.Reason, d.again[0], c.state, c.reason, c.again)
			}
			if done := d.entries[0].Outcome == audit.Done; done != (c.state == notice.LetterSent) {
				t.Errorf("recorded as %s", d.entries[0].Outcome)
			}
		})
	}
}

func TestAllThatIsOwedIsSentByTheServerWhoseTurnItIs(t *testing.T) {
	d := &desk{owed: owed(450, 1, "tea")}
	if n := d.step(t); n != 450 || len(d.sent) != 450 {
		t.Errorf("sent %d of 450", len(d.sent))
	}
	d = &desk{owed: owed(1, 1, "tea"), taken: true}
	if n := d.step(t); n != 0 || len(d.sent) != 0 {
		t.Errorf("sent %d out of turn", len(d.sent))
	}
}
