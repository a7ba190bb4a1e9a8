package zhanggui_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// views are the answers of the admin API by the names of their schemas.
var views = map[string]any{
	"AppView": zhanggui.App{}, "TenantView": zhanggui.Tenant{}, "MemberView": zhanggui.Member{}, "ShopView": zhanggui.ShopInfo{},
	"GrantView": zhanggui.Grant{}, "ClientView": zhanggui.ClientInfo{}, "ManifestClient": zhanggui.NewClient{}, "SessionView": zhanggui.Session{},
	"AdminView": zhanggui.Administrator{}, "TransferView": zhanggui.Transfer{}, "VisitView": zhanggui.Visit{}, "InvitationView": zhanggui.Invitation{}, "NoticeView": zhanggui.Notice{}, "Text": zhanggui.Text{},
	"DeliveryView": zhanggui.Delivery{}, "PlatformView": zhanggui.Platform{}, "HeadView": zhanggui.AuditHead{}, "RecordView": zhanggui.Record{},
	"ManifestApp": zhanggui.NewApp{}, "AppChange": zhanggui.AppChange{}, "TenantChange": zhanggui.TenantChange{}, "ManifestTenant": zhanggui.Tenant{},
	"ManifestShop": zhanggui.NewShop{}, "ShopChange": zhanggui.ShopChange{}, "NewMember": zhanggui.NewMember{}, "ManifestService": zhanggui.Service{},
	"PathRight": zhanggui.PathRight{}, "Rate": zhanggui.Rate{}, "GrantBody": zhanggui.RightsChange{}, "ExportedToken": zhanggui.Exported{}, "Applied": zhanggui.Applied{}, "Change": zhanggui.Change{}, "SubscriptionView": zhanggui.Subscription{}, "TriedView": zhanggui.Tried{},
}

// except are members of our types that other answers have: of the doorway for
// clients, or of one channel's test.
var except = map[string][]string{"SubscriptionView": {"after"}, "TriedView": {"channel"}}

// TestViewsAreTheServers: what the server's OpenAPI document says of an answer, our
// type has.
func TestViewsAreTheServers(t *testing.T) {
	raw, err := os.ReadFile("internal/adminapi/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for name, view := range views {
		schema, ok := doc.Components.Schemas[name]
		if !ok {
			t.Errorf("the server has no schema %s", name)
		}
		want := slices.Sorted(maps.Keys(schema.Properties))
		var got []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(view)) {
			if member, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous {
				got = append(got, member)
			}
		}
		for _, x := range except[name] {
			want = slices.DeleteFunc(want, func(s string) bool { return s == x })
			got = slices.DeleteFunc(got, func(s string) bool { return s == x })
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-server +client):\n%s", name, diff)
		}
	}
}

// drain reads a list to its end.
func drain[T any](list iter.Seq2[T, error]) error {
	_, err := zhanggui.All(list)
	return err
}

