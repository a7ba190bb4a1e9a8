package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

// unsaid is a key of the catalogue that stands on a page instead of words.
var unsaid = regexp.MustCompile(`\b(console|ui)\.[a-z_]+(\.[a-z_]+)*\b`)

// TestEveryPageInBothLanguages opens each page as each visitor.
func TestEveryPageInBothLanguages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.takeInvitation("7391")
	two := access.Member{PersonID: "p_0001", TenantID: "tea", Role: access.Viewer, Since: epoch}
	for _, tt := range []struct {
		name   string
		as     func()
		path   string
		status int
		en, zh string // words, or one key for both
	}{
		{"stranger", func() { r.session = nil }, "/", 200, "console.welcome.login", ""},
		{"stranger at a shop", func() { r.session = nil }, "/shops/lantian", 401, "Sign in first.", "请先登录。"},
		{"nobody's member", func() { r.asPerson("小周") }, "/", 200, "console.shops.none", ""},
		{"owner of one shop", func() { r.asPerson("小周", owner) }, "/", 200, "console.shop.connected", ""},
		{"owner at the shop", func() { r.asPerson("小周", owner) }, "/shops/lantian", 200, "console.shop.connected", ""},
		{"member of two", func() { r.asPerson("小周", owner, two) }, "/", 200, "console.shops.title", ""},
		{"viewer at the shop", func() { r.asPerson("小周", two) }, "/shops/tea", 200, "console.shop.connected", ""},
		{"owner at another's shop", func() { r.asPerson("小周", owner) }, "/shops/tea", 403, "Not yours.", "无权访问。"},
		{"administrator", r.asAdmin, "/", 200, "console.overview.title", ""},
		{"administrator at a shop", r.asAdmin, "/shops/lantian", 403, "Not yours.", "无权访问。"},
	} {
		for lang, want := range map[string]string{"en": tt.en, "zh-CN": tt.zh} {
			if tt.zh == "" {
				want = word(t, lang, tt.en)
			}
			tt.as()
			rec := r.get(tt.path, lang)
			body := rec.Body.String()
			if rec.Code != tt.status || !strings.Contains(body, want) {
				t.Errorf("%s in %s: %d, want %d with %q:\n%s", tt.name, lang, rec.Code, tt.status, want, body)
			}
			if key := unsaid.FindString(body); key != "" {
				t.Errorf("%s in %s shows the key %s", tt.name, lang, key)
			}
			for header, value := range map[string]string{"Content-Language": lang, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY"} {
				if rec.Header().Get(header) != value {
					t.Errorf("%s in %s: %s is %q, want %q", tt.name, lang, header, rec.Header().Get(header), value)
				}
			}
		}
	}
}

