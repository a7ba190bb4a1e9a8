package wechatsim_test

import (
	"encoding/json"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	templateSend = "/cgi-bin/message/template/send?access_token="
	bizSend      = "/cgi-bin/message/subscribe/bizsend?access_token="
)

// letters is a rig whose service account has a template of each kind.
func letters(t *testing.T) (g *rig, token, openid string) {
	g = newRig(t, world(func(w *wechatsim.World) {
		w.Apps[0].Templates = []wechatsim.Template{
			{ID: "tpl", Kind: wechatsim.TemplateMessage, Fields: []string{"thing1", "time2", "phrase3", "character_string4", "date5", "number6", "keyword7"}},
			{ID: "sub", Kind: wechatsim.SubscriptionNotice, Fields: []string{"thing1"}},
		}
	}))
	openid, err := g.OpenID("owner", service)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"grant_type":"client_credential","appid":"` + service + `","secret":"` + wechatsim.DefaultServiceSecret + `"}`
	return g, g.post("/cgi-bin/stable_token", body).str("access_token"), openid
}

// letter is a body; change may spoil it.
func letter(openid, template string, change func(body, data map[string]any)) string {
	data := map[string]any{}
	for k, v := range map[string]string{"thing1": "蓝天文具店", "time2": "2026年3月2日 10:00", "phrase3": "需重新授权", "character_string4": "tea-1",
		"date5": "2026年3月2日", "number6": "12", "keyword7": "任何文字"} {
		data[k] = map[string]any{"value": v}
	}
	body := map[string]any{"touser": openid, "template_id": template, "data": data}
	if change != nil {
		change(body, data)
	}
	b, _ := json.Marshal(body) // texts
	return string(b)
}

func TestTemplateMessages(t *testing.T) {
	g, token, openid := letters(t)
	g.wantCode(g.post(templateSend+token, letter(openid, "tpl", nil)), "43004")
	if err := g.Follow("owner", service); err != nil {
		t.Fatal(err)
	}
	set := func(field, value string) func(_, data map[string]any) {
		return func(_, data map[string]any) { data[field] = map[string]any{"value": value} }
	}
	for name, c := range map[string]struct {
		token, openid, template string
		change                  func(body, data map[string]any)
		want                    string
	}{
		"no token":           {"", openid, "tpl", nil, "41001"},
		"nobody":             {token, "o_demo_nobody_0001", "tpl", nil, "40003"},
		"no template":        {token, openid, "other", nil, "40037"},
		"another kind":       {token, openid, "sub", nil, "40037"},
		"a field is missing": {token, openid, "tpl", func(_, data map[string]any) { delete(data, "thing1") }, "47003"},
		"too long":           {token, openid, "tpl", set("thing1", "一二三四五六七八九十一二三四五六七八九十一"), "47003"},
		"no time":            {token, openid, "tpl", set("time2", "today"), "47003"},
		"no phrase":          {token, openid, "tpl", set("phrase3", "abc"), "47003"},
		"not plain":          {token, openid, "tpl", set("character_string4", "店"), "47003"},
		"no number":          {token, openid, "tpl", set("number6", "many"), "47003"},
		"no date":            {token, openid, "tpl", set("date5", "10:00"), "47003"},
		"no address":         {token, openid, "tpl", func(body, _ map[string]any) { body["url"] = "javascript:1" }, "47003"},
	} {
		t.Run(name, func(t *testing.T) {
			g.wantCode(g.post(templateSend+c.token, letter(c.openid, c.template, c.change)), c.want)
		})
	}
	if n := len(g.Messages()); n != 0 {
		t.Fatalf("%d messages arrived that were refused", n)
	}
	got := g.post(templateSend+token, letter(openid, "tpl", func(body, _ map[string]any) { body["url"] = "https://login.example.com/login?shop=tea" }))
	g.wantCode(got, "0")
	sent := g.Messages()
	if len(sent) != 1 || sent[0].Person != "owner" || sent[0].URL != "https://login.example.com/login?shop=tea" || sent[0].Data["phrase3"] != "需重新授权" {
		t.Fatalf("sent %+v", sent)
	}
	if err := g.Unfollow("owner", service); err != nil {
		t.Fatal(err)
	}
	g.wantCode(g.post(templateSend+token, letter(openid, "tpl", nil)), "43004")
}

func TestSubscriptionNoticesWantAYesEach(t *testing.T) {
	g, token, openid := letters(t)
	state := func(body, _ map[string]any) { body["miniprogram_state"], body["lang"] = "formal", "zh_CN" }
	g.wantCode(g.post(bizSend+token, letter(openid, "sub", state)), "43101")
	if err := g.Subscribe("owner", service, "sub"); err != nil {
		t.Fatal(err)
	}
	g.wantCode(g.post(bizSend+token, letter(openid, "sub", nil)), "47003")
	g.wantCode(g.post(bizSend+token, letter(openid, "tpl", state)), "40037")
	g.wantCode(g.post(bizSend+token, letter(openid, "sub", state)), "0")
	g.wantCode(g.post(bizSend+token, letter(openid, "sub", state)), "43101")
}

func TestTemplatesBelongToServiceAccounts(t *testing.T) {
	w := wechatsim.DefaultWorld()
	w.Apps[1].Templates = []wechatsim.Template{{ID: "", Kind: "letter"}}
	if _, err := wechatsim.Open(wechatsim.Options{World: w}); err == nil {
		t.Error("a website with a template of no kind is taken")
	}
}
