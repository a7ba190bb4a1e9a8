package adminapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Rotations leads operators through the change of secrets and keys.
type Rotations interface {
	RotationReads
	Begin(ctx context.Context, by audit.Actor, s rotate.Start) (rotate.Begun, error)
	Renew(ctx context.Context, by audit.Actor, id string, fresh bool) (rotate.Begun, error)
	Take(ctx context.Context, by audit.Actor, id string, plain secret.Value) (access.Rotation, error)
	Finish(ctx context.Context, by audit.Actor, id string, force bool) (access.Rotation, error)
	Back(ctx context.Context, by audit.Actor, id string) (access.Rotation, error)
}

// RotationReads are the operations that change nothing.
type RotationReads interface {
	Rotation(ctx context.Context, id string) (access.Rotation, error)
	// Rotations gives a page, the newest first.
	Rotations(ctx context.Context, m access.Mark, limit int) ([]access.Rotation, error)
	// Show says what stands beside a rotation in the rows that it changes.
	Show(ctx context.Context, r access.Rotation) (rotate.Standing, error)
}

// RotationView is a rotation without its secrets.
type RotationView struct {
	ID        string        `json:"id"`
	Kind      string        `json:"kind" doc:"app-secret, component-secret, push-token, aes-key or client"`
	Subject   string        `json:"subject" doc:"id of the app or client"`
	State     string        `json:"state" doc:"waits for the new secret, taken and not proved yet, overlap of new and old, done, or back"`
	By        string        `json:"by" doc:"who began it"`
	Begun     *time.Time    `json:"begun,omitempty" doc:"when it began"`
	Changed   *time.Time    `json:"changed,omitempty" doc:"when its state changed last"`
	Due       *time.Time    `json:"due,omitempty" doc:"when it goes on by itself"`
	NewSeen   *time.Time    `json:"new_seen,omitempty" doc:"when the new one was used last"`
	OldSeen   *time.Time    `json:"old_seen,omitempty" doc:"when the old one was used last"`
	Why       string        `json:"why,omitempty" doc:"why it went on by itself"`
	TokenEnds *time.Time    `json:"served_until,omitempty" doc:"how long calls go on with the token that is kept"`
	Trouble   string        `json:"trouble,omitempty" doc:"why no token could be had with the old secret"`
	Steps     []notice.Text `json:"steps,omitempty" doc:"what it does, and what cannot be undone"`
	Made      string        `json:"made,omitempty" doc:"the new key, token or AES key; in the answer that made it alone"`
}

// NewRotationInput is a rotation that is wanted.
type NewRotationInput struct {
	Kind    string     `json:"kind" enum:"app-secret,component-secret,push-token,aes-key,client"`
	Subject string     `json:"subject" doc:"id of an app, of a shop with its own key, or of a client"`
	New     string     `json:"new,omitempty" doc:"the new push token or AES key; left out, one is made" writeOnly:"true"`
	Fresh   bool       `json:"fresh,omitempty" doc:"have a shop's token replaced first, for two hours of life: costs one of 20 forced refreshes a day, and ends the token for all programs that have it"`
	Until   *time.Time `json:"until,omitempty" doc:"when a client's first key ends by itself"`
}

// RotationSecretInput is a new AppSecret.
type RotationSecretInput struct {
	New string `json:"new" doc:"as WeChat shows it" writeOnly:"true"`
}

// FinishRotationInput says whether a rotation ends although the new one was not seen.
type FinishRotationInput struct {
	Force bool `json:"force,omitempty" doc:"although the new one was not used yet"`
}

// RenewRotationInput says how a token is asked for.
type RenewRotationInput struct {
	Fresh bool `json:"fresh,omitempty" doc:"have the token replaced although it lives"`
}

func (h handlers) mountRotations(api huma.API) {
	const one = "/v1/rotations/{id}"
	huma.Register(api, op("list-rotations", http.MethodGet, "/v1/rotations", "List the rotations of secrets and keys, the newest first"), h.rotations)
	huma.Register(api, making("begin-rotation", "/v1/rotations", "Begin to replace a secret or a key; what is made is shown this once"), h.beginRotation)
	huma.Register(api, op("get-rotation", http.MethodGet, one, "Show one rotation"), h.rotation)
	huma.Register(api, op("renew-rotation", http.MethodPost, one+"/renew", "Ask once more for a token with the old secret"), h.renewRotation)
	huma.Register(api, op("take-rotation", http.MethodPost, one+"/take", "Take the new AppSecret, prove it at WeChat, and put it into use"), h.takeRotation)
	huma.Register(api, op("finish-rotation", http.MethodPost, one+"/finish", "Delete the old one"), h.finishRotation)
	huma.Register(api, op("back-rotation", http.MethodPost, one+"/back", "Put the old one into use again"), h.backRotation)
}

