package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestShopEvents: a shop's own push in JSON and a platform's in XML become the same
// event, recorded before the answer.
func TestShopEvents(t *testing.T) {
	tests := []struct {
		name, app, path, plain string
		want                   grant.Event
	}{
		{
			"own, json", "own", "/wechat/push/own/event/" + ownShopID, shopEvent(msgcrypt.JSON, "3720115058015703040", start),
			grant.Event{App: "own", ShopID: "lantian", AppID: ownShopID},
		},
		{
			"platform, xml", "platform", "/wechat/push/platform/event/" + servedID, shopEvent(msgcrypt.XML, "3720115058015703040", start),
			grant.Event{App: "platform", ShopID: "baiyun", AppID: servedID},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.now = start.Add(time.Minute)
			r.takes(sealed(t, tt.app, tt.path, tt.plain, start))
			tt.want.Name, tt.want.At, tt.want.SeenAt = "channels_ec_order_new", start, r.now
			tt.want.Body = json.RawMessage(`{"order_info":{"order_id":"3720115058015703040"}}`)
			pushes, events := r.store.recorded()
			if diff := cmp.Diff([]grant.Event{tt.want}, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if len(pushes) != 1 || pushes[0].App != tt.app || string(pushes[0].Digest) != string(digestOf(tt.plain)) || !pushes[0].At.Equal(r.now) {
				t.Errorf("recorded %+v, want one push of %s with the digest of the message", pushes, tt.app)
			}
			if diff := cmp.Diff([]string{"taken"}, r.counts.outcomes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAnswer: the exact words of WeChat, as plain text.
func TestAnswer(t *testing.T) {
	r := newRig(t)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, "1", start), start))
	if w.Code != http.StatusOK || w.Body.String() != "success" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("answered %d %q as %q", w.Code, w.Body, w.Header().Get("Content-Type"))
	}
}

// TestSeen: the same message under another random, nonce and timestamp is taken
// once, and WeChat is told that all is well.
func TestSeen(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		r.takes(sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, "1", start), start.Add(time.Duration(i)*time.Minute)))
	}
	if pushes, events := r.store.recorded(); len(pushes) != 1 || len(events) != 1 {
		t.Errorf("%d pushes and %d events are recorded, want one of each", len(pushes), len(events))
	}
	if diff := cmp.Diff([]string{"taken", "seen", "seen"}, r.counts.outcomes); diff != "" {
		t.Error(diff)
	}
}

