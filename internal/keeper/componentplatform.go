package keeper

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Component implements [ComponentPlatform].
func (w WeChat) Component(ctx context.Context, app access.App, appSecret, ticket secret.Value) (Answer, error) {
	c, err := w.client(app)
	if err != nil {
		return Answer{}, err
	}
	g, err := c.ComponentToken(ctx, app.AppID, appSecret, wechat.Ticket{Value: ticket})
	if err != nil {
		return Answer{}, failureOf(err)
	}
	return Answer{Access: g.Token.Value, ExpiresIn: g.ExpiresIn}, nil
}

// RefreshAuthorizer implements [ComponentPlatform].
func (w WeChat) RefreshAuthorizer(
	ctx context.Context, app access.App, componentToken secret.Value, authorizer string, refresh secret.Value,
) (Answer, error) {
	c, err := w.client(app)
	if err != nil {
		return Answer{}, err
	}
	g, err := c.RefreshAuthorizer(ctx, wechat.ComponentToken{Value: componentToken}, app.AppID, authorizer,
		wechat.AuthorizerRefreshToken{Value: refresh})
	if err != nil {
		return Answer{}, failureOf(err)
	}
	return Answer{Access: g.Token.Value, Refresh: g.Refresh.Value, ExpiresIn: g.ExpiresIn}, nil
}

// unauthorised is the errcode for an account that did not authorise the platform.
// It comes at times for one that did, so that two answers must say so.
const unauthorised = 61003

// FindRefresh implements [ComponentPlatform]. It asks about the account, and reads
// the list of all accounts only if that answer holds no refresh token.
func (w WeChat) FindRefresh(
	ctx context.Context, app access.App, componentToken secret.Value, authorizer string,
) (refresh secret.Value, authorised bool, err error) {
	c, err := w.client(app)
	if err != nil {
		return refresh, false, err
	}
	token := wechat.ComponentToken{Value: componentToken}
	info, err := c.AuthorizerInfo(ctx, token, app.AppID, authorizer)
	if e, ok := errors.AsType[*wechat.Error](err); err != nil && !(ok && e.Code == unauthorised) {
		return refresh, false, failureOf(err)
	}
	if err == nil && !info.Refresh.IsZero() {
		return info.Refresh.Value, true, nil
	}
	listed, found, listErr := findListed(ctx, c, token, app.AppID, authorizer)
	if listErr != nil {
		return refresh, false, failureOf(listErr)
	}
	return listed.Refresh.Value, found || err == nil, nil
}

// errHoles says that the account may be in the list under no name.
var errHoles = &wechat.Error{
	Op: "POST /cgi-bin/component/api_get_authorizer_list", Kind: wechat.KindComponent, Outcome: wechat.OutcomeAnswered,
	Err: fmt.Errorf("%w: entries without an appid", wechat.ErrMalformed),
}

// findListed reads the list of accounts page by page until the one is found.
func findListed(
	ctx context.Context, c *wechat.Client, token wechat.ComponentToken, app, authorizer string,
) (found wechat.ListedAuthorizer, ok bool, err error) {
	holes := false
	for offset := 0; ; {
		page, err := c.AuthorizerList(ctx, token, app, offset, wechat.MaxAuthorizers)
		if err != nil {
			return found, false, err
		}
		for _, listed := range page.Authorizers {
			if listed.AppID == authorizer {
				return listed, true, nil
			}
		}
		holes = holes || page.Skipped > 0
		if offset += page.Rows(); page.Rows() == 0 || offset >= page.Total {
			break
		}
	}
	if holes {
		return found, false, errHoles
	}
	return found, false, nil
}

// componentProbePath is a read that a platform may make with its own token:
// developers.weixin.qq.com/doc/channels/api/basic/api_getcallbackip.
const componentProbePath = "/cgi-bin/getcallbackip"

// ProbeComponent implements [ComponentPlatform].
func (w WeChat) ProbeComponent(ctx context.Context, app access.App, token secret.Value) (dead bool, err error) {
	c, err := w.client(app)
	if err != nil {
		return false, err
	}
	r := wechat.Request{Method: http.MethodGet, Path: componentProbePath, Token: wechat.ComponentToken{Value: token}}
	_, err = c.CallJSON(ctx, r, nil, nil)
	return judgeProbe(err, deadTokenCodes)
}
