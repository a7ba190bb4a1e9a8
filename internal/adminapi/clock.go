package adminapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/clock"
)

// Clock is the watched clock.
type Clock interface {
	Behind() time.Duration
	Skew() clock.Estimate
	// Accept takes the clock for right although a later time was seen.
	Accept(ctx context.Context, by audit.Actor) error
}

// ClockView is what is known of the clock.
type ClockView struct {
	Now     time.Time `json:"now"`
	Behind  float64   `json:"behind_seconds" doc:"how far it is behind the latest time seen"`
	Skew    float64   `json:"skew_seconds" doc:"our clock minus WeChat's"`
	Within  float64   `json:"within_seconds" doc:"skew_seconds is right up to this"`
	Samples int       `json:"samples" doc:"answers of WeChat that say so; 0: nothing is known"`
}

func (h handlers) mountClock(api huma.API) {
	huma.Register(api, op("get-clock", http.MethodGet, "/v1/clock", "Show what is known of the server's clock"), h.clock)
	huma.Register(api, op("accept-clock", http.MethodPost, "/v1/clock/accept", "Take the clock for right although a later time was seen"), h.acceptClock)
}

func (h handlers) clock(context.Context, *struct{}) (*body[ClockView], error) {
	e := h.Clock.Skew()
	return answer(ClockView{Now: h.Now().UTC(), Behind: h.Clock.Behind().Seconds(), Skew: e.Ours.Seconds(), Within: e.Bound.Seconds(), Samples: e.Samples}), nil
}

func (h handlers) acceptClock(ctx context.Context, _ *struct{}) (*body[ClockView], error) {
	err := h.Clock.Accept(ctx, actor(ctx))
	if errors.Is(err, clock.ErrWrong) {
		return nil, refuse(http.StatusConflict, "clock-wrong", "WeChat's answers say that the clock is wrong", "set it right first",
			"从微信的应答看，时钟有误", "请先校准时钟")
	}
	if err != nil {
		return nil, fail(err)
	}
	return h.clock(ctx, nil)
}
