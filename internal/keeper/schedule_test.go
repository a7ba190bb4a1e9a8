package keeper

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

var allKinds = []grant.Kind{grant.Self, grant.User, grant.ISV, grant.Component}

func most(d time.Duration) time.Duration { return d }
func none(time.Duration) time.Duration   { return 0 }

// TestPlansAddUp: the second column of a plan is the sum of the first.
func TestPlansAddUp(t *testing.T) {
	for name, plan := range map[string][]rung{"retries": retries, "stops": stops, "probes": probes} {
		var sum time.Duration
		for i, r := range plan {
			if sum += r.wait; sum != r.total {
				t.Errorf("%s, line %d: total %v, want %v", name, i+1, r.total, sum)
			}
			if i > 0 && r.wait < plan[i-1].wait {
				t.Errorf("%s, line %d: waits less than the line before", name, i+1)
			}
		}
	}
	if told := retries[tellAfter-1].total; told >= renewals[grant.Self].before {
		t.Errorf("a human is told %v after the first failure, when the token has ended", told)
	}
}

func TestRenewAt(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		kind     grant.Kind
		left     time.Duration
		from, to time.Duration // due, counted from now, without and with all jitter
	}{
		{grant.Self, 2 * time.Hour, 115 * time.Minute, 116 * time.Minute},
		{grant.Self, 345 * time.Second, 45 * time.Second, 90 * time.Second},
		{grant.Self, 5 * time.Minute, 150 * time.Second, 150 * time.Second},
		{grant.Self, 10 * time.Second, 5 * time.Second, 5 * time.Second},
		{grant.Self, 7 * time.Second, 7 * time.Second, 7 * time.Second},
		{grant.Self, time.Second, 5 * time.Second, 5 * time.Second},
		{grant.User, 2 * time.Hour, 80 * time.Minute, 110 * time.Minute},
		{grant.User, 8 * time.Minute, 4 * time.Minute, 4 * time.Minute},
		{grant.Component, 2 * time.Hour, 110 * time.Minute, 110 * time.Minute},
		{grant.ISV, 2 * time.Hour, 100 * time.Minute, 110 * time.Minute},
		{grant.ISV, 10 * time.Minute, 5 * time.Minute, 5 * time.Minute},
	}
	for _, tt := range tests {
		from := renewAt(tt.kind, now, now.Add(tt.left), none).Sub(now)
		to := renewAt(tt.kind, now, now.Add(tt.left), most).Sub(now)
		if from != tt.from || to != tt.to {
			t.Errorf("%s with %v left: due in %v … %v, want %v … %v", tt.kind, tt.left, from, to, tt.from, tt.to)
		}
	}
}

func TestRenewalIsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		left := time.Duration(rapid.Int64Range(int64(2*leastApart), int64(3*time.Hour)).Draw(t, "left"))
		part := rapid.Int64Range(0, 99).Draw(t, "jitter")
		kind := rapid.SampledFrom(allKinds).Draw(t, "kind")
		due := renewAt(kind, now, now.Add(left), func(d time.Duration) time.Duration { return d * time.Duration(part) / 100 })
		if due.Before(now.Add(leastApart)) || !due.Before(now.Add(left)) {
			t.Fatalf("due in %v of a life of %v", due.Sub(now), left)
		}
	})
}

