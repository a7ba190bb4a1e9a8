package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// The causes of the check stranger. What is a guess is called one.
var (
	causeProven = text(
		"somebody else had WeChat make a token: proven is that nobody here asked while it was made; that another program with the same AppSecret forced it is a guess",
		"有其他方让微信生成了令牌。已证实：令牌生成时本系统没有请求；推测：另有程序持有同一 AppSecret 并强制刷新")
	causeNone  = text("no token died before its end", "没有令牌提前失效")
	causeElse  = text("tokens died before their end, and nothing of the last day speaks of somebody else", "有令牌提前失效，近一天没有迹象表明有其他系统参与")
	causeFleet = text("somebody else refreshes tokens of shops", "有其他系统在刷新店铺的令牌")
	causeHints = text("somebody else may refresh tokens of shops: that is a guess", "推测可能有其他系统在刷新店铺的令牌")
	nextFleet  = text("examine each: zhanggui doctor SHOP", "请逐一检查：zhanggui doctor 店铺")
)

// stranger tells whether somebody else refreshes a shop's token. What a platform's
// secret is used for is its operator's affair.
func (d *Doctor) stranger(ctx context.Context, at place) []Finding {
	g, err := d.o.Grants.ShopGrant(ctx, at.shop.ID)
	next := text("look at what is proven and what is a guess: zhanggui token evidence "+at.shop.ID, "查看已证实与推测的内容：zhanggui token evidence "+at.shop.ID+" --zh")
	if at.app.Kind == access.ShopApp {
		next = both(next,
			text("have the other program use this server, or reset the AppSecret; to end every token that is out now: zhanggui token kill "+at.shop.ID+" --yes",
				"让另一程序改用本系统，或重置 AppSecret；要立即使所有已流出的令牌失效：zhanggui token kill "+at.shop.ID+" --yes"))
	} else {
		next = both(next, nextPlatform)
	}
	found := d.suspicion(ctx, g, err, next, consoleOf(at.app.Kind))
	for i := range found {
		found[i].House = at.app.Kind != access.ShopApp
	}
	return found
}

// nextPlatform is what to do about tokens that WeChat does not force.
var nextPlatform = text("find the other program that works with the platform's AppSecret and stop it, or reset the AppSecret", "找出并停用持有平台 AppSecret 的另一程序，或重置 AppSecret")

// platformStranger tells the same of a third-party platform's own token.
func (d *Doctor) platformStranger(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	g, err := d.o.Grants.ComponentGrant(ctx, at.app.ID)
	next := both(text("look at what is proven and what is a guess: GET /v1/grants/"+g.ID+"/stranger", "查看已证实与推测的内容：GET /v1/grants/"+g.ID+"/stranger"), nextPlatform)
	return d.suspicion(ctx, g, err, next, consoleOf(at.app.Kind))
}

// suspicion makes a finding of what is known of a grant; err is that of reading it. A
// grant that is not there has its own finding.
func (d *Doctor) suspicion(ctx context.Context, g grant.Grant, err error, next notice.Text, page string) []Finding {
	if errors.Is(err, grant.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unread(err)
	}
	s, err := d.o.Strangers.Suspicion(ctx, g.ID)
	if err != nil {
		return unread(err)
	}
	proof := s.proof()
	switch {
	case s.Proven:
		return []Finding{ill(Wrong, causeProven, next, page, proof...)}
	case s.Guess != notice.Text{}:
		return []Finding{ill(Warning, text("a guess: "+s.Guess.EN, "推测："+s.Guess.ZH), next, page, proof...)}
	case s.Deaths > 0:
		return []Finding{fine(causeElse, proof...)}
	}
	return []Finding{fine(causeNone)}
}

// proof gives what the suspicion rests on.
func (s Suspicion) proof() []Fact {
	facts := []Fact{count("deaths", s.Deaths), moment("last_death", s.Last)}
	if !s.QuietFrom.IsZero() {
		facts = append(facts, moment("nobody_here_asked_from", s.QuietFrom), moment("nobody_here_asked_to", s.QuietTo))
	}
	if !s.MadeFrom.IsZero() {
		facts = append(facts, moment("made_from", s.MadeFrom), moment("made_to", s.MadeTo))
	}
	return facts
}

// strangers counts the shops of which something is proven or guessed.
func (d *Doctor) strangers(ctx context.Context, _ place) []Finding {
	all, err := d.o.Strangers.Suspected(ctx)
	if err != nil {
		return unread(err)
	}
	proven, guessed := 0, 0
	var shops []string
	for _, s := range all {
		if s.Shop == "" {
			continue // a platform's own, which has its own finding
		}
		if s.Proven {
			proven++
		} else {
			guessed++
		}
		if len(shops) < unwellShown {
			shops = append(shops, s.Shop)
		}
	}
	proof := []Fact{count("proven", proven), count("guessed", guessed), fact("shops", strings.Join(shops, " "))}
	switch {
	case proven > 0:
		return []Finding{ill(Wrong, causeFleet, nextFleet, "", proof...)}
	case guessed > 0:
		return []Finding{ill(Warning, causeHints, nextFleet, "", proof...)}
	}
	return []Finding{fine(text("nothing of the last day speaks of somebody else who refreshes tokens", "近一天没有迹象表明有其他系统在刷新令牌"))}
}

// both says one thing after the other.
func both(a, b notice.Text) notice.Text { return text(a.EN+"; "+b.EN, a.ZH+"；"+b.ZH) }
