package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/setup"
)

// Clients reads client keys and ends them. They are made by applying a
// manifest, one way for all.
type Clients interface {
	Client(ctx context.Context, id string) (access.Client, error)
	ClientsAfter(ctx context.Context, id string, limit int) ([]access.Client, error)
	RevokeClient(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
	// Exports gives the kept tokens that a client fetched and that have not ended.
	Exports(ctx context.Context, client string, now time.Time) ([]access.Export, error)
}

// RevokedClient says what the end of a client's key does not end: the access tokens
// that it fetched are good at WeChat until their time is over.
type RevokedClient struct {
	Exported []ExportedToken `json:"exported" doc:"access tokens that the client fetched with the right token:export"`
}

// ExportedToken is an access token that is out of the server's hands.
type ExportedToken struct {
	Shop string    `json:"shop"`
	At   time.Time `json:"at" doc:"when it was fetched last"`
	Ends time.Time `json:"ends" doc:"when the token ends"`
}

// ClientView is a client without its key.
type ClientView struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	KeyHint string     `json:"key_hint"`
	Mode    string     `json:"mode"`
	Shops   []string   `json:"shops"`
	Live    bool       `json:"live"`
	Created *time.Time `json:"created,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Used    *time.Time `json:"used,omitempty" doc:"when its key was used last, to a minute"`
	// The second key, while it is rotated.
	NextHint string     `json:"next_hint,omitempty" doc:"of a second key, while a rotation lasts"`
	NextUsed *time.Time `json:"next_used,omitempty" doc:"when the second key was used last"`
	ClientRights
}

func (h handlers) mountClients(api huma.API) {
	huma.Register(api, op("list-clients", http.MethodGet, "/v1/clients", "List the clients"), h.clients)
	huma.Register(api, op("create-client", http.MethodPost, "/v1/clients", "Make a client; its key is shown this once"), h.createClient)
	huma.Register(api, op("get-client", http.MethodGet, "/v1/clients/{id}", "Show a client with its rights"), h.client)
	huma.Register(api, op("grant-client", http.MethodPost, "/v1/clients/{id}/grant", "Give a client more rights"), h.grantClient)
	huma.Register(api, op("ungrant-client", http.MethodPost, "/v1/clients/{id}/ungrant", "Take rights from a client"), h.ungrantClient)
	huma.Register(api, op("revoke-client", http.MethodPost, "/v1/clients/{id}/revoke", "End a client's key at once"), h.revokeClient)
}

func (h handlers) viewClient(c access.Client) ClientView {
	return ClientView{ID: c.ID, Name: c.Name, KeyHint: c.KeyHint, Mode: string(c.Mode), Shops: c.Shops, Live: c.Live(h.Now()),
		Created: stamp(c.CreatedAt), Expires: stamp(c.ExpiresAt), Revoked: stamp(c.RevokedAt), Used: stamp(c.UsedAt), NextHint: c.Next.Hint, NextUsed: stamp(c.Next.UsedAt),
		ClientRights: RightsOf(c.Rights)}
}

func (h handlers) clients(ctx context.Context, in *Page) (*body[list[ClientView]], error) {
	after, err := in.after("clients")
	if err != nil {
		return nil, err
	}
	clients, err := h.Clients.ClientsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(clients, in.Limit, h.viewClient, func(c access.Client) string { return cursor("clients", c.ID) }), nil
}

// client answers for one client.
func (h handlers) client(ctx context.Context, in *idPath) (*body[ClientView], error) {
	c, err := h.Clients.Client(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(h.viewClient(c)), nil
}

// GrantBody says what a client gets, or loses. Lists are added to, or taken from; the
// rest replaces what there was when it is given.
type GrantBody struct {
	Mode  string   `json:"mode,omitempty" enum:"read,write"`
	Shops []string `json:"shops,omitempty"`
	ClientRights
	AllGroups bool `json:"all_groups,omitempty" doc:"every ordinary group, whatever was granted before"`
}

// grantClient widens what a client may do.
func (h handlers) grantClient(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body GrantBody
}) (*body[Applied], error) {
	return h.changeClient(ctx, in.ID, in.Body.give)
}

// ungrantClient narrows what a client may do.
func (h handlers) ungrantClient(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body GrantBody
}) (*body[Applied], error) {
	return h.changeClient(ctx, in.ID, in.Body.take)
}

func (h handlers) changeClient(ctx context.Context, id string, change func(*setup.Client) error) (*body[Applied], error) {
	res, err := h.Setup.ChangeClient(ctx, id, change, actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	return answer(applied(res)), nil
}

func (h handlers) createClient(ctx context.Context, in *struct{ Body ManifestClient }) (*body[Applied], error) {
	res, err := h.Setup.Create(ctx, Manifest{Clients: []ManifestClient{in.Body}}.manifest(), actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	return answer(applied(res)), nil
}

func (h handlers) revokeClient(ctx context.Context, in *idPath) (*body[RevokedClient], error) {
	now := h.Now()
	err := h.Clients.RevokeClient(ctx, in.ID, now, audit.Entry{At: now, Actor: actor(ctx), Action: "client.revoke", Subject: "client:" + in.ID, Outcome: audit.Done})
	if err != nil {
		return nil, fail(err)
	}
	exports, err := h.Clients.Exports(ctx, in.ID, now) // the key has ended: nothing can be added
	if err != nil {
		return nil, fail(err)
	}
	out := RevokedClient{Exported: []ExportedToken{}}
	for _, x := range exports {
		out.Exported = append(out.Exported, ExportedToken{Shop: x.ShopID, At: x.At.UTC(), Ends: x.Ends.UTC()})
	}
	return answer(out), nil
}
