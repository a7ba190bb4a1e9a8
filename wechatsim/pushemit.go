package wechatsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// teamOpenID is who events of shops come from: an account of WeChat itself.
const teamOpenID = "o_sim_wechat_team_0001"

// anonymousEvents are shown without FromUserName in the documents.
var anonymousEvents = []string{"channels_ec_withdraw_notify", "qrcode_status"}

// authFields is the order of an authorisation event's elements, as in
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/authorize_event.html.
var authFields = []string{"ComponentVerifyTicket", "AuthorizerAppid", "AuthorizationCode", "AuthorizationCodeExpiredTime", "PreAuthCode"}

// emitAuth queues an event for a platform's authorisation URL. A platform
// without one hears nothing. The mutex is held.
func (s *Sim) emitAuth(component *app, infoType string, fields map[string]string) {
	p := s.newPush(component, pushAuth)
	if p == nil || component.Push.AuthURL == "" {
		return
	}
	if infoType == infoTicket {
		p.kind = pushTicket
	}
	p.name, p.to, p.shop = infoType, component.AppID, fields["AuthorizerAppid"]
	o := pushObject{{"AppId", component.AppID}, {"CreateTime", unixNumber(p.made)}, {"InfoType", infoType}}
	for _, name := range authFields {
		switch v, has := fields[name]; {
		case has && name == "AuthorizationCodeExpiredTime":
			o = append(o, pushField{name, json.Number(v)})
		case has:
			o = append(o, pushField{name, v})
		}
	}
	p.plain = o.toXML()
	s.arise(p)
	if infoType == infoTicket {
		s.line(p.appid).note(fields["ComponentVerifyTicket"], p.made)
	}
}

// emitShop queues an event of a shop, for the shop's own URL and for every
// platform that the shop has authorised. body encodes to one JSON object. The
// mutex is held.
func (s *Sim) emitShop(shopAppID, event string, body any) {
	o, err := parsePushObject(encode(body))
	if err != nil {
		panic("wechatsim: the event " + event + " is no object: " + err.Error())
	}
	s.emitShopAt(shopAppID, event, o, s.Now())
}

// emitShopAt is emitShop for an event that happens at a moment to come.
func (s *Sim) emitShopAt(shopAppID, event string, body pushObject, at time.Time) {
	if own := s.apps[shopAppID]; own != nil {
		if p := s.newPush(own, pushShop); p != nil && own.Push.URL != "" {
			p.json = true
			s.addressShop(p, shopAppID, event, body, at)
		}
	}
	for _, platform := range s.platforms {
		if platform.platform.grants[shopAppID] == nil {
			continue
		}
		if p := s.newPush(platform, pushShop); p != nil && platform.Push.EventURL != "" {
			s.addressShop(p, shopAppID, event, body, at)
		}
	}
}

// addressShop writes the message in the dialect of p and queues it.
func (s *Sim) addressShop(p *push, shopAppID, event string, body pushObject, at time.Time) {
	p.name, p.shop, p.to, p.made, p.due = event, shopAppID, s.originalID(shopAppID), at, at
	o := pushObject{{"ToUserName", p.to}}
	if !slices.Contains(anonymousEvents, event) {
		o = append(o, pushField{"FromUserName", teamOpenID})
	}
	o = append(o, pushField{"CreateTime", unixNumber(at)}, pushField{"MsgType", "event"}, pushField{"Event", event})
	if p.json {
		p.plain = append(o, body...).toJSON()
	} else {
		p.plain = append(o, body.reordered()...).toXML()
	}
	s.arise(p)
}

// newPush starts a message for an app's server with the credentials of now,
// nil if the app has no push settings that work.
func (s *Sim) newPush(a *app, kind pushKind) *push {
	if a.Push == nil {
		return nil
	}
	key, err := parsePushKey(a.Push.EncodingAESKey)
	if err != nil {
		return nil
	}
	previous, err := parsePushKey(a.Push.PreviousEncodingAESKey)
	if err != nil {
		previous = key
	}
	now := s.Now()
	return &push{kind: kind, appid: a.AppID, tail: a.AppID, token: a.Push.Token, key: key, previous: previous, made: now, due: now}
}

// pushURL is where p goes now: an edit of the URL reaches what is under way.
func (s *Sim) pushURL(p *push) string {
	a := s.apps[p.appid]
	switch {
	case a == nil || a.Push == nil:
		return ""
	case p.kind == pushTicket || p.kind == pushAuth:
		return a.Push.AuthURL
	case a.Kind == Component:
		return strings.ReplaceAll(a.Push.EventURL, "$APPID$", p.shop)
	}
	return a.Push.URL
}

// originalID is the gh_ id of an account.
func (s *Sim) originalID(appid string) string {
	if sh := s.shops[appid]; sh != nil {
		return sh.Username
	}
	return "gh_" + derive(s.world.Seed, "gh", appid)[:12]
}

// unixNumber is a CreateTime.
func unixNumber(t time.Time) json.Number { return json.Number(fmt.Sprint(t.Unix())) }

// PushShop lets something happen in a shop: event is its name and body the JSON
// object that comes with it, as in {"order_info":{"order_id":"…"}}. It goes to
// the shop's own URL and to every platform the shop has authorised. Ids that
// the documents show as numbers are to be numbers in body.
func (s *Sim) PushShop(appid, event string, body []byte) error {
	o, err := parsePushObject(body)
	if err != nil {
		return err
	}
	if event == "" {
		return fmt.Errorf("the event has no name: write one like %q", "channels_ec_order_pay")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account(appid) == nil {
		return fmt.Errorf("shop %q: %w", appid, ErrNoApp)
	}
	s.emitShopAt(appid, event, o, s.Now())
	return nil
}
