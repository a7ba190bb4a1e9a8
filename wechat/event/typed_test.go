package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat/event"
)

func decode(t *testing.T, text string) event.Event {
	t.Helper()
	e, err := event.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return e
}

const (
	ticketXML     = `<xml><AppId>wx00000000000000c1</AppId><CreateTime>1700000000</CreateTime><InfoType>component_verify_ticket</InfoType><ComponentVerifyTicket>ticket@@@bait</ComponentVerifyTicket></xml>`
	authorizedXML = `<xml><AppId>wx00000000000000c1</AppId><CreateTime>1700000000</CreateTime><InfoType>authorized</InfoType><AuthorizerAppid>wx00000000000000b2</AuthorizerAppid><AuthorizationCode>queryauthcode@@@bait</AuthorizationCode><AuthorizationCodeExpiredTime>1700003600</AuthorizationCodeExpiredTime><PreAuthCode>preauthcode@@@bait</PreAuthCode></xml>`
)

func TestTicket(t *testing.T) {
	for _, text := range []string{
		ticketXML,
		`{"AppId":"wx00000000000000c1","CreateTime":1700000000,"InfoType":"component_verify_ticket","ComponentVerifyTicket":"ticket@@@bait"}`,
	} {
		e := decode(t, text)
		got, err := e.Ticket()
		if err != nil || got.ComponentAppID != "wx00000000000000c1" || got.CreateTime != 1700000000 || got.Value.RevealString() != "ticket@@@bait" {
			t.Errorf("%+v, %v", got, err)
		}
		if string(e.Body) != "{}" {
			t.Errorf("body %s", e.Body)
		}
	}
}

func TestAuthorization(t *testing.T) {
	e := decode(t, authorizedXML)
	a, err := e.Authorization()
	if err != nil || a.ComponentAppID != "wx00000000000000c1" || a.AuthorizerAppID != "wx00000000000000b2" || a.CreateTime != 1700000000 || a.Updated {
		t.Errorf("%+v, %v", a, err)
	}
	if a.Code.RevealString() != "queryauthcode@@@bait" || a.PreAuthCode.RevealString() != "preauthcode@@@bait" {
		t.Error("the codes are not those of the message")
	}
	if want := `{"AuthorizationCodeExpiredTime":"1700003600","AuthorizerAppid":"wx00000000000000b2"}`; string(e.Body) != want {
		t.Errorf("body %s, want %s", e.Body, want)
	}
	// Bought in the service market, so no link and no PreAuthCode.
	e = decode(t, `{"AppId":"wx1","CreateTime":1700000000,"InfoType":"updateauthorized","AuthorizerAppid":"wx2","AuthorizationCode":"c","PreAuthCode":""}`)
	if a, err := e.Authorization(); err != nil || !a.Updated || !a.PreAuthCode.IsZero() || !a.CodeExpires.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
}

// The page says "seconds" and no more.
func TestCodeExpiryIsAMomentOrASpan(t *testing.T) {
	created := time.Unix(1700000000, 0)
	for text, want := range map[string]time.Time{
		"1700003600": created.Add(time.Hour),
		"3600":       created.Add(time.Hour),
		"1000000000": created.Add(1e9 * time.Second),
		"1000000001": time.Unix(1000000001, 0),
		"":           {}, "0": {}, "-1": {}, "soon": {}, "1700003600000": {}, "99999999999999999999": {},
	} {
		e := decode(t, strings.Replace(authorizedXML, "1700003600", text, 1))
		if a, err := e.Authorization(); err != nil || !a.CodeExpires.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", text, a.CodeExpires, err, want)
		}
	}
}

func TestWithdrawal(t *testing.T) {
	e := decode(t, samples[7].xml)
	w, err := e.Withdrawal()
	want := event.Withdrawal{ComponentAppID: "wx00000000000000c1", AuthorizerAppID: "wx00000000000000b2", CreateTime: 1413192760}
	if err != nil || w != want {
		t.Errorf("%+v, %v, want %+v", w, err, want)
	}
}

