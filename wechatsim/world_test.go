package wechatsim_test

import (
	_ "embed"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// smallWorld is an example for users as well: everything a world can say.
//
//go:embed testdata/world.json
var smallWorld string

func TestLoadWorld(t *testing.T) {
	w, err := wechatsim.LoadWorld(strings.NewReader(smallWorld))
	if err != nil {
		t.Fatal(err)
	}
	want := wechatsim.StrictSwitches()
	want.RefreshTokenRotates, want.ReviewTakes = false, 0
	if diff := cmp.Diff(want, *w.Switches); diff != "" {
		t.Errorf("switches start from the strict set (-want +got):\n%s", diff)
	}
	if w.TokenLife.Std() != 330*time.Second || w.RefreshLife.Std() != 720*time.Hour || !*w.Apps[0].Verified || w.Shops[0].Nickname != "店" {
		t.Errorf("values or defaults: %+v", w)
	}
	sim, err := wechatsim.Load(w)
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := sim.OpenID("owner", service); id != "o_demo_owner_0001" {
		t.Errorf("openid %q", id)
	}
	g := &rig{t: t, Sim: sim}
	if grants, total, err := g.Grants(component, 0, 1); err != nil || total != 13 || !cmp.Equal(grants[0].Sets, []int{129, 131}) {
		t.Errorf("grants %+v of %d, %v", grants, total, err)
	}
	if got := g.get("/sim/world").list("grants"); len(got) != 1 {
		t.Errorf("grants shown: %v", got)
	}
	g.wantCode(g.get("/sns/auth"), "-1")
}

func TestLoadWorldTellsAllMistakes(t *testing.T) {
	const bad = `{
  "sed": 1, "token_life": "5s", "refresh_life":"1s",
  "apps": [
    {"appid":"wx1","secret":"","kind":"car","name":"x","color":"red"},
    {"appid":"wx00000000000000c1","secret":"s","kind":"shop","callback_domain":"https://a.example.com","ip_allowlist":["192.0.2.0/25","x"]},
    {"appid":"wx00000000000000c1","secret":"s","kind":"website","scopes":["snsapi_base"]}
  ],
  "people": [{"name":"Ow ner"},{"name":"a","openids":{"wx2":"o"},"follows":["wx3"]},{"name":"a"}],
  "shops": [{"appid":"wx4","status":"asleep","products":-1,"orders":3},{"appid":"wx4","orders":99999}],
  "limits": [{"path":"x","daily":-1}],
  "switches": {"refusal_callback":"maybe","token_length":9,"used_code":1},
  "faults": [{"path":"x","kind":"sulk"}]
}`
	_, err := wechatsim.LoadWorld(strings.NewReader(bad))
	we, ok := errors.AsType[*wechatsim.WorldError](err)
	if !ok {
		t.Fatalf("error %v, want a *WorldError", err)
	}
	got := map[string]bool{}
	for _, p := range we.Problems {
		got[p.Path] = true
		if p.What == "" || p.Remedy == "" {
			t.Errorf("%+v lacks words", p)
		}
	}
	for _, path := range []string{
		"$.sed", "$.token_life", "$.refresh_life", "$.apps[0].appid", "$.apps[0].secret", "$.apps[0].kind", "$.apps[0].color",
		"$.apps[1].callback_domain", "$.apps[1].ip_allowlist[0]", "$.apps[1].ip_allowlist[1]", "$.apps[2].appid", "$.apps[2].scopes[0]",
		"$.people[0].name", "$.people[1].openids.wx2", "$.people[1].follows[0]", "$.people[2].name",
		"$.shops[0].appid", "$.shops[0].status", "$.shops[0].orders", "$.shops[1].appid", "$.shops[1].orders",
		"$.limits[0].path", "$.limits[0]", "$.switches.refusal_callback", "$.switches.token_length", "$.switches.used_code",
		"$.faults[0].path", "$.faults[0].kind",
	} {
		if !got[path] {
			t.Errorf("no problem at %s; have %v", path, err)
		}
	}
}

func TestLoadWorldTypes(t *testing.T) {
	tests := []struct{ world, path string }{
		{``, "$ "},
		{`[]`, "$ "},
		{`{} {}`, "$ "},
		{`{"seed":-1}`, "$.seed"},
		{`{"seed":1.5}`, "$.seed"},
		{`{"seed":"1"}`, "$.seed"},
		{`{"Seed":1}`, "$.Seed"},
		{`{"token_life":330}`, "$.token_life"},
		{`{"token_life":"soon"}`, "$.token_life"},
		{`{"epoch":"today"}`, "$.epoch"},
		{`{"loopback":"yes"}`, "$.loopback"},
		{`{"apps":{}}`, "$.apps"},
		{`{"apps":[1]}`, "$.apps[0]"},
		{`{"people":[{"openids":[]}]}`, "$.people[0].openids"},
		{`{"people":[{"openids":{"a":1}}]}`, "$.people[0].openids.a"},
		{`{"switches":{"nonsense":true}}`, "$.switches.nonsense"},
	}
	for _, tt := range tests {
		_, err := wechatsim.LoadWorld(strings.NewReader(tt.world))
		if err == nil || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v, want a problem at %s", tt.world, err, tt.path)
		}
	}
	for _, ok := range []string{`{}`, `{"switches":null,"apps":null}`} {
		if _, err := wechatsim.LoadWorld(strings.NewReader(ok)); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	if _, err := wechatsim.LoadWorld(strings.NewReader(strings.Repeat(" ", 1<<20) + "{}")); err == nil {
		t.Error("a world of more than 1 MiB was read")
	}
}

func TestWorldIsCopied(t *testing.T) {
	w := wechatsim.DefaultWorld()
	g := newRig(t, func(o *wechatsim.Options) { o.World = w })
	if err := g.CloseAccount("owner"); err != nil {
		t.Fatal(err)
	}
	if w.People[0].Closed || w.Switches != nil {
		t.Error("the emulator changed the caller's world")
	}
}

func TestNewPanicsOnABadWorld(t *testing.T) {
	defer func() {
		if _, ok := recover().(*wechatsim.WorldError); !ok {
			t.Error("no *WorldError")
		}
	}()
	wechatsim.New(wechatsim.Options{World: &wechatsim.World{Apps: []wechatsim.App{{}}}})
}

func TestSwitchSetsAreValidAndDiffer(t *testing.T) {
	strict, lenient := wechatsim.StrictSwitches(), wechatsim.LenientSwitches()
	for _, sw := range []wechatsim.Switches{strict, lenient} {
		newRig(t, with(sw)) // fatal if a value is outside its list
	}
	if cmp.Equal(strict, lenient) {
		t.Error("the two sets are the same")
	}
	g := newRig(t)
	if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.UsedCode = 1 }); err == nil {
		t.Error("used_code 1 was accepted")
	}
	if got := g.Switches(); !cmp.Equal(got, strict) {
		t.Errorf("a refused change left %+v", got)
	}
}

func FuzzLoadWorld(f *testing.F) {
	f.Add([]byte(smallWorld))
	f.Add([]byte(`{"apps":[{"appid":"wx00000000000000a1"}],"people":[{"name":"a"}]}`))
	f.Add([]byte(`{"switches":{"token_length":1e3}}`))
	f.Add([]byte(`{"epoch":"2026-03-02T00:00:00Z","seed":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := wechatsim.LoadWorld(strings.NewReader(string(data)))
		if err != nil {
			if we, ok := errors.AsType[*wechatsim.WorldError](err); ok && len(we.Problems) == 0 {
				t.Error("an error without a problem")
			}
			return
		}
		for i := range w.Shops { // big shops are slow to make and prove nothing here
			w.Shops[i].Products, w.Shops[i].Orders = min(w.Shops[i].Products, 3), -1
		}
		if w.Crowd != nil {
			w.Crowd.Shops = min(w.Crowd.Shops, 3)
		}
		if _, err := wechatsim.Load(w); err != nil {
			t.Errorf("LoadWorld accepted what Load refuses: %v", err)
		}
	})
}