// TestNothing: pushes that nobody waits for are recorded and change nothing.
func TestNothing(t *testing.T) {
	tests := []struct{ name, app, path, plain string }{
		{"unknown shop", "platform", "/wechat/push/platform/event/wx00000000000000ff", shopEvent(msgcrypt.XML, "1", start)},
		{"a shop that another app serves", "platform", "/wechat/push/platform/event/" + ownShopID, shopEvent(msgcrypt.XML, "1", start)},
		{"an endless appid", "platform", "/wechat/push/platform/event/wx" + strings.Repeat("0", 65), shopEvent(msgcrypt.XML, "1", start)},
		{"a person's message", "own", "/wechat/push/own/event/" + ownShopID, `{"ToUserName":"gh_000000000001","FromUserName":"o_demo_owner_0001","CreateTime":1772352000,"MsgType":"text","Content":"hi"}`},
		{"nobody decides", "account", "/wechat/push/account/event/" + accountID, `{"ToUserName":"gh_000000000001","MsgType":"event","Event":"subscribe"}`},
		{"unknown InfoType", "platform", "/wechat/push/platform/auth", `<xml><AppId>` + platformID + `</AppId><InfoType>notify_third_fasteregister</InfoType></xml>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.takes(sealed(t, tt.app, tt.path, tt.plain, start))
			if pushes, events := r.store.recorded(); len(pushes) != 1 || len(events) != 0 {
				t.Errorf("%d pushes and %d events are recorded, want one and none", len(pushes), len(events))
			}
			if diff := cmp.Diff([]string{"taken nothing"}, r.counts.outcomes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNoTime: an event that does not say when it happened happened when it came.
func TestNoTime(t *testing.T) {
	r := newRig(t)
	r.takes(sealed(t, "own", "/wechat/push/own/event/"+ownShopID, `{"ToUserName":"gh_000000000001","MsgType":"event","Event":"api_diff"}`, start))
	if _, events := r.store.recorded(); len(events) != 1 || !events[0].At.Equal(start) {
		t.Errorf("events are %+v", events)
	}
}

// TestDecide: authorisation events of a platform and events about people are
// decided by those who know, with the event as it was decoded.
func TestDecide(t *testing.T) {
	asked := map[string]string{}
	decider := func(kind access.AppKind) push.Decide {
		return func(_ context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
			asked[app.ID] = e.Name
			if kind == access.Component {
				if ticket, err := e.Ticket(); err != nil || ticket.Value.RevealString() != "ticket@@@1" {
					t.Errorf("the ticket did not arrive: %v", err)
				}
			}
			return grant.Effects{At: at, Ticket: &grant.Ticket{App: app.ID}}, nil
		}
	}
	r := newRig(t, func(o *push.Options) {
		o.Decide = map[access.AppKind]push.Decide{
			access.Component: decider(access.Component), access.ServiceAccount: decider(access.ServiceAccount),
		}
	})
	r.takes(sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "ticket@@@1", start), start))
	r.takes(sealed(t, "platform", "/wechat/push/platform/event/"+servedID, shopEvent(msgcrypt.XML, "1", start), start))
	r.takes(sealed(t, "account", "/wechat/push/account/event/"+accountID,
		`{"ToUserName":"gh_000000000001","MsgType":"event","Event":"user_authorization_revoke","OpenID":"o_demo_owner_0001"}`, start))
	want := map[string]string{"platform": "component_verify_ticket", "account": "user_authorization_revoke"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if pushes, _ := r.store.recorded(); len(pushes) != 3 || pushes[0].Effects.Ticket == nil {
		t.Errorf("recorded %+v", pushes)
	}
}

// TestURLCheck: the echo of WeChat's own example, on every URL that can be entered
// at WeChat and on no other.
func TestURLCheck(t *testing.T) {
	const query = "?signature=f464b24fc39322e44b38aa78f5edd27bd1441696&timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249"
	const other = "?signature=f464b24fc39322e44b38aa78f5edd27bd1441697&timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249"
	tests := []struct {
		name, path string
		status     int
	}{
		{"shop", "/wechat/push/own/event/" + ownShopID + query, 200},
		{"platform, events", "/wechat/push/platform/event/$APPID$" + query, 200},
		{"platform, authorisations", "/wechat/push/platform/auth" + query, 200},
		{"wrong signature", "/wechat/push/own/event/" + ownShopID + other, 403},
		{"no query", "/wechat/push/own/event/" + ownShopID, 403},
		{"another account's URL", "/wechat/push/own/event/" + servedID + query, 403},
		{"authorisations of a shop", "/wechat/push/own/auth" + query, 403},
		{"unknown app", "/wechat/push/nobody/auth" + query, 403},
		{"app without keys", "/wechat/push/mute/event/wx00000000000000b3" + query, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			for i := range r.store.apps[:3] {
				r.store.apps[i].Push.Keys = access.PushKeys{Token: secret.FromString("AAAAA"), AESKey: secret.FromString(aesKey)}.Pack().Reveal()
			}
			status, body := r.answer(httptest.NewRequest(http.MethodGet, tt.path, nil))
			if status != tt.status || (body == "4375120948345356249") != (tt.status == 200) {
				t.Errorf("answered %d %q, want %d", status, body, tt.status)
			}
			if refused := len(r.counts.refused); (refused == 1) != (tt.status != 200) {
				t.Errorf("%d refusals are recorded", refused)
			}
		})
	}
}

// TestOfficialPushes: the examples of WeChat's pages are taken as whole requests.
func TestOfficialPushes(t *testing.T) {
	var vectors []struct {
		Name, Dialect, Token, AppID, Timestamp, Nonce, Encrypt string
		AESKey                                                 string `json:"aes_key"`
		MsgSignature                                           string `json:"msg_signature"`
		ToUserName                                             string `json:"to_user_name"`
	}
	b, err := os.ReadFile(filepath.Join("..", "..", "wechat", "testdata", "vectors", "push", "pushes.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			r := newRig(t)
			sec, err := strconv.ParseInt(v.Timestamp, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.now = time.Unix(sec, 0)
			keys := access.PushKeys{Token: secret.FromString(v.Token), AESKey: secret.FromString(v.AESKey)}
			app := access.App{ID: "official", Kind: access.ShopApp, AppID: v.AppID, Push: access.Push{Keys: keys.Pack().Reveal()}}
			body := `{"ToUserName":"` + v.ToUserName + `","Encrypt":"` + v.Encrypt + `"}`
			if v.Dialect == "xml" {
				app.Kind = access.Component
				body = `<xml><ToUserName>` + v.ToUserName + `</ToUserName><Encrypt><![CDATA[` + v.Encrypt + `]]></Encrypt></xml>`
			}
			r.store.apps = append(r.store.apps, app)
			r.store.shops = append(r.store.shops, access.Shop{ID: "official", App: "official", AppID: v.AppID})
			q := msgcrypt.Query{MsgSignature: v.MsgSignature, Timestamp: v.Timestamp, Nonce: v.Nonce, EncryptType: "aes"}
			r.takes(post("/wechat/push/official/event/"+v.AppID, q, body))
			if _, events := r.store.recorded(); len(events) != 1 || string(events[0].Body) != `{"debug_str":"hello world"}` {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

// TestKeysChange: pushes that were on their way under the keys before are opened,
// and no longer once those are dropped.
func TestKeysChange(t *testing.T) {
	before := access.PushKeys{Token: secret.FromString("token-before"), AESKey: secret.FromString(olderKey)}
	send := func(r *rig, order string) int {
		p := msgcrypt.Push{Dialect: msgcrypt.JSON, AppID: ownShopID, ToUserName: "gh_000000000001",
			Plain: []byte(shopEvent(msgcrypt.JSON, order, start)), Time: start}
		q, body, err := keyringFor(t, before, ownShopID).Seal(p)
		if err != nil {
			t.Fatal(err)
		}
		status, _ := r.answer(post("/wechat/push/own/event/"+ownShopID, q, string(body)))
		return status
	}
	var current []bool
	r := newRig(t, func(o *push.Options) {
		o.Opened = func(app string, _ int64, token, key bool, at time.Time) {
			if app != "own" || !at.Equal(start) {
				t.Errorf("told of a push to %s at %v", app, at)
			}
			current = append(current, token, key)
		}
	})
	own := &r.store.apps[2]
	own.Push.Previous, own.Push.PreviousVersion, own.Push.Version = before.Pack().Reveal(), 1, 2
	if got := send(r, "1"); got != 200 {
		t.Fatalf("under the keys before: %d", got)
	}
	if !slices.Equal(current, []bool{false, false}) {
		t.Errorf("told that token and key are the current ones: %v", current)
	}
	own.Push.Previous = nil
	r.receiver.Forget()
	if got := send(r, "2"); got != 403 {
		t.Errorf("under keys that are gone: %d", got)
	}
}

// TestMove: a shop that moved to another app is heard through that app at once,
// and through the one before until memory ends.
func TestMove(t *testing.T) {
	r := newRig(t)
	own := func(order string) *http.Request {
		return sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, order, start), start)
	}
	r.takes(own("1"))
	r.store.shops[0].App = "platform"
	r.takes(sealed(t, "platform", "/wechat/push/platform/event/"+ownShopID, shopEvent(msgcrypt.XML, "2", start), start))
	r.takes(own("3"))
	_, events := r.store.recorded()
	var apps []string
	for _, e := range events {
		apps = append(apps, e.App)
	}
	if diff := cmp.Diff([]string{"own", "platform"}, apps); diff != "" {
		t.Errorf("heard through (-want +got):\n%s", diff)
	}
}

// TestMemory: apps and shops are read once in 15 seconds, and at once after Forget.
func TestMemory(t *testing.T) {
	r := newRig(t)
	n := 0
	reads := func() int {
		n++
		before := r.store.reads
		r.takes(sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, strconv.Itoa(n), start), start))
		return r.store.reads - before
	}
	got := []int{reads(), reads()}
	r.now = r.now.Add(15 * time.Second)
	got = append(got, reads(), reads())
	r.receiver.Forget()
	got = append(got, reads())
	if diff := cmp.Diff([]int{2, 0, 2, 0, 2}, got); diff != "" {
		t.Errorf("reads of the store (-want +got):\n%s", diff)
	}
}

// TestStrangersApps: an app that there is not is looked for once in a while, however
// often a stranger names it; one that is declared is found at once. What is remembered
// of strangers is bounded.
func TestStrangersApps(t *testing.T) {
	r := newRig(t)
	reads := func(app string) int {
		before := r.store.reads
		if status, _ := r.answer(httptest.NewRequest(http.MethodPost, "/wechat/push/"+app+"/auth", nil)); status == http.StatusOK {
			t.Errorf("%s is let in", app)
		}
		return r.store.reads - before
	}
	got := []int{reads("late"), reads("late"), reads("late")}
	r.now = r.now.Add(5 * time.Second)
	got = append(got, reads("late"), reads("late"))
	r.receiver.Forget()
	got = append(got, reads("late"))
	long := strings.Repeat("x", 100)
	got = append(got, reads(long), reads(long))
	if diff := cmp.Diff([]int{1, 0, 0, 1, 0, 1, 1, 1}, got); diff != "" {
		t.Errorf("reads of the store (-want +got):\n%s", diff)
	}
	for i := range 1024 {
		reads("app-" + strconv.Itoa(i))
	}
	if n := reads("late"); n != 1 {
		t.Errorf("after a thousand others: %d reads", n)
	}
	r.store.down = true
	if got := []int{reads("down"), reads("down")}; got[1] != 1 {
		t.Errorf("a store that is down is remembered: %v", got)
	}
	r.store.down = false
	app := r.store.apps[2]
	app.ID = "late"
	r.store.apps = append(r.store.apps, app)
	r.receiver.Forget()
	r.takes(sealed(t, "own", "/wechat/push/late/event/"+ownShopID, shopEvent(msgcrypt.JSON, "1", start), start))
}

// TestFailures: what is not durable is never answered with success, and the
// repetition is taken.
func TestFailures(t *testing.T) {
	tests := []struct {
		name     string
		fail     func(m *memStore)
		outcomes []string // of the failure and of the repetition
	}{
		{"the database cannot be read", func(m *memStore) { m.down = true }, []string{"failed not-kept", "taken"}},
		{"the batch is not written", func(m *memStore) { m.broken = func(context.Context) error { return errDown } }, []string{"failed not-kept", "taken"}},
		{"the batch is written and that is not known", func(m *memStore) { m.landed = func(context.Context) error { return errDown } }, []string{"failed not-kept", "seen"}},
		{"this push alone is refused", func(m *memStore) { m.refuse = func(grant.Push) error { return errDown } }, []string{"failed not-kept", "taken"}},
		{"others always write first", func(m *memStore) { m.refuse = func(grant.Push) error { return grant.ErrLost } }, []string{"failed not-kept", "taken"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			tt.fail(r.store)
			send := func() *http.Request {
				return sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, "1", start), start)
			}
			if status, body := r.answer(send()); status != http.StatusServiceUnavailable || body != "not taken\n" {
				t.Errorf("answered %d %q", status, body)
			}
			r.store.down, r.store.broken, r.store.landed, r.store.refuse = false, nil, nil, nil
			r.takes(send())
			if _, events := r.store.recorded(); len(events) != 1 {
				t.Errorf("%d events are recorded, want one", len(events))
			}
			if diff := cmp.Diff(tt.outcomes, r.counts.outcomes); diff != "" {
				t.Error(diff)
			}
			if len(r.counts.refused) != 0 {
				t.Errorf("a fault of ours is recorded as a refusal: %+v", r.counts.refused)
			}
		})
	}
}

// TestLost: who loses to another writer decides again on what is there then.
func TestLost(t *testing.T) {
	decided := 0
	r := newRig(t, func(o *push.Options) {
		o.Decide = map[access.AppKind]push.Decide{access.Component: func(_ context.Context, app access.App, _ event.Event, at time.Time) (grant.Effects, error) {
			decided++
			return grant.Effects{At: at, Authorizers: []grant.Authorizer{{App: app.ID, Version: int64(decided)}}}, nil
		}}
	})
	r.store.refuse = func(p grant.Push) error {
		if p.Effects.Authorizers[0].Version < 3 {
			return grant.ErrLost
		}
		return nil
	}
	r.takes(sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "x", start), start))
	if decided != 3 {
		t.Errorf("decided %d times, want 3", decided)
	}
}

// TestDecideRefuses: an event without what it cannot be used without is refused; a
// decision that cannot be made now is not.
func TestDecideRefuses(t *testing.T) {
	tests := []struct {
		err    error
		status int
		want   string
	}{
		{event.ErrIncomplete, 400, "refused incomplete"},
		{fmt.Errorf("%w: dated tomorrow", push.ErrRefused), 403, "refused decided"},
		{errors.New("the store is away"), 503, "failed not-kept"},
		{context.DeadlineExceeded, 503, "failed late"},
	}
	for _, tt := range tests {
		r := newRig(t, func(o *push.Options) {
			o.Decide = map[access.AppKind]push.Decide{access.Component: func(context.Context, access.App, event.Event, time.Time) (grant.Effects, error) {
				return grant.Effects{}, tt.err
			}}
		})
		status, _ := r.answer(sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "x", start), start))
		if status != tt.status || r.counts.outcomes[0] != tt.want {
			t.Errorf("%v: answered %d, counted %q; want %d, %q", tt.err, status, r.counts.outcomes, tt.status, tt.want)
		}
		if pushes, _ := r.store.recorded(); len(pushes) != 0 {
			t.Errorf("%v: recorded %+v", tt.err, pushes)
		}
	}
}