func viewRotation(r access.Rotation) RotationView {
	return RotationView{ID: r.ID, Kind: string(r.Kind), Subject: r.Subject, State: string(r.State), By: r.By, Begun: stamp(r.BegunAt), Changed: stamp(r.ChangedAt),
		Due: stamp(r.DueAt), NewSeen: stamp(r.NewSeen), OldSeen: stamp(r.OldSeen), Why: r.Why}
}

// showRotation is viewRotation with what stands beside it.
func (h handlers) showRotation(ctx context.Context, r access.Rotation, err error) (*body[RotationView], error) {
	if err != nil {
		return nil, failRotation(err)
	}
	v := viewRotation(r)
	s, err := h.Rotations.Show(ctx, r)
	if err != nil {
		return nil, fail(err)
	}
	v.TokenEnds, v.NewSeen, v.OldSeen = stamp(s.TokenEnds), stamp(s.NewSeen), stamp(s.OldSeen)
	if r.State.Live() {
		v.Steps = s.Steps
	}
	return answer(v), nil
}

func (h handlers) showBegun(ctx context.Context, b rotate.Begun, err error) (*body[RotationView], error) {
	out, err := h.showRotation(ctx, b.Rotation, err)
	if err != nil {
		return nil, err
	}
	out.Body.TokenEnds, out.Body.Made = stamp(b.TokenEnds), b.Made.RevealString()
	if b.Trouble != nil {
		out.Body.Trouble = b.Trouble.Error()
	}
	return out, nil
}

func (h handlers) rotations(ctx context.Context, in *Page) (*body[list[RotationView]], error) {
	m, err := in.mark("rotations")
	if err != nil {
		return nil, err
	}
	all, err := h.Rotations.Rotations(ctx, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, viewRotation, func(r access.Rotation) string { return marked("rotations", r.BegunAt, r.ID) }), nil
}

func (h handlers) rotation(ctx context.Context, in *idPath) (*body[RotationView], error) {
	r, err := h.Rotations.Rotation(ctx, in.ID)
	return h.showRotation(ctx, r, err)
}

func (h handlers) beginRotation(ctx context.Context, in *struct{ Body NewRotationInput }) (*body[RotationView], error) {
	s := rotate.Start{Kind: access.RotationKind(in.Body.Kind), Subject: in.Body.Subject, New: secret.FromString(in.Body.New), Fresh: in.Body.Fresh}
	if in.Body.Until != nil {
		s.Until = *in.Body.Until
	}
	b, err := h.Rotations.Begin(ctx, actor(ctx), s)
	return h.showBegun(ctx, b, err)
}

func (h handlers) renewRotation(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body RenewRotationInput
}) (*body[RotationView], error) {
	b, err := h.Rotations.Renew(ctx, actor(ctx), in.ID, in.Body.Fresh)
	return h.showBegun(ctx, b, err)
}

func (h handlers) takeRotation(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body RotationSecretInput
}) (*body[RotationView], error) {
	r, err := h.Rotations.Take(ctx, actor(ctx), in.ID, secret.FromString(strings.TrimSpace(in.Body.New)))
	return h.showRotation(ctx, r, err)
}

func (h handlers) finishRotation(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body FinishRotationInput
}) (*body[RotationView], error) {
	r, err := h.Rotations.Finish(ctx, actor(ctx), in.ID, in.Body.Force)
	return h.showRotation(ctx, r, err)
}

func (h handlers) backRotation(ctx context.Context, in *idPath) (*body[RotationView], error) {
	r, err := h.Rotations.Back(ctx, actor(ctx), in.ID)
	return h.showRotation(ctx, r, err)
}

// failRotation gives a refusal its words.
func failRotation(err error) error {
	if no, ok := errors.AsType[*rotate.Refusal](err); ok {
		return refuse(http.StatusConflict, no.Code, no.EN, no.NextEN, no.ZH, no.NextZH)
	}
	return fail(err)
}
