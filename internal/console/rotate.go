package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Rotations leads administrators through the change of secrets and keys.
type Rotations interface {
	Begin(ctx context.Context, by audit.Actor, s rotate.Start) (rotate.Begun, error)
	Take(ctx context.Context, by audit.Actor, id string, plain secret.Value) (access.Rotation, error)
	Finish(ctx context.Context, by audit.Actor, id string, force bool) (access.Rotation, error)
	Back(ctx context.Context, by audit.Actor, id string) (access.Rotation, error)
	// Rotations gives the newest.
	Rotations(ctx context.Context, m access.Mark, limit int) ([]access.Rotation, error)
	Show(ctx context.Context, r access.Rotation) (rotate.Standing, error)
}

// rotationKinds are the kinds as the form offers them.
var rotationKinds = []access.RotationKind{access.RotateAppSecret, access.RotateComponentSecret, access.RotatePushToken, access.RotateAESKey, access.RotateClient}

// newestRotations is how many the page shows.
const newestRotations = 50

// rotatePage is what the page of rotations shows.
type rotatePage struct {
	Now     time.Time
	All     []rotationRow
	Made    string          // a key that is shown this once
	Refused *rotate.Refusal // why the last step was not made
	Trouble bool            // no token was had with the old secret
}

// rotationRow is a rotation with what stands beside it.
type rotationRow struct {
	access.Rotation
	rotate.Standing
}

// ended gives those that are over.
func (p rotatePage) ended() []rotationRow {
	return slices.DeleteFunc(slices.Clone(p.All), func(r rotationRow) bool { return r.State.Live() })
}

// mountRotations registers the page, for administrators alone.
func (c *Console) mountRotations(page func(pattern string, h func(http.ResponseWriter, *http.Request, audit.Actor) error)) {
	page("GET /admin/rotations", func(w http.ResponseWriter, r *http.Request, _ audit.Actor) error {
		return c.renderRotations(w, r, rotatePage{}, nil)
	})
	page("POST /admin/rotations", c.beginRotation)
	page("POST /admin/rotations/{id}/take", c.rotationStep(func(ctx context.Context, by audit.Actor, id string, r *http.Request) error {
		_, err := c.Rotations.Take(ctx, by, id, secret.FromString(strings.TrimSpace(r.PostFormValue("new"))))
		return err
	}))
	page("POST /admin/rotations/{id}/finish", c.rotationStep(func(ctx context.Context, by audit.Actor, id string, r *http.Request) error {
		_, err := c.Rotations.Finish(ctx, by, id, r.PostFormValue("force") != "")
		return err
	}))
	page("POST /admin/rotations/{id}/back", c.rotationStep(func(ctx context.Context, by audit.Actor, id string, _ *http.Request) error {
		_, err := c.Rotations.Back(ctx, by, id)
		return err
	}))
}

func (c *Console) beginRotation(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	s := rotate.Start{Kind: access.RotationKind(r.PostFormValue("kind")), Subject: strings.TrimSpace(r.PostFormValue("subject")), Fresh: r.PostFormValue("fresh") != ""}
	b, err := c.Rotations.Begin(r.Context(), by, s)
	return c.renderRotations(w, r, rotatePage{Made: b.Made.RevealString(), Trouble: b.Trouble != nil}, err)
}

// rotationStep makes one step and shows the page, with why it was refused.
func (c *Console) rotationStep(step func(ctx context.Context, by audit.Actor, id string, r *http.Request) error) func(http.ResponseWriter, *http.Request, audit.Actor) error {
	return func(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
		return c.renderRotations(w, r, rotatePage{}, step(r.Context(), by, r.PathValue("id"), r))
	}
}

// renderRotations shows the newest rotations under what the last step came to.
func (c *Console) renderRotations(w http.ResponseWriter, r *http.Request, v rotatePage, last error) error {
	status := http.StatusOK
	if no, ok := errors.AsType[*rotate.Refusal](last); ok {
		v.Refused, status = no, http.StatusConflict
	} else if errors.Is(last, access.ErrNotFound) {
		v.Refused, status = &rotate.Refusal{EN: "There is nothing with this id.", ZH: "没有此标识对应的内容。", NextEN: "Look it up on the overview.", NextZH: "请在总览中查看。"}, http.StatusNotFound
	} else if last != nil {
		return last
	}
	all, err := c.Rotations.Rotations(r.Context(), access.Mark{}, newestRotations)
	if err != nil {
		return err
	}
	v.Now = c.Now()
	for _, x := range all {
		row := rotationRow{Rotation: x}
		if x.State.Live() {
			if row.Standing, err = c.Rotations.Show(r.Context(), x); err != nil {
				return err
			}
		}
		v.All = append(v.All, row)
	}
	w.Header().Set("Cache-Control", "no-store") // a key may stand on it
	return c.UI.Render(w, r, status, ui.PageInfo{TitleKey: "console.rotations", Wide: true}, rotations(v))
}
