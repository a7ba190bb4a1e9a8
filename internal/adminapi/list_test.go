package adminapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// lists are the paths of all lists that the populated rig has at least two rows for.
var lists = []string{"/v1/apps", "/v1/tenants", "/v1/shops", "/v1/clients", "/v1/grants", "/v1/grants?kind=user", "/v1/grants?person=p_0001", "/v1/invitations",
	"/v1/sessions", "/v1/sessions?person=p_0001", "/v1/admins", "/v1/people", "/v1/audit", "/v1/notices", "/v1/subscriptions", "/v1/subscriptions?client=erp"}

// populated is a rig with several of everything.
func populated(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.declare()
	r.ask("POST", "/v1/apply", adminapi.Manifest{
		Tenants: []adminapi.ManifestTenant{{ID: "more", Name: "更多"}},
		Shops:   []adminapi.ManifestShop{{ID: "more", Tenant: "more", Name: "更多店", AppID: "wx00000000000000c2", Secret: shopSecret}},
		Clients: []adminapi.ManifestClient{{ID: "bi", Shops: []string{"more", "lantian"}, Mode: "read"}},
	}, nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.store.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, epoch, epoch, epoch))
	for i := 1; i <= 3; i++ {
		r.login(i, nil)
		r.ask("POST", "/v1/invitations", map[string]string{"tenant": "tea", "role": "viewer"}, nil)
		r.ask("POST", "/v1/admins", map[string]any{"name": fmt.Sprint("admin ", i)}, nil)
		r.ask("POST", "/v1/subscriptions", adminapi.NewSubscriptionInput{Client: "erp", URL: fmt.Sprintf("https://hooks.example.com/%d", i), Events: []string{"*"}}, nil)
		_, err := r.store.SetCondition(t.Context(), fmt.Sprint("c", i), true, notice.Notice{At: epoch, Kind: notice.ClockSkew})
		must(err)
	}
	return r
}

// walk reads a list in pages of n.
func walk(r *rig, path string, n int, between func(page int)) (all []any, pages int) {
	r.t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		r.t.Fatal(err)
	}
	q := u.Query()
	for q.Set("limit", fmt.Sprint(n)); ; {
		u.RawQuery = q.Encode()
		var page struct {
			Items []any
			Next  string
		}
		r.ask("GET", u.String(), nil, &page)
		all, pages = append(all, page.Items...), pages+1
		if len(page.Items) > n {
			r.t.Fatalf("%s: %d rows on a page of %d", path, len(page.Items), n)
		}
		if page.Next == "" {
			return all, pages
		}
		q.Set("after", page.Next)
		if between != nil {
			between(pages)
		}
	}
}

// TestPages: page by page a list says what it says at once.
func TestPages(t *testing.T) {
	t.Parallel()
	r := populated(t)
	for _, path := range lists {
		want, once := walk(r, path, 1000, nil)
		if once != 1 {
			t.Errorf("%s: %d pages of a thousand", path, once)
		}
		for _, n := range []int{1, 2} {
			got, pages := walk(r, path, n, nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in pages of %d (-at once +in pages):\n%s", path, n, diff)
			}
			if wantPages := (len(want) + n - 1) / n; pages != max(wantPages, 1) {
				t.Errorf("%s: %d rows on %d pages of %d", path, len(want), pages, n)
			}
		}
		if len(want) == 0 {
			t.Errorf("%s: nothing there, nothing seen", path)
		}
	}
}

// TestPagesStand: what is added between two pages neither repeats nor hides a row
// that was there before.
func TestPagesStand(t *testing.T) {
	t.Parallel()
	r := populated(t)
	for path, add := range map[string]func(i int){
		"/v1/tenants": func(i int) {
			r.ask("POST", "/v1/apply", adminapi.Manifest{Tenants: []adminapi.ManifestTenant{{ID: fmt.Sprint("aaa-", i), Name: "x"}, {ID: fmt.Sprint("zzz-", i), Name: "x"}}}, nil)
		},
		"/v1/invitations": func(int) {
			r.ask("POST", "/v1/invitations", map[string]string{"tenant": "tea", "role": "viewer"}, nil)
		},
		"/v1/sessions": func(i int) { r.login(100+i, nil) },
	} {
		before, _ := walk(r, path, 1000, nil)
		added := 0
		got, _ := walk(r, path, 1, func(page int) {
			if added < 3 {
				added++
				add(page)
			}
		})
		seen := map[string]int{}
		for _, row := range got {
			seen[row.(map[string]any)["id"].(string)]++
		}
		for _, row := range before {
			if id := row.(map[string]any)["id"].(string); seen[id] != 1 {
				t.Errorf("%s: %s was seen %d times", path, id, seen[id])
			}
		}
	}
}

// TestBadCursors: what is no cursor of a list is refused, and nothing of it is
// repeated.
func TestBadCursors(t *testing.T) {
	t.Parallel()
	r := populated(t)
	other := base64.RawURLEncoding.EncodeToString([]byte("elsewhere\x00a"))
	for _, path := range lists {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range []string{"CANARY", "!", "AA==", other, base64.RawURLEncoding.EncodeToString([]byte("sessions\x00x\x00y")), "99999999999999999999", "-2", string(make([]byte, 600))} {
			q := u.Query()
			q.Set("after", after)
			rec := r.say("GET", u.Path+"?"+q.Encode(), nil)
			var p struct{ Code, Next, Next_ZH string }
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != http.StatusBadRequest || p.Code != "cursor" || p.Next == "" || p.Next_ZH == "" {
				t.Errorf("%s after %q: %d %s", path, after, rec.Code, rec.Body)
			}
		}
	}
}

// TestOne: whatever a list names can be read alone, and says the same.
func TestOne(t *testing.T) {
	t.Parallel()
	r := populated(t)
	for _, path := range []string{"/v1/apps", "/v1/tenants", "/v1/shops", "/v1/clients", "/v1/grants", "/v1/invitations", "/v1/sessions", "/v1/admins", "/v1/people", "/v1/notices", "/v1/subscriptions"} {
		for _, row := range list[map[string]any](r, path) {
			var one map[string]any
			r.ask("GET", path+"/"+row["id"].(string), nil, &one)
			if diff := cmp.Diff(row, one); diff != "" {
				t.Errorf("%s/%s (-in the list +alone):\n%s", path, row["id"], diff)
			}
		}
		if rec := r.say("GET", path+"/unknown", nil); rec.Code != http.StatusNotFound {
			t.Errorf("%s/unknown: %d", path, rec.Code)
		}
	}
	var one adminapi.RecordView
	if r.ask("GET", "/v1/audit/3", nil, &one); one.Seq != 3 {
		t.Errorf("entry 3 is %+v", one)
	}
	for path, want := range map[string]int{"/v1/audit/100000": http.StatusNotFound, "/v1/notices/n_1_5": http.StatusNotFound, "/v1/audit/-1": http.StatusUnprocessableEntity} {
		if rec := r.say("GET", path, nil); rec.Code != want {
			t.Errorf("%s: %d, want %d", path, rec.Code, want)
		}
	}
}
