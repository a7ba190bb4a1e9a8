package stranger

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// noon is when the token of these tests was found dead.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// guilty is a death that somebody else must have caused, half an hour before noon.
func guilty() (grant.Death, Known) {
	return grant.Death{
		GrantID: "g_tea", ShopID: "tea", Kind: grant.Self, Generation: 7, End: noon.Add(40 * time.Minute), Seen: noon, Probed: true,
		Quiet: noon.Add(-80 * time.Minute), Begin: noon.Add(-time.Second), Asked: noon, Took: 300 * time.Millisecond, Life: 90 * time.Minute, Full: FullLife,
	}, Known{Steady: noon.Add(-24 * time.Hour), Forces: []grant.Force{{At: noon.Add(-80 * time.Minute)}}}
}

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		change func(d *grant.Death, k *Known)
		level  Level
		reason Reason
	}{
		"nothing of ours explains it":                {func(*grant.Death, *Known) {}, Proven, ReasonStranger},
		"not probed, and another one is named":       {func(d *grant.Death, _ *Known) { d.Probed = false }, Proven, ReasonStranger},
		"we forced then":                             {func(_ *grant.Death, k *Known) { k.Forces[0].At = noon.Add(-30 * time.Minute) }, Innocent, ReasonOurs},
		"we forced minutes before, and were held up": {func(_ *grant.Death, k *Known) { k.Forces[0].At = noon.Add(-39 * time.Minute) }, Innocent, ReasonOurs},
		"it was made when we asked":                  {func(d *grant.Death, _ *Known) { d.Life = FullLife }, Unknown, ReasonOurAsk},
		"it was made moments before we asked":        {func(d *grant.Death, _ *Known) { d.Life = FullLife - 20*time.Second }, Unknown, ReasonOurAsk},
		"it was made near the old one's end":         {func(d *grant.Death, _ *Known) { d.End = noon.Add(-25 * time.Minute) }, Innocent, ReasonNatural},
		"a request of ours was open":                 {func(d *grant.Death, _ *Known) { d.Quiet = time.Time{} }, Unknown, ReasonUnsettled},
		"it was made right after a request of ours":  {func(d *grant.Death, _ *Known) { d.Quiet = noon.Add(-31 * time.Minute) }, Unknown, ReasonUnsettled},
		"it was made before the quiet time":          {func(d *grant.Death, _ *Known) { d.Quiet = noon.Add(-20 * time.Minute) }, Unknown, ReasonUnsettled},
		"the clock was set since":                    {func(_ *grant.Death, k *Known) { k.Steady = noon.Add(-time.Hour) }, Likely, ReasonClock},
		"nothing is known of the clock":              {func(_ *grant.Death, k *Known) { k.Steady = time.Time{} }, Likely, ReasonClock},
		"new tokens were seen to live shorter":       {func(d *grant.Death, _ *Known) { d.Full = 100 * time.Minute }, Likely, ReasonLife},
		"a life that cannot be":                      {func(d *grant.Death, _ *Known) { d.Life = FullLife + time.Second }, Unknown, ReasonOddLife},
		"WeChat names the dead one":                  {func(d *grant.Death, _ *Known) { d.Same = true }, Unknown, ReasonNamed},
		"WeChat refuses the AppSecret":               {func(d *grant.Death, _ *Known) { d.Code, d.Life = 40125, 0 }, Unknown, ReasonRefused},
		"WeChat did not answer":                      {func(d *grant.Death, _ *Known) { d.Life = 0 }, Unknown, ReasonNoAnswer},
		"WeChat was not asked":                       {func(d *grant.Death, _ *Known) { d.Asked = time.Time{} }, Unknown, ReasonNoAnswer},
		"an account's refresh token was replaced":    {func(d *grant.Death, _ *Known) { d.Kind, d.Rotated, d.Code = grant.ISV, true, 61023 }, Likely, ReasonRotated},
		"an account's token died":                    {func(d *grant.Death, _ *Known) { d.Kind = grant.ISV }, Unknown, ReasonAccount},
		"a platform's token died":                    {func(d *grant.Death, _ *Known) { d.Kind = grant.Component }, Likely, ReasonComponent},
	} {
		t.Run(name, func(t *testing.T) {
			d, k := guilty()
			test.change(&d, &k)
			r := Judge(d, k)
			if r.Level != test.level || r.Reason != test.reason {
				t.Errorf("%s because %s, want %s because %s", r.Level, r.Reason, test.level, test.reason)
			}
			if words := reasons[r.Reason]; words.EN == "" || words.ZH == "" {
				t.Errorf("no words for %s", r.Reason)
			}
		})
	}
}

// TestWords: what is proven stands apart from what is guessed, in both languages.
func TestWords(t *testing.T) {
	d, k := guilty()
	var e Evidence
	e.add(d, Judge(d, k))
	e.Counts = []Count{{Path: "/cgi-bin/token", At: noon, Used: 40}, {Path: "/cgi-bin/stable_token", At: noon, Used: 3, Ours: 24}}
	p := e.Words(noon)
	if p.Level != Proven || len(p.Proven) != 2 || len(p.Guess) != 3 || len(p.Else) == 0 || len(p.Next) == 0 {
		t.Fatalf("%+v", p)
	}
	want := "The token that WeChat names now was made at 2026-03-01 19:30:00 ± 1s."
	if p.Proven[1].EN != want {
		t.Errorf("%q, want %q", p.Proven[1].EN, want)
	}
	for _, text := range append(append(p.Proven, p.Guess...), append(p.Else, p.Next...)...) {
		if text.EN == "" || text.ZH == "" {
			t.Errorf("one language only: %+v", text)
		}
	}
	if quiet := e.Words(noon.Add(Remission)); quiet.Level != "" || len(quiet.Proven)+len(quiet.Guess) != 0 {
		t.Errorf("a day later: %+v", quiet)
	}
}

// TestTwoGuesses: one guess is written down, a second one within a day is told.
func TestTwoGuesses(t *testing.T) {
	d, k := guilty()
	k.Steady = time.Time{}
	var e Evidence
	for i, want := range []bool{false, true, true} {
		e.add(d, Judge(d, k))
		if _, tell := e.Accuses(noon); tell != want {
			t.Errorf("after %d guesses: told %t", i+1, tell)
		}
	}
	for range 100 {
		e.add(d, Judge(d, k))
	}
	if len(e.Records) != mostRecords || e.Deaths != 103 {
		t.Errorf("%d records of %d deaths", len(e.Records), e.Deaths)
	}
}