// adminCalls is every call of an administrator and the request it makes.
var adminCalls = map[string]func(context.Context, *zhanggui.Admin) error{
	"GET /v1/apps ":                    func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Apps(ctx)) },
	"GET /v1/tenants ":                 func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Tenants(ctx)) },
	"GET /v1/tenants/lantian/members ": func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Members(ctx, "lantian")) },
	"GET /v1/shops ":                   func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Shops(ctx)) },
	"GET /v1/grants?kind=self&shop=lantian ": func(ctx context.Context, a *zhanggui.Admin) error {
		return drain(a.Grants(ctx, zhanggui.GrantFilter{Shop: "lantian", Kind: "self"}))
	},
	"GET /v1/clients ":                  func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Clients(ctx)) },
	"GET /v1/sessions?person=p_1 ":      func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Sessions(ctx, "p_1", "")) },
	"GET /v1/admins ":                   func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Administrators(ctx)) },
	"GET /v1/invitations ":              func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Invitations(ctx)) },
	"GET /v1/subscriptions?client=erp ": func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Subscriptions(ctx, "erp")) },
	"GET /v1/notices ":                  func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Notices(ctx)) },
	"GET /v1/platforms ":                func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Platforms(ctx)) },
	"GET /v1/audit?limit=1000 ":         func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Audit(ctx, -1)) },
	"GET /v1/audit?after=7&limit=1000 ": func(ctx context.Context, a *zhanggui.Admin) error { return drain(a.Audit(ctx, 7)) },
	"GET /v1/audit/head ":               func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.AuditHead(ctx); return err },
	"POST /v1/clients/erp/revoke ":      func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.RevokeClient(ctx, "erp"); return err },
	"GET /v1/clients/erp ":              func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.Client(ctx, "erp"); return err },
	`POST /v1/clients/erp/grant {"groups":["order"],"mode":"write"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.GrantClient(ctx, "erp", zhanggui.RightsChange{Rights: zhanggui.Rights{Groups: []string{"order"}}, Mode: "write"})
		return err
	},
	`POST /v1/clients/erp/ungrant {"groups":["order"]}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.UngrantClient(ctx, "erp", zhanggui.RightsChange{Rights: zhanggui.Rights{Groups: []string{"order"}}})
		return err
	},
	"POST /v1/grants/g_1/start ":         func(ctx context.Context, a *zhanggui.Admin) error { return a.StartGrant(ctx, "g_1") },
	"POST /v1/grants/g_1/kick ":          func(ctx context.Context, a *zhanggui.Admin) error { return a.KickGrant(ctx, "g_1") },
	"POST /v1/sessions/s_1/end ":         func(ctx context.Context, a *zhanggui.Admin) error { return a.EndSession(ctx, "s_1") },
	"POST /v1/invitations/i_1/withdraw ": func(ctx context.Context, a *zhanggui.Admin) error { return a.WithdrawInvitation(ctx, "i_1") },
	`POST /v1/invitations/i_1/confirm {"code":"1234"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		return a.ConfirmInvitation(ctx, "i_1", "1234")
	},
	`POST /v1/invitations {"tenant":"lantian","role":"owner"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.Invite(ctx, "lantian", "", "owner")
		return err
	},
	`POST /v1/grants/g_1/revoke {"cause":"lost","kill":true}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.RevokeGrant(ctx, "g_1", "lost", true)
		return err
	},
	`POST /v1/clients {"id":"erp","shops":["lantian"],"mode":"read"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.CreateClient(ctx, zhanggui.NewClient{ID: "erp", Shops: []string{"lantian"}, Mode: "read"})
		return err
	},
	`POST /v1/apply?dry_run=true&old_secrets=false&prune=false {"tenants":[]}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.Apply(ctx, map[string]any{"tenants": []string{}}, zhanggui.ApplyOptions{DryRun: true})
		return err
	},
	`POST /v1/apply?dry_run=false&old_secrets=true&prune=true {"shops":[]}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.Apply(ctx, map[string]any{"shops": []string{}}, zhanggui.ApplyOptions{Prune: true, OldSecrets: true})
		return err
	},
	"GET /v1/apps/mp ":         func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.App(ctx, "mp"); return err },
	"GET /v1/tenants/lantian ": func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.Tenant(ctx, "lantian"); return err },
	"GET /v1/shops/lantian ":   func(ctx context.Context, a *zhanggui.Admin) error { _, err := a.Shop(ctx, "lantian"); return err },
	"GET /v1/tenants/lantian/members/p_1 ": func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.Member(ctx, "lantian", "", "p_1")
		return err
	},
	"DELETE /v1/apps/mp ":         func(ctx context.Context, a *zhanggui.Admin) error { return a.RemoveApp(ctx, "mp") },
	"DELETE /v1/tenants/lantian ": func(ctx context.Context, a *zhanggui.Admin) error { return a.RemoveTenant(ctx, "lantian") },
	"DELETE /v1/shops/lantian ":   func(ctx context.Context, a *zhanggui.Admin) error { return a.RemoveShop(ctx, "lantian") },
	"DELETE /v1/tenants/lantian/members/p_1?shop=tea ": func(ctx context.Context, a *zhanggui.Admin) error {
		return a.RemoveMember(ctx, "lantian", "tea", "p_1")
	},
	`POST /v1/apps {"id":"mp","kind":"website","appid":"wx00000000000000a1","callback_host":"zhanggui.example.com","secret":"sandbox-secret-website-000000001"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.CreateApp(ctx, zhanggui.NewApp{ID: "mp", Kind: "website", AppID: "wx00000000000000a1", CallbackHost: "zhanggui.example.com",
			Secrets: zhanggui.Secrets{Secret: secret.FromString("sandbox-secret-website-000000001")}})
		return err
	},
	`PATCH /v1/apps/mp {"name":"","api_hosts":[],"push_token":"demotoken"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.ChangeApp(ctx, "mp", zhanggui.AppChange{Name: new(string), APIHosts: []string{}, Secrets: zhanggui.Secrets{PushToken: secret.FromString("demotoken")}})
		return err
	},
	`POST /v1/tenants {"id":"lantian","name":"L"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.CreateTenant(ctx, zhanggui.Tenant{ID: "lantian", Name: "L"})
		return err
	},
	`PATCH /v1/tenants/lantian {"name":"L"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.ChangeTenant(ctx, "lantian", zhanggui.TenantChange{Name: new("L")})
		return err
	},
	`POST /v1/shops {"id":"tea","tenant":"lantian","name":"T","appid":"wx00000000000000c1","secret":"sandbox-secret-shop-000000000001"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.CreateShop(ctx, zhanggui.NewShop{ID: "tea", Tenant: "lantian", Name: "T", AppID: "wx00000000000000c1",
			Secrets: zhanggui.Secrets{Secret: secret.FromString("sandbox-secret-shop-000000000001")}})
		return err
	},
	`PATCH /v1/shops/tea {"revoke_shop_on_withdraw":true}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.ChangeShop(ctx, "tea", zhanggui.ShopChange{RevokeOnWithdraw: new(true)})
		return err
	},
	`POST /v1/tenants/lantian/members {"person":"p_1","role":"viewer"}`: func(ctx context.Context, a *zhanggui.Admin) error {
		_, err := a.CreateMember(ctx, "lantian", zhanggui.NewMember{Person: "p_1", Role: "viewer"})
		return err
	},
	`POST /v1/notices/test `: func(ctx context.Context, a *zhanggui.Admin) error {
		return a.Call(ctx, http.MethodPost, "/v1/notices/test", nil, nil, nil)
	},
}

