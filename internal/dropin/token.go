package dropin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// request is what a program sends for a token. What it wants of force_refresh is
// not read: nothing is minted for it.
type request struct {
	GrantType string `json:"grant_type"`
	AppID     string `json:"appid"`
	Secret    string `json:"secret"`
	export    bool
}

// answer is the shape of both endpoints:
// developers.weixin.qq.com/doc/store/shop/API/basics/getStableAccessToken.
type answer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// token answers GET /cgi-bin/token.
func (d *Dropin) token(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return d.give(w, r, request{
		GrantType: q.Get("grant_type"), AppID: q.Get("appid"), Secret: q.Get("secret"), export: q.Get(exportKey) == "1",
	})
}

// stable answers POST /cgi-bin/stable_token.
func (d *Dropin) stable(w http.ResponseWriter, r *http.Request) error {
	var in request
	if err := read(r, &in); err != nil {
		return err
	}
	in.export = wantsExport(r)
	return d.give(w, r, in)
}

func (d *Dropin) give(w http.ResponseWriter, r *http.Request, in request) error {
	ctx := r.Context()
	if err := in.check(); err != nil {
		return err
	}
	who, err := d.byKey(ctx, in.Secret)
	if err != nil {
		return err
	}
	shop, ok, err := d.shopOf(ctx, who, in.AppID)
	if err != nil {
		return err
	}
	if !ok {
		return d.notTheirs(ctx, who, in.AppID)
	}
	if in.export {
		t, err := d.export(ctx, who, shop)
		if err != nil {
			return err
		}
		d.count(r, who, shop)
		return write(w, answer{t.Value.RevealString(), seconds(t.Ends.Sub(d.o.Now()))})
	}
	text, left := d.alias(who, shop)
	d.count(r, who, shop)
	return write(w, answer{text.RevealString(), seconds(left)})
}

// check looks for what is missing, in WeChat's order.
func (in request) check() error {
	switch {
	case in.GrantType != "client_credential":
		return errGrantType()
	case in.AppID == "":
		return errMissing(41002, "appid")
	case in.Secret == "":
		return errMissing(41004, "secret")
	}
	return nil
}

// notTheirs refuses an appid. A platform's is told apart for those who hold a shop
// of it.
func (d *Dropin) notTheirs(ctx context.Context, who caller, appID string) error {
	_, err := d.platformOf(ctx, who, appID)
	if err == nil {
		return d.refuse(ctx, who, "", errComponentAppID())
	}
	if !errors.Is(err, access.ErrNotFound) {
		return err
	}
	return d.refuse(ctx, who, "", errAppID())
}

// alias stands for the shop's token in the caller's hands.
func (d *Dropin) alias(who caller, shop access.Shop) (secret.Value, time.Duration) {
	return d.o.Aliases.Make(alias.Name{Kind: alias.Shop, KeyHash: who.hash, ID: shop.ID}, d.o.Now())
}

// seconds is expires_in: whole seconds, rounded down.
func seconds(d time.Duration) int64 { return max(0, int64(d/time.Second)) }

// read decodes a body. It does not repeat what was sent.
func read(r *http.Request, into any) error {
	b, err := bodyOf(r)
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooBig
	}
	if err != nil || json.Unmarshal(b, into) != nil {
		return errBody()
	}
	return nil
}

// bodyOf reads a body of bounded length.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.ContentLength <= 0 {
		return io.ReadAll(r.Body)
	}
	b := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, b)
	return b, err
}

func write(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json; charset=utf-8"}
	h["Cache-Control"] = []string{"no-store"}
	_, _ = w.Write(b) // an error means that the caller is gone
	return nil
}
