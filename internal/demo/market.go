package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// What the platform's console and our manifest agree on. None of it exists at
// WeChat.
const (
	platformID = "platform"
	serviceID  = "orders"
	pushToken  = "demotoken1"
	pushAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// OpenMarket is [Open] for a service provider: it also declares a third-party
// platform that sells a service in the emulator's market, and waits for the
// platform's first token. Pushes come as they do from WeChat, by themselves.
func OpenMarket(ctx context.Context) (_ *Stage, err error) {
	s, err := openIn(ctx, wechatsim.PlatformWorld())
	if err != nil {
		return nil, err
	}
	if err := s.st.openMarket(ctx); err != nil {
		_ = s.Close() // the first error says more
		return nil, err
	}
	return s, nil
}

// openMarket does what a provider does in WeChat's consoles, and here.
func (s *stage) openMarket(ctx context.Context) error {
	platform := adminapi.ManifestApp{
		ID: platformID, Kind: "component", AppID: wechatsim.DefaultComponent, Secret: wechatsim.DefaultComponentSecret, Name: "掌上订单",
		CallbackHost: s.url.Host, ManifestPush: adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey},
		Services: []adminapi.ManifestService{{ID: serviceID, ServiceID: fmt.Sprint(wechatsim.DefaultService), Name: "订单管家"}},
	}
	if err := s.ask(ctx, "POST", "/v1/apply", adminapi.Manifest{Apps: []adminapi.ManifestApp{platform}}, nil); err != nil {
		return fmt.Errorf("declare the platform: %w", err)
	}
	base := s.url.String()
	err := s.sim.SetApp(wechatsim.DefaultComponent, func(a *wechatsim.App) {
		a.Services[0].URL = base + "/market/callback/" + platformID + "/" + serviceID
	})
	if err != nil {
		return err
	}
	err = s.sim.SetPush(ctx, wechatsim.DefaultComponent, wechatsim.PushSettings{
		AuthURL: base + "/wechat/push/" + platformID + "/auth", EventURL: base + "/wechat/push/" + platformID + "/event/$APPID$",
		Token: pushToken, EncodingAESKey: pushAESKey,
	})
	if err != nil {
		return err
	}
	return s.awaitPlatform(ctx)
}

// awaitPlatform waits until the first ticket came and a token was had for it.
func (s *stage) awaitPlatform(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		g, err := s.grantOf(ctx, "component")
		if err != nil || g.Generation > 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the platform got no token: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// Jump lets somebody of the market's shop click 去使用 and gives the address
// that their browser is sent to, which nobody has opened yet.
func (s *Stage) Jump(ctx context.Context) (string, error) {
	return s.st.sim.OpenService(ctx, wechatsim.DefaultMarketShop, wechatsim.DefaultService)
}

// AccountLink makes a link on which the administrator of an account that is no shop
// authorises the platform. Only a stage of [OpenMarket] has one.
func (s *Stage) AccountLink(ctx context.Context) (string, error) {
	var made adminapi.LinkView
	if err := s.st.ask(ctx, "POST", "/v1/apps/"+platformID+"/links", map[string]string{}, &made); err != nil {
		return "", fmt.Errorf("make a link for an account: %w", err)
	}
	return made.Link, nil
}