// TestNothingFromOutsideIsMarkup: names come from WeChat and from manifests.
func TestNothingFromOutsideIsMarkup(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>"><img src=x onerror=alert(1)>`
	r := newRig(t)
	r.answers["/channels/ec/basics/info/get"] = fmt.Sprintf(`{"info":{"nickname":%q,"status":%q}}`, evil, evil)
	r.answers["/channels/ec/product/list/get"] = `{"product_ids":["1"],"total_num":1}`
	r.answers["/channels/ec/product/get"] = fmt.Sprintf(`{"product":{"product_id":"1","title":%q,"min_price":1990}}`, evil)
	r.asPerson(evil, owner)
	body := r.get("/shops/lantian", "en").Body.String()
	for _, bad := range []string{"<script>alert", "<img src=x"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if n := strings.Count(body, "&lt;script&gt;"); n < 3 {
		t.Errorf("the names are shown %d times, want nickname, shop and product", n)
	}
	if !strings.Contains(body, "¥19.90") {
		t.Error("the price is not shown in yuan")
	}
}

// TestWeChatsErrorsAreExplained: the page stands, with the cause and what to do.
func TestWeChatsErrorsAreExplained(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asPerson("小周", owner)
	for _, tt := range []struct {
		name   string
		err    error
		en, zh string
	}{
		{"limit", &wechat.Error{Op: "order/list/get", Code: 45009, Message: "reach max api daily quota limit rid: x"}, "", "当日调用配额已用完。"},
		{"lost", &wechat.Error{Op: "order/list/get", Outcome: wechat.OutcomeUnknown}, "The call was sent and no complete answer was read. Find out", "请求已发出,但未读到完整应答。"},
		{"wrapped", fmt.Errorf("ask: %w", &wechat.Error{Outcome: wechat.OutcomeNotSent}), "The call did not leave this server. Check", "请求未能发出。"},
		{"ours", fmt.Errorf("disk on fire with token CANARY"), "The server made a mistake. Try again", "服务器出错了。"},
	} {
		r.failure = tt.err
		for lang, want := range map[string]string{"en": tt.en, "zh-CN": tt.zh} {
			rec := r.get("/shops/lantian", lang)
			body := rec.Body.String()
			if rec.Code != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(body, `role="alert"`) {
				t.Errorf("%s in %s: %d without %q:\n%s", tt.name, lang, rec.Code, want, body)
			}
			if strings.Contains(body, "CANARY") || strings.Contains(body, "rid:") || strings.Contains(body, word(t, lang, "console.shop.connected")) {
				t.Errorf("%s in %s shows too much", tt.name, lang)
			}
		}
	}
}

// TestKillingIsShown: an administrator sees that tokens are still being ended.
func TestKillingIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g, err := r.store.ShopGrant(t.Context(), "lantian")
	if err != nil {
		t.Fatal(err)
	}
	by := audit.Actor{Kind: audit.ActorOperator}
	if err := r.store.Revoke(t.Context(), grant.KillEffects(time.Now(), by, "leaked", g)); err != nil {
		t.Fatal(err)
	}
	r.asAdmin()
	for _, lang := range []string{"en", "zh-CN"} {
		if body := r.get("/", lang).Body.String(); !strings.Contains(body, word(t, lang, "console.state.killing")) {
			t.Errorf("%s: not shown in\n%s", lang, body)
		}
	}
}

// TestEndedGrantIsTold: the state of the shop's grant says more than the error.
func TestEndedGrantIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g, err := r.store.ShopGrant(t.Context(), "lantian")
	if err != nil {
		t.Fatal(err)
	}
	r.asAdmin()
	if rec := r.post("/admin/grants/"+g.ID+"/revoke", nil); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/" {
		t.Errorf("the button: %d", rec.Code)
	}
	if g, err := r.store.Grant(t.Context(), g.ID); err != nil || g.State != grant.Revoked {
		t.Errorf("the grant is %s (%v)", g.State, err)
	}
	r.failure = fmt.Errorf("no token")
	r.asPerson("小周", owner)
	if body := r.get("/shops/lantian", "en").Body.String(); !strings.Contains(body, word(t, "en", "console.shop.problem.revoked")) || strings.Contains(body, "server made a mistake") {
		t.Errorf("the page of a shop whose grant was ended:\n%s", body)
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	rec := r.post("/admin/invitations", url.Values{"tenant": {"lantian"}, "role": {"viewer"}})
	link := regexp.MustCompile(`https://zhanggui\.example\.com/i/(zgi_[A-Z2-7]{26})`).FindStringSubmatch(rec.Body.String())
	if rec.Code != http.StatusCreated || link == nil {
		t.Fatalf("%d without a link:\n%s", rec.Code, rec.Body)
	}
	i, err := r.store.InvitationByToken(t.Context(), access.HashKey(link[1]))
	if err != nil || i.TenantID != "lantian" || i.Role != access.Viewer || i.InvitedBy != "admin:a_0001" {
		t.Errorf("the link opens %+v, %v", i, err)
	}
	if strings.Contains(r.get("/", "en").Body.String(), link[1]) {
		t.Error("the link is shown a second time")
	}
	before := r.size()
	for _, form := range []url.Values{{"tenant": {"nobody"}}, {"tenant": {"lantian"}, "role": {"emperor"}}, nil} {
		if rec := r.post("/admin/invitations", form); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d, want 422", form, rec.Code)
		}
	}
	if rec := r.post("/admin/invitations", url.Values{"tenant": {strings.Repeat("x", 100<<10)}}); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 100 KiB: %d, want 413", rec.Code)
	}
	if r.size() != before {
		t.Error("a refused invitation was recorded as made")
	}
}

