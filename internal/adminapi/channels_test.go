package adminapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

func TestChannels(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := adminapi.ManifestChannel{URL: "https://robots.example.com/send?key=demo-robot-key", ChannelBody: adminapi.ChannelBody{
		Name: "ops", Kind: "wecom", Severity: "warning", Kinds: []string{"grant.needs_owner"}, Language: "both"}}
	var made adminapi.ChannelView
	r.ask("POST", "/v1/channels", body, &made)
	if diff := cmp.Diff(adminapi.ChannelView{ChannelBody: body.ChannelBody, Created: made.Created}, made); diff != "" || made.Created == nil {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	all := list[adminapi.ChannelView](r, "/v1/channels")
	if len(all) != 2 || all[0].Name != "company" || !all[0].Configured || all[1].Configured {
		t.Errorf("channels %+v", all)
	}
	if raw := r.say("GET", "/v1/channels", nil).Body.String(); strings.Contains(raw, "robots.example.com") || strings.Contains(raw, "demo-robot-key") {
		t.Errorf("the list shows the address: %s", raw)
	}
	var tried adminapi.TriedView
	r.ask("POST", "/v1/channels/ops/test", nil, &tried)
	if tried.Channel != "ops" || tried.Taken || tried.Reason == "" {
		t.Errorf("tried %+v", tried)
	}
	refused := func(status int, method, path string, in any) string {
		t.Helper()
		rec := r.say(method, path, in)
		if rec.Code != status {
			t.Errorf("%s %s answers %d, want %d: %s", method, path, rec.Code, status, rec.Body)
		}
		return rec.Body.String()
	}
	refused(http.StatusConflict, "POST", "/v1/channels", body)
	body.Name, body.URL = "other", "http://robots.example.com/send?key=demo-robot-key"
	if problem := refused(http.StatusUnprocessableEntity, "POST", "/v1/channels", body); strings.Contains(problem, "demo-robot-key") {
		t.Errorf("the problem repeats the address: %s", problem)
	}
	refused(http.StatusNotFound, "POST", "/v1/channels/nobody/test", nil)
	r.ask("DELETE", "/v1/channels/ops", nil, nil)
	refused(http.StatusNotFound, "DELETE", "/v1/channels/ops", nil)
}
