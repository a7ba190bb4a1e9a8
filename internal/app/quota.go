package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/wechat"
)

// quotaEvery is how often the ledgers are looked through for what to ask WeChat, which
// is asked once a look at most.
const quotaEvery = 2 * time.Second

// quotaTimeout bounds one question.
const quotaTimeout = 10 * time.Second

// quotas keeps the quotas that WeChat gives shops: it has the gateway's calls counted,
// asks WeChat what is left, and knows which run dry.
type quotas struct {
	book   *quota.Book
	caller interface {
		Call(ctx context.Context, shop, method, path string, in, out any) error
	}
	app *App
}

func (a *App) connectQuota() {
	if a.o.Config.Quota != config.QuotaOn && a.o.Config.Quota != config.QuotaObserve {
		return
	}
	book := quota.New(a.o.Config.Quota == config.QuotaOn)
	a.quotas = &quotas{book: book, caller: shopCaller{keeper: a.keeper, clients: a.clients, dir: a.store}, app: a}
	a.meters.watchQuota(book, a.catalogue.Label, a.o.Now)
}

// pacer is what the gateway asks; nil when quotas are not looked at.
func (q *quotas) pacer() gateway.Pacer {
	if q == nil {
		return nil
	}
	return q
}

// Before implements gateway.Pacer. Where quotas are only observed, every call goes.
func (q *quotas) Before(c quota.Call, now time.Time) quota.Decision {
	d := q.book.Before(c, now)
	if d.Verdict != quota.Go {
		q.app.meters.gaveWay.WithLabelValues(d.Verdict.String()).Inc()
		if !q.book.Enforces() {
			d.Verdict = quota.Go
		}
	}
	return d
}

// After implements gateway.Pacer.
func (q *quotas) After(d quota.Decision, sent, errcode int, now time.Time) {
	q.book.After(d, sent, errcode, now)
}

// Quotas implements adminapi.Quotas.
func (a *App) Quotas(ctx context.Context, shop string) (mode string, states []quota.State, err error) {
	if _, err := a.store.Shop(ctx, shop); err != nil {
		return "", nil, err
	}
	if a.quotas == nil {
		return string(config.QuotaOff), nil, nil
	}
	return string(a.o.Config.Quota), a.quotas.book.Shop(shop, a.o.Now()), nil
}

// run looks after the ledgers until ctx ends.
func (q *quotas) run(ctx context.Context) {
	if q == nil {
		return
	}
	tick := time.NewTicker(quotaEvery)
	defer tick.Stop()
	for {
		q.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *quotas) look(ctx context.Context) {
	now := q.app.o.Now
	if question, ok := q.book.Due(now()); ok {
		numbers, err := q.ask(ctx, question)
		switch {
		case err == nil:
			q.book.Answered(question, numbers, now())
		default:
			q.book.Failed(question, noQuota(err), now())
			if ctx.Err() == nil {
				q.app.o.Log.Debug("WeChat did not say what is left of a quota", "shop", question.Shop, "path", question.Path, "error", err)
			}
		}
	}
}

// ask asks WeChat what is left, see
// developers.weixin.qq.com/doc/channels/api/basic/api_getapiquota.
func (q *quotas) ask(ctx context.Context, question quota.Question) (quota.Numbers, error) {
	ctx, cancel := context.WithTimeout(ctx, quotaTimeout)
	defer cancel()
	in := map[string]string{"cgi_path": question.Path}
	var out struct {
		Quota struct {
			Limit int64 `json:"daily_limit"`
			Left  int64 `json:"remain"`
		} `json:"quota"`
	}
	if err := q.caller.Call(ctx, question.Shop, http.MethodPost, "/cgi-bin/openapi/quota/get", in, &out); err != nil {
		return quota.Numbers{}, err
	}
	return quota.Numbers{Limit: max(0, out.Quota.Limit), Left: max(0, out.Quota.Left)}, nil
}

// noQuota tells whether WeChat has nothing to say of a path: it does not know it, or
// it is not the shop's.
func noQuota(err error) bool {
	e, ok := errors.AsType[*wechat.Error](err)
	return ok && (e.Code == 76003 || e.Code == 76021 || e.Code == 76022)
}

// low gives the ledgers that run dry today, as [alert.Watch] wants them. A path of a
// shop is a subject of its own: one may be over while another is not.
func (q *quotas) low() (all []notice.Notice) {
	if q == nil {
		return nil
	}
	for _, s := range q.book.Lows(q.app.o.Now()) {
		all = append(all, notice.Notice{Subject: "quota:" + s.Shop + s.Path, Details: map[string]string{
			"shop": s.Shop, "path": s.Path, "left": strconv.FormatInt(s.Left, 10), "limit": strconv.FormatInt(max(0, s.Limit), 10),
			"dry": s.Dry.In(access.China).Format("15:04"),
		}})
	}
	return all
}
