package wechatsim_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestEveryShopCallIsStrict walks all calls of the shop API: the method, the
// token and the body are checked before anything else.
func TestEveryShopCallIsStrict(t *testing.T) {
	g := newRig(t)
	token := "?access_token=" + g.stable(false).str("access_token")
	calls := wechatsim.ShopCalls()
	if len(calls) < 80 {
		t.Errorf("%d calls of the shop API", len(calls))
	}
	for _, call := range calls {
		want := func(method, target, body, code string) {
			t.Helper()
			w := g.request(method, target, body)
			if got := decode(t, w.Body.Bytes()); got.code() != code || w.Code != http.StatusOK {
				t.Errorf("%s %s %q: HTTP %d %v, want %s", method, call.Path, body, w.Code, got, code)
			}
		}
		other, code := http.MethodGet, "43002"
		if call.Method == http.MethodGet {
			other, code = http.MethodPost, "43001"
		}
		want(other, call.Path+token, "{}", code)
		want(call.Method, call.Path, "{}", "41001")
		want(call.Method, call.Path+"?access_token=no-such-token", "{}", "40014")
		if call.Method == http.MethodGet {
			continue
		}
		if call.File {
			want(call.Method, call.Path+token+"&height=1&width=1&video_upload_key=k", "{", fileRefusal(call.Path))
			continue
		}
		want(call.Method, call.Path+token, "", "44002")
		want(call.Method, call.Path+token, " \n", "44002")
		want(call.Method, call.Path+token, "{", "47001")
		want(call.Method, call.Path+token, "[]", "47001")
		want(call.Method, call.Path+token, "{} {}", "47001")
	}
}

// fileRefusal is what an upload answers to a body that is no form.
func fileRefusal(path string) string {
	if strings.HasSuffix(path, "/uploadpart") {
		return "10020055" // the key of the upload is looked at first
	}
	return "47001"
}

// TestEveryShopCallBelongsToASet walks all calls with an authorizer's token:
// one of a call's permission sets opens it, every other set does not.
func TestEveryShopCallBelongsToASet(t *testing.T) {
	every := []int{85, 129, 130, 131, 132, 138, 141, 159, 192}
	g := newRig(t, platformWorld(func(w *wechatsim.World) {
		for i := range w.Apps {
			if w.Apps[i].AppID == component {
				w.Apps[i].PermissionSets = every
			}
		}
	}))
	g.must(g.SetSwitches(calm))
	cat := g.cat(component)
	g.granted(shopID)
	for _, call := range wechatsim.ShopCalls() {
		if len(call.Sets) == 0 {
			t.Errorf("%s belongs to no permission set", call.Path)
		}
		rest := slices.DeleteFunc(slices.Clone(every), func(id int) bool { return slices.Contains(call.Sets, id) })
		g.must(g.Reauthorize(component, shopID, rest))
		g.wantCode(decode(t, g.request(call.Method, call.Path+"?access_token="+g.aat(cat, shopID), "{}").Body.Bytes()), "61007")
		for _, id := range call.Sets {
			g.must(g.Reauthorize(component, shopID, []int{id}))
			w := g.request(call.Method, call.Path+"?access_token="+g.aat(cat, shopID), "{}")
			if got := decode(t, w.Body.Bytes()); got.code() == "61007" || got.code() == "48001" {
				t.Errorf("%s with set %d: %v", call.Path, id, got)
			}
		}
		g.wantCode(decode(t, g.request(call.Method, call.Path+"?access_token="+cat, "{}").Body.Bytes()), "48001")
	}
}

func TestPathsAreThoseThatAnswer(t *testing.T) {
	g := newRig(t)
	paths := wechatsim.Paths()
	if !slices.IsSorted(paths) || !slices.Contains(paths, infoPath) || !slices.Contains(paths, "/cgi-bin/stable_token") {
		t.Errorf("paths: %v", paths)
	}
	for _, path := range paths {
		w := g.request(http.MethodPost, path, "{}")
		if got := decode(t, w.Body.Bytes()); got.code() == "40066" || got.code() == "" && w.Code != 200 {
			t.Errorf("%s: %v", path, got)
		}
	}
	g.wantCode(g.post("/channels/ec/nothing", "{}"), "40066")
}

// step is one call of a story, with the errcode it must answer.
type step struct{ path, body, want string }

func (g *rig) story(steps ...step) {
	g.t.Helper()
	for i, st := range steps {
		got := g.shop(st.path, st.body)
		if code := got.code(); code != st.want && (code != "" || st.want != "0") {
			g.t.Errorf("step %d, %s %s: %v, want %s", i+1, st.path, st.body, got, st.want)
		}
	}
}

// firstOrder is an order of the last week in this status.
func (g *rig) firstOrder(status int) string {
	g.t.Helper()
	ids := g.orders(`,"status":` + strconv.Itoa(status))
	if len(ids) == 0 {
		g.t.Fatalf("no order at status %d", status)
	}
	return ids[0]
}