func TestUserChange(t *testing.T) {
	const head = `{"ToUserName":"gh_demo","FromUserName":"o_wechat","CreateTime":1627359464,"MsgType":"event","AppID":"wx00000000000000a1",`
	tests := []struct {
		rest string
		want event.UserChange
		err  error
	}{
		{`"Event":"user_authorization_revoke","OpenID":"o_1","UnionID":"u_1","RevokeInfo":"301"}`, event.UserChange{Name: event.NameUserRevoked, OpenID: "o_1", UnionID: "u_1", RevokeInfo: "301"}, nil},
		{`"Event":"user_authorization_revoke"," OpenID":"o_1","RevokeInfo":205}`, event.UserChange{Name: event.NameUserRevoked, OpenID: "o_1", RevokeInfo: "205"}, nil},
		{`"Event":"user_authorization_cancellation","OpenID":"o_1"}`, event.UserChange{Name: event.NameUserCancelled, OpenID: "o_1"}, nil},
		{`"Event":"user_authorization_revoke","PluginID":"wx2","OpenPID":"p_1","RevokeInfo":"6"}`, event.UserChange{Name: event.NameUserRevoked, PluginID: "wx2", OpenPID: "p_1", RevokeInfo: "6"}, nil},
		{`"Event":"user_info_modified","OpenID":"o_1"}`, event.UserChange{Name: event.NameUserModified, OpenID: "o_1"}, nil},
		{`"Event":"user_info_modified"}`, event.UserChange{Name: event.NameUserModified}, nil},
		{`"Event":"user_authorization_revoke","RevokeInfo":"301"}`, event.UserChange{}, event.ErrIncomplete},
		{`"Event":"user_authorization_cancellation","OpenID":["o_1","o_2"]}`, event.UserChange{}, event.ErrIncomplete},
	}
	for _, tt := range tests {
		e := decode(t, head+tt.rest)
		if tt.err == nil {
			tt.want.AppID = "wx00000000000000a1"
		}
		if got, err := e.UserChange(); got != tt.want || !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.rest, got, err, tt.want, tt.err)
		}
	}
}

// asked calls every typed view of an event.
func asked(e *event.Event) map[string]error {
	_, ticket := e.Ticket()
	_, authorization := e.Authorization()
	_, withdrawal := e.Withdrawal()
	_, user := e.UserChange()
	return map[string]error{"ticket": ticket, "authorization": authorization, "withdrawal": withdrawal, "user": user}
}

func TestTypedViewsRefuseOtherEvents(t *testing.T) {
	for text, own := range map[string]string{ticketXML: "ticket", authorizedXML: "authorization", samples[7].xml: "withdrawal", samples[5].json: "user", samples[0].json: "none"} {
		e := decode(t, text)
		for view, err := range asked(&e) {
			if view == own && err != nil || view != own && !errors.Is(err, event.ErrOtherEvent) {
				t.Errorf("%s as %s: error %v", e.Name, view, err)
			}
		}
	}
}

// Every member that an event cannot be used without is missed.
func TestTypedViewsMissMembers(t *testing.T) {
	for view, members := range map[string]map[string]string{
		"ticket":        {"AppId": "wx1", "CreateTime": "1", "InfoType": "component_verify_ticket", "ComponentVerifyTicket": "t"},
		"authorization": {"AppId": "wx1", "CreateTime": "1", "InfoType": "authorized", "AuthorizerAppid": "wx2", "AuthorizationCode": "c"},
		"withdrawal":    {"AppId": "wx1", "CreateTime": "1", "InfoType": "unauthorized", "AuthorizerAppid": "wx2"},
	} {
		for missing := range members {
			if missing == "InfoType" {
				continue
			}
			rest := map[string]string{}
			for name, v := range members {
				if name != missing {
					rest[name] = v
				}
			}
			text, err := json.Marshal(rest)
			if err != nil {
				t.Fatal(err)
			}
			e := decode(t, string(text))
			if err := asked(&e)[view]; !errors.Is(err, event.ErrIncomplete) {
				t.Errorf("%s without %s: error %v", view, missing, err)
			}
		}
	}
}

// An event whose body came back from a store without its credentials is told.
func TestTypedViewsOfStoredEvents(t *testing.T) {
	e := decode(t, authorizedXML)
	stored := event.Event{Name: e.Name, AppID: e.AppID, CreateTime: e.CreateTime, Body: e.Body}
	if _, err := stored.Authorization(); !errors.Is(err, event.ErrIncomplete) {
		t.Errorf("without its code: %v", err)
	}
	for _, name := range []string{event.NameAuthorized, event.NameUnauthorized, event.NameUserRevoked} {
		broken := event.Event{Name: name, Body: json.RawMessage("x")}
		for view, err := range asked(&broken) {
			if !errors.Is(err, event.ErrIncomplete) && !errors.Is(err, event.ErrOtherEvent) {
				t.Errorf("%s as %s with a broken body: %v", name, view, err)
			}
		}
	}
}

func TestEventsDoNotPrintCredentials(t *testing.T) {
	for _, text := range []string{ticketXML, authorizedXML, strings.Replace(ticketXML, "ticket@@@bait", "<a>bait</a>", 1)} {
		e := decode(t, text)
		ticket, _ := e.Ticket()
		authorization, _ := e.Authorization()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			out := fmt.Sprintf(verb, []any{e, &e, ticket, authorization}) + string(e.Body)
			if strings.Contains(out, "bait") || strings.Contains(out, fmt.Sprintf("%x", "bait")) {
				t.Errorf("%s prints a credential: %s", verb, out)
			}
		}
		if out, err := json.Marshal(e); err != nil || strings.Contains(string(out), "bait") {
			t.Errorf("as JSON: %s, %v", out, err)
		}
	}
}
