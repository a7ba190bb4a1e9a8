package wechat

import (
	"context"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Paths of a third-party platform's calls, see
// developers.weixin.qq.com/doc/oplatform/openApi/ticket-token.
const (
	pathComponentToken  = "/cgi-bin/component/api_component_token"
	pathStartPushTicket = "/cgi-bin/component/api_start_push_ticket"
	pathPreAuthCode     = "/cgi-bin/component/api_create_preauthcode"
	pathQueryAuth       = "/cgi-bin/component/api_query_auth"
	pathAuthorizerToken = "/cgi-bin/component/api_authorizer_token"
	pathAuthorizerInfo  = "/cgi-bin/component/api_get_authorizer_info"
	pathAuthorizerList  = "/cgi-bin/component/api_get_authorizer_list"
)

// ComponentGrant is a platform's own access token.
type ComponentGrant struct {
	Meta
	Token ComponentToken
	// ExpiresIn is the token's life, from RequestStart: two hours as a rule.
	ExpiresIn time.Duration
}

// ExpiresAt returns when the token ends, seen from our clock.
func (g *ComponentGrant) ExpiresAt() time.Time { return g.RequestStart.Add(g.ExpiresIn) }

// ComponentToken fetches a platform's access token with the newest ticket:
// /doc/oplatform/openApi/ticket-token/api_getcomponentaccesstoken. The number
// of fetches per day is limited and not published. A ticket that WeChat does
// not accept is [ClassTicket].
//
// The call is sent at most once.
func (c *Client) ComponentToken(ctx context.Context, componentAppID string, appSecret secret.Value, ticket Ticket) (*ComponentGrant, error) {
	w, err := postJSON(pathComponentToken, []secret.Value{appSecret, ticket.Value}, componentTokenBody{
		ComponentAppID: componentAppID, Secret: appSecret.RevealString(), Ticket: ticket.RevealString(),
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || appSecret.IsZero() || ticket.IsZero() {
		return nil, w.refuse("component_appid, secret and ticket are needed")
	}
	return answerOf(ctx, c, w, readComponentGrant)
}

// componentTokenBody calls the secret component_appsecret. It holds secrets in
// the clear for as long as it takes to write it.
type componentTokenBody struct {
	ComponentAppID string `json:"component_appid"`
	Secret         string `json:"component_appsecret"`
	Ticket         string `json:"component_verify_ticket"`
}

func readComponentGrant(o object, meta Meta) (*ComponentGrant, error) {
	token, err := o.need("component_access_token")
	if err != nil {
		return nil, err
	}
	life, err := o.lifetime("expires_in")
	if err != nil {
		return nil, err
	}
	return &ComponentGrant{Meta: meta, Token: ComponentToken{secret.FromString(token)}, ExpiresIn: life}, nil
}

// TicketPush says in which state the pushing of tickets was.
type TicketPush struct {
	Meta
	// AlreadyOn is true when nothing had to be done. False means that pushing
	// had stopped and begins again: look for what refused the pushes.
	AlreadyOn bool
}

// StartPushTicket makes WeChat push tickets again, and tells whether it had
// stopped: a harmless probe. It needs neither ticket nor token.
// See /doc/oplatform/openApi/ticket-token/api_startpushticket.
func (c *Client) StartPushTicket(ctx context.Context, componentAppID string, appSecret secret.Value) (*TicketPush, error) {
	w, err := postJSON(pathStartPushTicket, []secret.Value{appSecret}, startPushTicketBody{
		ComponentAppID: componentAppID, Secret: appSecret.RevealString(),
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || appSecret.IsZero() {
		return nil, w.refuse("component_appid and secret are needed")
	}
	return answerOf(ctx, c, w, readTicketPush)
}

// startPushTicketBody calls the secret component_secret, unlike
// componentTokenBody.
type startPushTicketBody struct {
	ComponentAppID string `json:"component_appid"`
	Secret         string `json:"component_secret"`
}

// readTicketPush tells "ok" (it began) from "in a normal state" (it was on).
func readTicketPush(o object, meta Meta) (*TicketPush, error) {
	if isEmpty(o["errcode"]) {
		return nil, errNoVerdict
	}
	on := strings.Contains(strings.ToLower(o.text("errmsg")), "normal state")
	return &TicketPush{Meta: meta, AlreadyOn: on}, nil
}

// PreAuth is a pre-authorisation code, for one authorisation link.
type PreAuth struct {
	Meta
	Code PreAuthCode
	// ExpiresIn is the code's life, from RequestStart. WeChat's page says 1800
	// seconds and shows 600: this is what the answer said.
	ExpiresIn time.Duration
}

// ExpiresAt returns when the code ends, seen from our clock.
func (p *PreAuth) ExpiresAt() time.Time { return p.RequestStart.Add(p.ExpiresIn) }

// PreAuthCode fetches the code that an authorisation link carries:
// /doc/oplatform/openApi/ticket-token/api_getpreauthcode.
func (c *Client) PreAuthCode(ctx context.Context, token ComponentToken, componentAppID string) (*PreAuth, error) {
	w, err := c.platformPost(pathPreAuthCode, token, nil, preAuthBody{componentAppID})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" {
		return nil, w.refuse("component_appid is needed")
	}
	return answerOf(ctx, c, w, readPreAuth)
}

type preAuthBody struct {
	ComponentAppID string `json:"component_appid"`
}

func readPreAuth(o object, meta Meta) (*PreAuth, error) {
	code, err := o.need("pre_auth_code")
	if err != nil {
		return nil, err
	}
	life, err := o.lifetime("expires_in")
	if err != nil {
		return nil, err
	}
	return &PreAuth{Meta: meta, Code: PreAuthCode{secret.FromString(code)}, ExpiresIn: life}, nil
}

// platformPost prepares a POST with the platform's token.
func (c *Client) platformPost(path string, token ComponentToken, secrets []secret.Value, in any) (*wire, error) {
	w, err := postJSON(path, secrets, in)
	if err != nil {
		return nil, err
	}
	if err := w.addToken(token, c.tokenKey(path)); err != nil {
		return nil, err
	}
	return w, nil
}

// answerOf sends w and lets read make sense of a success. When read cannot,
// the call may have taken effect all the same.
func answerOf[T any](ctx context.Context, c *Client, w *wire, read func(object, Meta) (*T, error)) (*T, error) {
	o, meta, err := c.ask(ctx, w)
	if err != nil {
		return nil, err
	}
	v, err := read(o, meta)
	if err != nil {
		return nil, w.fail(OutcomeUnknown, meta, err)
	}
	return v, nil
}