func TestAdminCalls(t *testing.T) {
	for want, do := range adminCalls {
		var got string
		a := admin(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = r.Method + " " + r.URL.String() + " " + string(b)
			says(`{"items":[]}`)(w, r)
		})
		if err := do(t.Context(), a); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		broken := admin(t, answers(http.StatusUnprocessableEntity, "application/problem+json", `{"title":"Unprocessable Entity","detail":"d","problems":["one","two"],"cause_zh":"z","next":"n","next_zh":"n"}`))
		if e := failure(t, do(t.Context(), broken)); e.Cause != "d" || !strings.Contains(e.Error(), "; one; two") {
			t.Errorf("%s: %+v", want, e)
		}
	}
}

// clientCalls is every call of a client about its subscriptions.
var clientCalls = map[string]func(context.Context, *zhanggui.Client) error{
	`POST /v1/subscriptions {"events":["grant.*"],"url":"https://erp.example.com/hook"}`: func(ctx context.Context, c *zhanggui.Client) error {
		_, err := c.Subscribe(ctx, "https://erp.example.com/hook", "grant.*")
		return err
	},
	"GET /v1/subscriptions ": func(ctx context.Context, c *zhanggui.Client) error { return drain(c.Subscriptions(ctx)) },
	"GET /v1/subscriptions/sub_1 ": func(ctx context.Context, c *zhanggui.Client) error {
		_, err := c.Subscription(ctx, "sub_1")
		return err
	},
	"DELETE /v1/subscriptions/sub_1 ": func(ctx context.Context, c *zhanggui.Client) error { return c.Unsubscribe(ctx, "sub_1") },
	"POST /v1/subscriptions/sub_1/rotate ": func(ctx context.Context, c *zhanggui.Client) error {
		_, err := c.RotateSecret(ctx, "sub_1")
		return err
	},
	"POST /v1/subscriptions/sub_1/start ": func(ctx context.Context, c *zhanggui.Client) error { return c.StartSubscription(ctx, "sub_1") },
	"POST /v1/subscriptions/sub_1/test ": func(ctx context.Context, c *zhanggui.Client) error {
		_, err := c.TestSubscription(ctx, "sub_1")
		return err
	},
	"GET /v1/subscriptions/sub_1/dead?limit=100 ": func(ctx context.Context, c *zhanggui.Client) error { return drain(c.DeadLetters(ctx, "sub_1")) },
	`POST /v1/subscriptions/sub_1/replay {"events":["ev_1"]}`: func(ctx context.Context, c *zhanggui.Client) error {
		_, err := c.Replay(ctx, "sub_1", "ev_1")
		return err
	},
}

func TestSubscriptionCalls(t *testing.T) {
	for want, do := range clientCalls {
		var got string
		c := client(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = r.Method + " " + r.URL.String() + " " + string(b)
			says(`{"items":[]}`)(w, r)
		})
		if err := do(t.Context(), c); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		if err := do(t.Context(), client(t, answers(500, "text/plain", "no"))); !errors.Is(err, zhanggui.ErrAnswer) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestListsFollowCursors: texts and numbers, and none that leads in a circle.
func TestListsFollowCursors(t *testing.T) {
	pages := map[string]string{"": `{"items":[{"id":"a"}],"next":"c1"}`, "c1": `{"items":[{"id":"b"}],"next":2}`, "2": `{"items":[{"id":"c"}],"next":null}`}
	a := admin(t, func(w http.ResponseWriter, r *http.Request) { says(pages[r.URL.Query().Get("after")])(w, r) })
	var ids []string
	for c, err := range a.Clients(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	if strings.Join(ids, "") != "abc" {
		t.Errorf("%v", ids)
	}
	for range a.Clients(t.Context()) {
		break
	}
	circle := admin(t, says(`{"items":[{"id":"a","seq":4}],"next":"c1"}`))
	if err := drain(circle.Clients(t.Context())); !errors.Is(err, zhanggui.ErrAnswer) {
		t.Errorf("a circle: %v", err)
	}
	if err := drain(circle.Audit(t.Context(), 4)); !errors.Is(err, zhanggui.ErrAnswer) {
		t.Errorf("a log that does not move on: %v", err)
	}
}