// TestConfirm: a wrong code is a page that says what happens next; the third
// kills the invitation.
func TestConfirm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := r.takeInvitation("7391")
	r.asAdmin()
	if body := r.get("/", "en").Body.String(); strings.Contains(body, "7391") || !strings.Contains(body, "/admin/invitations/"+i.ID+"/confirm") {
		t.Error("the overview shows the code, or no form for it")
	}
	confirm := "/admin/invitations/" + i.ID + "/confirm"
	for n := range access.MaxCodeTries {
		rec := r.post(confirm, url.Values{"code": {"0000"}})
		if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "not the code") || !strings.Contains(rec.Body.String(), "这不是") {
			t.Errorf("wrong code %d: %d\n%s", n+1, rec.Code, rec.Body)
		}
	}
	if rec := r.post(confirm, url.Values{"code": {"7391"}}); rec.Code != http.StatusGone {
		t.Errorf("the right code, too late: %d, want 410", rec.Code)
	}
	if rec := r.post("/admin/invitations/none/confirm", url.Values{"code": {"7391"}}); rec.Code != http.StatusGone {
		t.Errorf("no such invitation: %d, want 410", rec.Code)
	}
	if m, err := r.store.Members(t.Context(), "lantian"); err != nil || len(m) != 0 {
		t.Errorf("%d members (%v)", len(m), err)
	}
}

func TestConfirmMakesAMember(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := r.takeInvitation("7391")
	r.asAdmin()
	if rec := r.post("/admin/invitations/"+i.ID+"/confirm", url.Values{"code": {"7391"}}); rec.Code != http.StatusSeeOther {
		t.Fatalf("%d:\n%s", rec.Code, rec.Body)
	}
	if m, err := r.store.Members(t.Context(), "lantian"); err != nil || len(m) != 1 || m[0].PersonID != "p_0009" || m[0].Role != access.Operator {
		t.Errorf("members %+v (%v)", m, err)
	}
}

// TestButtonsOnAnOldPage: what is gone is told as such, and nothing is recorded.
func TestButtonsOnAnOldPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.takeInvitation("7391")
	r.asAdmin()
	for _, path := range []string{"/admin/sessions/s_0009/end", "/admin/clients/erp/revoke"} {
		if rec := r.post(path, nil); rec.Code != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", path, rec.Code, rec.Body)
		}
	}
	before := r.size()
	for _, path := range []string{"/admin/sessions/s_0009/end", "/admin/sessions/zgs_PASTEDINTHEWRONGPLACE22222/end", "/admin/clients/none/revoke", "/admin/grants/none/revoke"} {
		if rec := r.post(path, nil); rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "已不存在") {
			t.Errorf("%s: %d, want a page with 404", path, rec.Code)
		}
	}
	if after := r.size(); after != before {
		t.Errorf("%d entries say that what did not happen was done", after-before)
	}
	if c, err := r.store.Client(t.Context(), "erp"); err != nil || c.Live(epoch) {
		t.Errorf("the client lives (%v)", err)
	}
	sessions, err := r.store.Sessions(t.Context(), access.SessionFilter{ID: "s_0009"})
	if err != nil || len(sessions) != 1 || sessions[0].Live(epoch) {
		t.Errorf("sessions %+v (%v)", sessions, err)
	}
}

// TestForeignOrigins: no button works from another site, or for the wrong role.
func TestForeignOrigins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := r.takeInvitation("7391")
	before := r.size()
	for _, path := range []string{"/admin/invitations", "/admin/invitations/" + i.ID + "/confirm", "/admin/sessions/s_0009/end", "/admin/clients/erp/revoke", "/admin/grants/none/revoke"} {
		for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			r.asAdmin()
			req := httptest.NewRequest("POST", "https://zhanggui.example.com"+path, strings.NewReader("tenant=lantian&code=7391"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set(header[0], header[1])
			if rec := r.do(req); rec.Code != http.StatusForbidden {
				t.Errorf("%s with %v: %d, want 403", path, header, rec.Code)
			}
		}
		r.asPerson("小周", owner)
		if rec := r.post(path, url.Values{"tenant": {"lantian"}, "code": {"7391"}}); rec.Code != http.StatusForbidden {
			t.Errorf("%s as an owner: %d, want 403", path, rec.Code)
		}
		r.session = nil
		if rec := r.post(path, nil); rec.Code != http.StatusUnauthorized {
			t.Errorf("%s as a stranger: %d, want 401", path, rec.Code)
		}
	}
	if after := r.size(); after != before {
		t.Errorf("%d entries were written", after-before)
	}
}