func TestLimitsFollowThePlatformsClock(t *testing.T) {
	at := func(s string) time.Time {
		got, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, tt := range []struct{ now, day string }{
		{"2026-03-01T15:59:59Z", "2026-03-01T16:00:00Z"}, // a second before midnight in Shanghai
		{"2026-03-01T16:00:00Z", "2026-03-02T16:00:00Z"},
		{"2026-12-31T20:00:00Z", "2027-01-01T16:00:00Z"},
	} {
		if got := nextDay(at(tt.now), none); !got.Equal(at(tt.day)) {
			t.Errorf("next day after %s is %s, want %s", tt.now, got, tt.day)
		}
	}
	if got := nextMinute(at("2026-03-01T15:00:07Z"), none); !got.Equal(at("2026-03-01T15:01:00Z")) {
		t.Errorf("next minute is %s", got)
	}
}

func TestRetryAndStopBounds(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for n := range 50 {
		if got := retryAt(now, n, none).Sub(now); got != leastRetry {
			t.Errorf("failure %d: shortest wait %v", n, got)
		}
		if got := retryAt(now, n, most).Sub(now); got > 10*time.Minute {
			t.Errorf("failure %d: longest wait %v", n, got)
		}
		if got := stopAt(now, n, 0, most).Sub(now); got < 10*time.Minute || got > 66*time.Minute {
			t.Errorf("stop %d: wait %v", n, got)
		}
	}
	if got := stopAt(now, 1, 24*time.Hour, none).Sub(now); got != 24*time.Hour {
		t.Errorf("own wait of a day became %v", got)
	}
}

func TestReactions(t *testing.T) {
	answered := func(code int) *Failure { return &Failure{Outcome: wechat.OutcomeAnswered, Code: code, HTTPStatus: 200} }
	tests := []struct {
		name  string
		kind  grant.Kind
		f     *Failure
		do    action
		cause string
	}{
		{"ticket too old", grant.Component, answered(61005), stop, "ticket_expired"},
		{"ticket of another", grant.Component, answered(61006), stop, "ticket_invalid"},
		{"platform's secret", grant.Component, answered(40001), stop, "secret_wrong"},
		{"platform's secret", grant.Component, answered(40125), stop, "secret_wrong"},
		{"platform's appid", grant.Component, answered(40013), stop, "appid_wrong"},
		{"platform's address", grant.Component, answered(61004), stop, "ip_not_listed"},
		{"platform unknown", grant.Component, answered(61011), stop, "setting"},
		{"platform's day", grant.Component, answered(45009), limit, "day_limit"},
		{"platform's token old", grant.ISV, answered(42001), again, "platform_token_refused"},
		{"platform's token bad", grant.ISV, answered(40014), again, "platform_token_refused"},
		{"platform's token replaced", grant.ISV, answered(40001), again, "platform_token_refused"},
		{"platform's address, account", grant.ISV, answered(61004), again, "platform_ip"},
		{"said to have withdrawn", grant.ISV, answered(61003), again, grant.CauseUnconfirmed},
		{"refresh token refused", grant.ISV, answered(61023), again, grant.CauseInvalid},
		{"account's password", grant.ISV, answered(42007), dead, "password_changed"},
		{"account limited", grant.ISV, answered(50002), stop, "account_limited"},
		{"a platform has no refresh token", grant.Component, answered(61023), again, grant.CauseOddCode},
		{"an account has no ticket", grant.ISV, answered(61005), again, grant.CauseOddCode},
		{"never seen, account", grant.ISV, answered(987654), again, grant.CauseOddCode},
		{"never seen, platform", grant.Component, answered(987654), again, grant.CauseOddCode},

		{"busy", grant.Self, answered(-1), again, "busy"},
		{"day limit", grant.Self, answered(45009), limit, "day_limit"},
		{"minute limit", grant.Self, answered(45011), limit, "minute_limit"},
		{"second limit", grant.Self, answered(44990), limit, "second_limit"},
		{"wrong secret", grant.Self, answered(40001), stop, "secret_wrong"},
		{"wrong secret", grant.Self, answered(40125), stop, "secret_wrong"},
		{"frozen", grant.Self, answered(40243), stop, "secret_frozen"},
		{"appid", grant.Self, answered(40013), stop, "appid_wrong"},
		{"appid, person", grant.User, answered(40013), stop, "appid_wrong"},
		{"ip", grant.Self, answered(40164), stop, "ip_not_listed"},
		{"ip, shop", grant.Self, answered(45035), stop, "ip_not_listed"},
		{"ip, platform", grant.Self, answered(61004), stop, "ip_not_listed"},
		{"ip, edge", grant.Self, &Failure{HTTPStatus: 403}, stop, "ip_not_listed"},
		{"confirm", grant.Self, answered(89503), stop, "ip_unconfirmed"},
		{"refused", grant.Self, answered(89506), stop, "ip_refused"},
		{"password", grant.User, answered(42007), dead, "password_changed"},
		{"expired", grant.User, answered(42002), dead, "refresh_expired"},
		{"invalid", grant.User, answered(40030), dead, "refresh_invalid"},
		{"a shop has no refresh token", grant.Self, answered(42002), again, grant.CauseOddCode},
		{"a refresh sends no secret", grant.User, answered(40001), again, grant.CauseOddCode},
		{"never seen", grant.Self, answered(987654), again, grant.CauseOddCode},
		{"never seen, person", grant.User, answered(987654), again, grant.CauseOddCode},
		{"request wrong", grant.Self, answered(40002), stop, "request_wrong"},
		{"timeout", grant.Self, &Failure{Outcome: wechat.OutcomeUnknown}, again, grant.CauseUnknown},
		{"502", grant.Self, &Failure{Outcome: wechat.OutcomeUnknown, HTTPStatus: 502}, again, grant.CauseUnknown},
		{"429", grant.Self, &Failure{Outcome: wechat.OutcomeUnknown, HTTPStatus: 429}, limit, "minute_limit"},
		{"no route", grant.Self, &Failure{Outcome: wechat.OutcomeNotSent}, again, grant.CauseNotSent},
		{"HTML", grant.Self, &Failure{Outcome: wechat.OutcomeAnswered, Err: wechat.ErrMalformed}, again, grant.CauseMalformed},
	}
	for _, tt := range tests {
		got := reactTo(tt.kind, tt.f)
		if got.do != tt.do || got.cause != tt.cause {
			t.Errorf("%s (%s): %v %s, want %v %s", tt.name, tt.kind, got.do, got.cause, tt.do, tt.cause)
		}
	}
}

// TestReactionsAgreeWithClasses: no row contradicts what the wire client says
// about the same code.
func TestReactionsAgreeWithClasses(t *testing.T) {
	fits := map[action][]wechat.Class{
		again: {wechat.ClassRetry, wechat.ClassReauthorise, wechat.ClassRefreshToken, wechat.ClassRecover},
		limit: {wechat.ClassSlow},
		stop:  {wechat.ClassOperator, wechat.ClassBlocked, wechat.ClassUser, wechat.ClassSlow, wechat.ClassRetry, wechat.ClassTicket},
		dead:  {wechat.ClassReauthorise},
	}
	for key, r := range reactions {
		for kind, endpoint := range tokenKinds {
			if key.kind != anyKind && key.kind != kind || reactToCode(kind, key.code) != r {
				continue
			}
			class, ok := wechat.Explain(endpoint, key.code).Class, false
			for _, c := range fits[r.do] {
				ok = ok || c == class
			}
			if r.first == checkPlatform { // the operator hears of it from the platform's own grant
				ok = class == wechat.ClassOperator && r.quiet && reactToCode(grant.Component, key.code).do == stop
			}
			if !ok {
				t.Errorf("%d at %s: the client says %s, the keeper does %q", key.code, endpoint, class, r.cause)
			}
		}
	}
}

// TestUnknownCodesKeepEverything: whatever number comes back, no state is left
// that only a human's authorisation leaves, unless the code is known to mean
// that.
func TestUnknownCodesKeepEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.IntRange(-100000, 10000000).Draw(t, "code")
		kind := rapid.SampledFrom(allKinds).Draw(t, "kind")
		g := grant.Grant{Kind: kind, State: grant.Active, Attempt: rapid.IntRange(0, 20).Draw(t, "attempt")}
		f := &Failure{Outcome: wechat.OutcomeAnswered, Code: code}
		r := reactTo(kind, f)
		v := judge(g, r, f, time.Unix(1_800_000_000, 0), time.Unix(1_800_000_030, 0), uniform)
		known := kind == grant.User && (code == 40030 || code == 42002 || code == 42007) || kind == grant.ISV && code == 42007
		if (v.state == grant.NeedsOwner) != known || v.state == grant.Revoked {
			t.Fatalf("errcode %d of a %s grant leads to %s", code, kind, v.state)
		}
		if !known && v.due.IsZero() {
			t.Fatalf("errcode %d of a %s grant is never looked at again", code, kind)
		}
	})
}

func TestRemindersFollowFromThePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		issued := time.Unix(1_800_000_000, 0)
		tokens := grant.Tokens{RefreshIssued: issued, RefreshExpires: issued.Add(refreshLife)}
		planned, now, sent := issued.Add(time.Hour), issued, []string{}
		for now.Before(tokens.RefreshExpires) {
			// Looked at after its plan, late by up to four days.
			now = planned.Add(time.Duration(rapid.Int64Range(0, int64(96*time.Hour)).Draw(t, "late")))
			if r, ok := remind(tokens, planned, now); ok {
				sent = append(sent, r.day)
			}
			planned = notAfter(now.Add(time.Duration(rapid.Int64Range(1, int64(48*time.Hour)).Draw(t, "wait"))), now, tokens)
		}
		for i, day := range sent {
			if i > 0 && sent[i-1] >= day {
				t.Fatalf("reminders %v", sent)
			}
		}
		if len(sent) == 0 || sent[len(sent)-1] != "29" {
			t.Fatalf("reminders %v do not end with day 29", sent)
		}
	})
}

// TestOperatorErrors: whatever only an operator can mend stops the grant and is
// told at once, for every kind; the list is WeChat's own.
func TestOperatorErrors(t *testing.T) {
	failures := map[string]*Failure{"HTTP 403": {Outcome: wechat.OutcomeUnknown, HTTPStatus: 403}}
	for _, code := range []int{40125, 40164, 40243, 40013, 45035, 61004, 89501, 89502, 89503, 89504, 89505, 89506, 89507} {
		failures[fmt.Sprint(code)] = &Failure{Outcome: wechat.OutcomeAnswered, Code: code, HTTPStatus: 200}
	}
	secret := &Failure{Outcome: wechat.OutcomeAnswered, Code: 40001, HTTPStatus: 200} // a person's refresh sends none
	now := time.Unix(1_800_000_000, 0)
	check := func(name string, kind grant.Kind, f *Failure) {
		r := reactTo(kind, f)
		v := judge(grant.Grant{Kind: kind, State: grant.Active}, r, f, now, now, none)
		if r.do != stop || v.state != grant.Stopped || !v.tell || v.due.Sub(now) < stops[0].wait || v.cause == "" {
			t.Errorf("%s of a %s grant: %+v", name, kind, v)
		}
		again := judge(grant.Grant{Kind: kind, State: v.state, Cause: v.cause, ErrCode: v.code, Attempt: v.attempt}, r, f, now, now, none)
		if again.tell {
			t.Errorf("%s of a %s grant is told twice", name, kind)
		}
	}
	for name, f := range failures {
		check(name, grant.Self, f)
		check(name, grant.User, f)
		check(name, grant.Component, f)
		if name != "61004" { // the platform's: told by its own grant
			check(name, grant.ISV, f)
		}
	}
	check("40001", grant.Self, secret)
	check("40001", grant.Component, secret)
	listed := 0
	for _, r := range reactions {
		if r.do == stop {
			listed++
		}
	}
	if others := 4; listed != len(failures)-1+1+others { // 40001, 50002 and 48004 of an account that WeChat limits, and two of tickets
		t.Errorf("the table stops for %d codes; name the new one here", listed)
	}
}

