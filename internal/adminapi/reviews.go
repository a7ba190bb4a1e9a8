package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/review"
)

// Reviews says who may do what, and keeps who signed that.
type Reviews interface {
	Report(ctx context.Context, scope review.Scope) (review.Report, error)
	// Sign fails with [review.ErrChanged] when the report is another by now.
	Sign(ctx context.Context, scope review.Scope, digest, note string, by audit.Actor) (access.Review, error)
	Signed(ctx context.Context, m access.Mark, limit int) ([]access.Review, error)
	Due(ctx context.Context) (time.Time, error)
}

// Renewals asks for authorisations anew.
type Renewals interface {
	Ask(ctx context.Context, grantID string, until time.Time, by audit.Actor) (review.Asked, error)
	Open(ctx context.Context) ([]grant.Renewal, error)
}

// ReviewView is a report that somebody signed.
type ReviewView struct {
	ID     string    `json:"id" doc:"Ours"`
	Tenant string    `json:"tenant,omitempty" doc:"Left out: the whole house"`
	Shop   string    `json:"shop,omitempty" doc:"Left out: the whole tenant"`
	Digest string    `json:"digest" doc:"SHA-256 of the report, without its time"`
	Lines  int       `json:"lines" doc:"how many the report had"`
	Marked int       `json:"marked" doc:"lines that stood out"`
	Note   string    `json:"note,omitempty" doc:"in the words of whoever signed"`
	By     string    `json:"by" doc:"Who signed it: person:…, admin:… or operator"`
	At     time.Time `json:"at" doc:"when"`
}

// RenewalView is an authorisation that somebody is asked to give anew.
type RenewalView struct {
	Grant string     `json:"grant" doc:"its id"`
	Why   string     `json:"why" enum:"asked,max_age" doc:"a human wants it, or it is as old as it may become"`
	By    string     `json:"by" doc:"who asked"`
	Asked time.Time  `json:"asked" doc:"since when"`
	Due   *time.Time `json:"due,omitempty" doc:"until when; left out: whenever"`
	Way   string     `json:"way,omitempty" enum:"market,link,login" doc:"market: a shop's owner withdraws and authorises again through the service market, WeChat has no link for it; in lists left out"`
	Link  string     `json:"link,omitempty" doc:"for whoever gave the authorisation; in lists left out"`
}

func (h handlers) mountReviews(api huma.API) {
	huma.Register(api, op("get-review", http.MethodGet, "/v1/review", "Report who may do what, why it stands out, and what takes it away"), h.review)
	huma.Register(api, op("list-reviews", http.MethodGet, "/v1/reviews", "List the reports that were signed, the newest first"), h.reviews)
	huma.Register(api, making("sign-review", "/v1/reviews", "Sign the report that has a digest"), h.signReview)
	huma.Register(api, op("list-renewals", http.MethodGet, "/v1/renewals", "List the grants whose owners are asked to authorise anew, the oldest first"), h.renewals)
	huma.Register(api, op("renew-grant", http.MethodPost, "/v1/grants/{id}/renew", "Ask whoever gave an authorisation to give it anew; the grant serves meanwhile"), h.renew)
}

// scopeQuery says what a report is about.
type scopeQuery struct {
	Tenant string `query:"tenant" doc:"Only what is of this tenant"`
	Shop   string `query:"shop" doc:"Only what is of this shop"`
}

// scope finds what is meant. A shop says of which tenant it is.
func (h handlers) scope(ctx context.Context, tenant, shop string) (review.Scope, error) {
	s := review.Scope{TenantID: tenant, ShopID: shop}
	if shop != "" {
		found, err := h.Directory.Shop(ctx, shop)
		if err == nil && tenant != "" && tenant != found.TenantID {
			err = access.ErrNotFound
		}
		s.TenantID = found.TenantID
		return s, err
	}
	if tenant != "" {
		_, err := h.Directory.Tenant(ctx, tenant)
		return s, err
	}
	return s, nil
}

