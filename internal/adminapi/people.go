package adminapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// People is what operators do about persons and staff that a tenant's owners see.
type People interface {
	Transfer(ctx context.Context, id string) (access.Transfer, error)
	Transfers(ctx context.Context, tenantID string) ([]access.Transfer, error)
	StartTransfer(ctx context.Context, t access.Transfer, e grant.Effects) error
	StopTransfer(ctx context.Context, id string, now time.Time, e grant.Effects) error
	Visits(ctx context.Context, tenantID string, limit int) ([]access.Visit, error)
	PlanRemap(ctx context.Context, app string, batch []access.Remap) (access.Remapped, error)
	Remap(ctx context.Context, app string, batch []access.Remap, e grant.Effects) (access.Remapped, error)
}

// TransferView is ownership on its way from one person to another.
type TransferView struct {
	ID      string     `json:"id"`
	Tenant  string     `json:"tenant"`
	Shop    string     `json:"shop,omitempty" doc:"Left out: the whole tenant"`
	From    string     `json:"from,omitempty" doc:"Person who becomes an operator; left out: nobody stops being an owner"`
	To      string     `json:"to" doc:"Person who becomes the owner"`
	By      string     `json:"by" doc:"Who began it: person:…, admin:… or operator"`
	State   string     `json:"state" enum:"offered,noticed,done,stopped"`
	Created *time.Time `json:"created,omitempty"`
	Due     *time.Time `json:"due,omitempty" doc:"When an offer is over, or a notice is carried out"`
	Ended   *time.Time `json:"ended,omitempty"`
}

// VisitView is staff's entering of a tenant.
type VisitView struct {
	ID     string     `json:"id"`
	Admin  string     `json:"admin"`
	Reason string     `json:"reason"`
	At     *time.Time `json:"at,omitempty"`
	Ends   *time.Time `json:"ends,omitempty" doc:"When it is over, or was"`
}

// RemapMove is one openid that WeChat calls another from now on.
type RemapMove struct {
	Old string `json:"old" minLength:"1" maxLength:"128" doc:"The openid before"`
	New string `json:"new" minLength:"1" maxLength:"128" doc:"The openid from now on"`
}

// RemapView is what a batch of moves did, or would do.
type RemapView struct {
	Moved      int      `json:"moved"`
	Already    int      `json:"already" doc:"Openids that moved before"`
	Unknown    []string `json:"unknown" doc:"Old openids that nobody is known by"`
	Collisions []string `json:"collisions" doc:"New openids that somebody else has, or that stand twice; nothing is done while there is one"`
	Applied    bool     `json:"applied" doc:"false for a dry run, and when there are collisions"`
}

func (h handlers) mountPeople(api huma.API) {
	huma.Register(api, op("list-transfers", http.MethodGet, "/v1/tenants/{id}/transfers", "List the transfers of ownership in a tenant, the newest first"), h.transfers)
	huma.Register(api, op("create-transfer", http.MethodPost, "/v1/tenants/{id}/transfers", "Give 24 hours' notice that somebody becomes an owner; every owner can stop it"), h.createTransfer)
	huma.Register(api, op("stop-transfer", http.MethodPost, "/v1/transfers/{id}/stop", "Stop a transfer that waits"), h.stopTransfer)
	huma.Register(api, op("list-visits", http.MethodGet, "/v1/tenants/{id}/visits", "List who of the provider entered a tenant, the newest first"), h.visits)
	huma.Register(api, op("remap-openids", http.MethodPost, "/v1/apps/{id}/openids", "Give persons the openids of the account that an app moved to"), h.remap)
}

func viewTransfer(t access.Transfer) TransferView {
	return TransferView{ID: t.ID, Tenant: t.TenantID, Shop: t.ShopID, From: t.From, To: t.To, By: t.By, State: string(t.State),
		Created: stamp(t.CreatedAt), Due: stamp(t.DueAt), Ended: stamp(t.EndedAt)}
}

// tenantPage is a part of a list that belongs to a tenant.
type tenantPage struct {
	Page
	ID string `path:"id" doc:"The tenant's id"`
}

