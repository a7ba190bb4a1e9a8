package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// TestChannels: one of the configuration and one that is made while the server runs
// take what happens to a shop, each in its own way, and nobody is shown where.
func TestChannels(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	var mu sync.Mutex
	got := map[string][]string{}
	chat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body struct {
			Text     string
			Markdown struct{ Content string }
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[req.URL.Path] = append(got[req.URL.Path], body.Text+body.Markdown.Content)
		_, _ = w.Write([]byte(`{"errcode":0,"errmsg":"ok"}`))
	}))
	t.Cleanup(chat.Close)
	saw := func(path string) string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(got[path], "\n")
	}
	file := filepath.Join(t.TempDir(), "slack")
	if err := os.WriteFile(file, []byte(chat.URL+"/slack-demo-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, "ZHANGGUI_CHANNELS_0_NAME=company", "ZHANGGUI_CHANNELS_0_KIND=slack", "ZHANGGUI_CHANNELS_0_LANGUAGE=en",
		"ZHANGGUI_CHANNELS_0_URL=file:"+file, "ZHANGGUI_CHANNELS_0_ALLOW_PRIVATE=true")
	r.start(nil)
	r.declare()
	tenant := r.manifest().Tenants[0].ID
	for name, of := range map[string]string{"ours": tenant, "all": ""} {
		r.ask("POST", "/v1/channels", adminapi.ManifestChannel{URL: chat.URL + "/robot-" + name + "-demo-key", ChannelBody: adminapi.ChannelBody{
			Name: name, Kind: "wecom", Tenant: of, AllowPrivate: true}}, nil)
	}
	var tried adminapi.TriedView
	r.ask("POST", "/v1/channels/ours/test", map[string]string{}, &tried)
	if !tried.Taken || saw("/robot-ours-demo-key") == "" {
		t.Errorf("tried %+v", tried)
	}
	g := r.grant("self")
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	for path, what := range map[string]string{"/slack-demo-key": "Somebody ended a grant", "/robot-ours-demo-key": "一项授权已被取消", "/robot-all-demo-key": "一项授权已被取消"} {
		r.await("a message at "+path, func() bool { return strings.Contains(saw(path), what) && strings.Contains(saw(path), "/shops/") })
	}
	r.ask("DELETE", "/v1/channels/all", nil, nil)
	var all struct{ Items []adminapi.ChannelView }
	r.ask("GET", "/v1/channels", nil, &all)
	if len(all.Items) != 2 || all.Items[0].Name != "company" || !all.Items[0].Configured || all.Items[1].Name != "ours" {
		t.Errorf("channels %+v", all.Items)
	}
	if strings.Contains(r.logs.String(), "demo-key") {
		t.Error("the log holds an address")
	}
}
