package adminapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// SigningKeys lists and replaces the keys that sign what others verify.
type SigningKeys interface {
	// Kept gives the keys without their private halves, by algorithm and time.
	Kept(ctx context.Context) ([]access.SigningKey, error)
	// Replace ends all keys of an algorithm at once and makes another.
	Replace(ctx context.Context, alg string, by audit.Actor) error
}

// SigningKeyView is a key that signs, without the key.
type SigningKeyView struct {
	ID             string    `json:"id" doc:"Its kid: the thumbprint of the public half"`
	Alg            string    `json:"alg" doc:"ES256 signs assertions, RS256 what programs of OpenID Connect get"`
	SignsFrom      time.Time `json:"signs_from" doc:"When it begins to sign"`
	SignsUntil     time.Time `json:"signs_until" doc:"When the next one signs in its place"`
	PublishedUntil time.Time `json:"published_until" doc:"Until when others can verify with it"`
}

func (h handlers) mountSigning(api huma.API) {
	huma.Register(api, op("list-signing-keys", http.MethodGet, "/v1/signing-keys", "List the keys that sign what others verify"), h.signingKeys)
	huma.Register(api, op("replace-signing-keys", http.MethodPost, "/v1/signing-keys/{alg}/replace",
		"End the signing keys of an algorithm at once and make another; what they signed is worth nothing from then on"), h.replaceSigningKeys)
}

func (h handlers) signingKeys(ctx context.Context, in *Page) (*body[list[SigningKeyView]], error) {
	after, err := in.after("signing-keys")
	if err != nil {
		return nil, err
	}
	all, err := h.Signing.Kept(ctx)
	if err != nil {
		return nil, fail(err)
	}
	if i := slices.IndexFunc(all, func(k access.SigningKey) bool { return k.ID == after }); after != "" {
		all = all[i+1:] // from the beginning if it is gone
	}
	all = all[:min(len(all), in.Limit+1)]
	return pageOf(all, in.Limit, viewSigningKey, func(k access.SigningKey) string { return cursor("signing-keys", k.ID) }), nil
}

func (h handlers) replaceSigningKeys(ctx context.Context, in *struct {
	Alg string `path:"alg" enum:"ES256,RS256" doc:"The algorithm"`
}) (*body[list[SigningKeyView]], error) {
	if err := h.Signing.Replace(ctx, in.Alg, actor(ctx)); err != nil {
		return nil, fail(err)
	}
	all, err := h.Signing.Kept(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return listOf(all, viewSigningKey), nil
}

func viewSigningKey(k access.SigningKey) SigningKeyView {
	return SigningKeyView{ID: k.ID, Alg: k.Alg, SignsFrom: k.SignsFrom, SignsUntil: k.SignsUntil, PublishedUntil: k.PublishedUntil}
}