func (h handlers) review(ctx context.Context, in *scopeQuery) (*body[review.Report], error) {
	scope, err := h.scope(ctx, in.Tenant, in.Shop)
	if err != nil {
		return nil, fail(err)
	}
	report, err := h.Reviews.Report(ctx, scope)
	if err != nil {
		return nil, fail(err)
	}
	return answer(report), nil
}

func viewReview(r access.Review) ReviewView {
	return ReviewView{ID: r.ID, Tenant: r.TenantID, Shop: r.ShopID, Digest: r.Digest, Lines: r.Lines, Marked: r.Marked, Note: r.Note, By: r.By, At: r.At.UTC()}
}

func (h handlers) reviews(ctx context.Context, in *Page) (*body[list[ReviewView]], error) {
	m, err := in.mark("reviews")
	if err != nil {
		return nil, err
	}
	rows, err := h.Reviews.Signed(ctx, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(rows, in.Limit, viewReview, func(r access.Review) string { return marked("reviews", r.At, r.ID) }), nil
}

func (h handlers) signReview(ctx context.Context, in *struct {
	Body struct {
		Digest string `json:"digest" pattern:"^[0-9a-f]{64}$" doc:"Of the report that was read"`
		Note   string `json:"note,omitempty" maxLength:"500" doc:"A few words of whoever signs"`
		Tenant string `json:"tenant,omitempty" doc:"What the report is about, as it was asked for"`
		Shop   string `json:"shop,omitempty" doc:"The same"`
	}
}) (*body[ReviewView], error) {
	scope, err := h.scope(ctx, in.Body.Tenant, in.Body.Shop)
	if err != nil {
		return nil, fail(err)
	}
	signed, err := h.Reviews.Sign(ctx, scope, in.Body.Digest, in.Body.Note, actor(ctx))
	if errors.Is(err, review.ErrChanged) {
		return nil, refuse(http.StatusConflict, "review-changed", "the report says something else by now", "read it again and sign that one",
			"报告内容已有变化", "请重新阅读后再签署")
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewReview(signed)), nil
}

func viewRenewal(r grant.Renewal) RenewalView {
	return RenewalView{Grant: r.GrantID, Why: r.Why, By: r.By, Asked: r.AskedAt.UTC(), Due: stamp(r.DueAt)}
}

func (h handlers) renewals(ctx context.Context, in *Page) (*body[list[RenewalView]], error) {
	open, err := h.Renewals.Open(ctx)
	if err != nil {
		return nil, fail(err)
	}
	key := func(r grant.Renewal) string { return fmt.Sprintf("%016x %s", r.AskedAt.UnixMilli(), r.GrantID) }
	return window(*in, "renewals", open, key, viewRenewal)
}

func (h handlers) renew(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body struct {
		By *time.Time `json:"by,omitempty" doc:"Until when; left out: whenever"`
	}
}) (*body[RenewalView], error) {
	var until time.Time
	if in.Body.By != nil {
		until = *in.Body.By
	}
	asked, err := h.Renewals.Ask(ctx, in.ID, until, actor(ctx))
	switch {
	case errors.Is(err, review.ErrOwnKey):
		return nil, refuse(http.StatusUnprocessableEntity, "own-key", "nobody authorised this grant: it rests on an AppSecret", "reset that at WeChat and enter the new one",
			"此授权基于 AppSecret，无人可重新授权", "请在微信后台重置 AppSecret 并录入新的")
	case errors.Is(err, review.ErrEnded):
		return nil, refuse(http.StatusConflict, "grant-ended", "the grant ended, and only its owner can start it again", "send them an invitation",
			"授权已失效，只有所有者能重新授权", "请向其发送邀请")
	case errors.Is(err, review.ErrDate):
		return nil, refuse(http.StatusUnprocessableEntity, "date", "the date is not later than now", "name a later one, or none", "日期不晚于现在", "请填写更晚的日期，或不填")
	case err != nil:
		return nil, fail(err)
	}
	v := viewRenewal(asked.Renewal)
	v.Way, v.Link = string(asked.Way), asked.Link
	return answer(v), nil
}