// TestLadderFitsTheLastMinutes: a stable token is asked for in its last five
// minutes. The last try that comes before a human is told, and the request
// itself, end before the token does, whatever the jitter.
func TestLadderFitsTheLastMinutes(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	end := now.Add(2 * time.Hour)
	at := renewAt(grant.Self, now, end, most)
	tries := 0
	for n := 1; at.Add(8 * time.Second).Before(end); n++ {
		tries++
		at = retryAt(at, n, most)
	}
	if tries < tellAfter+1 {
		t.Errorf("%d tries fit before the token ends, want %d", tries, tellAfter+1)
	}
	if half := retries[3].total; half > 30*time.Second {
		t.Errorf("the first four waits take %v; most outages are over by then", half)
	}
	for per, longest := range map[window]time.Duration{perSecond: 2 * time.Second, perMinute: 70 * time.Second} {
		if d := per.next(now, most).Sub(now); d > longest {
			t.Errorf("a limit holds a token back for %v", d)
		}
	}
}

// TestMadeInOneHour: many grants that were made in one hour do not come
// due together, in this life or a later one. Persons' tokens spread over more
// than their hour with each life; a stable token is bound to its last five
// minutes, so a shop keeps the minute in which it began.
func TestMadeInOneHour(t *testing.T) {
	const grants, lives = 250_000, 4
	random := rand.New(rand.NewPCG(1, 2))
	spread := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	for kind, most := range map[grant.Kind]float64{grant.Self: 1.1, grant.User: 0.95} {
		start := time.Unix(1_800_000_000, 0)
		minutes := [lives + 1]map[time.Duration]int{}
		for l := range minutes {
			minutes[l] = map[time.Duration]int{}
		}
		for range grants {
			at := start.Add(spread(time.Hour))
			minutes[0][at.Sub(start)/time.Minute]++
			for life := 1; life <= lives; life++ {
				at = renewAt(kind, at, at.Add(2*time.Hour), spread)
				minutes[life][at.Sub(start)/time.Minute]++
			}
		}
		peak := func(l int) float64 { return float64(slices.Max(slices.Collect(maps.Values(minutes[l])))) }
		if got := peak(lives); got > most*grants/60 {
			t.Errorf("%s: %.0f of %d in one minute of life %d, want %.0f at most", kind, got, grants, lives, most*grants/60)
		}
	}
}

// TestTogetherIsTakenApart: a million persons' grants that were renewed in one
// minute, after an outage, need half an hour and more the next time.
func TestTogetherIsTakenApart(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	seconds := map[int64]int{}
	for range 100_000 {
		seconds[renewAt(grant.User, now, now.Add(2*time.Hour), uniform).Unix()/60]++
	}
	if len(seconds) < 30 || slices.Max(slices.Collect(maps.Values(seconds))) > 100_000/25 {
		t.Errorf("%d minutes, the fullest with %d", len(seconds), slices.Max(slices.Collect(maps.Values(seconds))))
	}
}