func (h handlers) transfers(ctx context.Context, in *tenantPage) (*body[list[TransferView]], error) {
	if _, err := h.Directory.Tenant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	all, err := h.People.Transfers(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return window(in.Page, "transfers", all, func(t access.Transfer) string { return newest(t.CreatedAt, t.ID) }, viewTransfer)
}

func (h handlers) createTransfer(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"The tenant's id"`
	Body struct {
		Shop string `json:"shop,omitempty" doc:"One shop of the tenant; left out: all of them"`
		From string `json:"from,omitempty" doc:"The owner who becomes an operator; left out: nobody stops being an owner"`
		To   string `json:"to" doc:"Person who becomes the owner; they logged in before"`
	}
}) (*body[TransferView], error) {
	if err := h.checkPlace(ctx, in.ID, in.Body.Shop); err != nil {
		return nil, err
	}
	now, by := h.Now(), actor(ctx)
	t := grant.NewTransfer(in.ID, in.Body.Shop, in.Body.From, in.Body.To, by, now)
	err := h.People.StartTransfer(ctx, t, grant.TransferEffects(now, by, grant.TransferNoticeAction, t))
	switch {
	case errors.Is(err, access.ErrNotFound):
		return nil, refuse(http.StatusUnprocessableEntity, "parties", "the one who gives owns nothing there, or the one who takes never logged in",
			"look at the members of the tenant, and have the new owner log in once", "转让方不是该处的店主，或接任者从未登录", "请查看商家成员，并请接任者先登录一次")
	case errors.Is(err, access.ErrUsed):
		return nil, refuse(http.StatusConflict, "transfer-waits", "another transfer waits there", "stop it first", "已有一项转让正在等待处理", "请先停止它")
	case err != nil:
		return nil, fail(err)
	}
	return answer(viewTransfer(t)), nil
}

func (h handlers) stopTransfer(ctx context.Context, in *idPath) (*struct{}, error) {
	now, by := h.Now(), actor(ctx)
	t, err := h.People.Transfer(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return nil, failed(h.People.StopTransfer(ctx, t.ID, now, grant.TransferEffects(now, by, grant.TransferStopAction, t)))
}

// lastVisits is how many visits are listed.
const lastVisits = 200

func (h handlers) visits(ctx context.Context, in *tenantPage) (*body[list[VisitView]], error) {
	if _, err := h.Directory.Tenant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	all, err := h.People.Visits(ctx, in.ID, lastVisits)
	if err != nil {
		return nil, fail(err)
	}
	return window(in.Page, "visits", all, func(v access.Visit) string { return newest(v.At, v.ID) }, func(v access.Visit) VisitView {
		return VisitView{ID: v.ID, Admin: v.AdminID, Reason: v.Reason, At: stamp(v.At), Ends: stamp(v.EndsAt)}
	})
}

// newest is a key in whose order the newest come first.
func newest(at time.Time, id string) string {
	return fmt.Sprintf("%016x %s", math.MaxInt64-at.UnixMilli(), id)
}

// remap plans a batch, or does it. A collision is an answer, not an error: it names
// what stands in the way.
func (h handlers) remap(ctx context.Context, in *struct {
	ID     string `path:"id" doc:"The app's id"`
	DryRun bool   `query:"dry_run" doc:"Only tell what would be done"`
	Body   struct {
		Moves []RemapMove `json:"moves" minItems:"1" maxItems:"1000" doc:"One batch, done as a whole or not at all"`
	}
}) (*body[RemapView], error) {
	batch := make([]access.Remap, len(in.Body.Moves))
	for i, m := range in.Body.Moves {
		batch[i] = access.Remap(m)
	}
	out, err := h.People.PlanRemap(ctx, in.ID, batch)
	applied := false
	if err == nil && !in.DryRun && len(out.Collisions) == 0 {
		now := h.Now()
		e := grant.Effects{At: now, Audit: []audit.Entry{{At: now, Actor: actor(ctx), Action: "identity.remap", Subject: "app:" + in.ID, Outcome: audit.Done,
			Details: map[string]string{"moved": strconv.Itoa(out.Moved), "unknown": strconv.Itoa(len(out.Unknown))}}}}
		out, err = h.People.Remap(ctx, in.ID, batch, e)
		if applied = err == nil; errors.Is(err, access.ErrUsed) {
			err = nil
		}
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer(RemapView{Moved: out.Moved, Already: out.Already, Unknown: some(out.Unknown), Collisions: some(out.Collisions), Applied: applied}), nil
}

// some gives a list that is never null.
func some(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}
