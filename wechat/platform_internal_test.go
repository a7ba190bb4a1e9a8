package wechat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	for text, want := range map[string]int64{
		`1700000000`: 1700000000, `"1700000000"`: 1700000000, `253402300799`: 253402300799,
		`253402300800`: 0, `0`: 0, `-1`: 0, `null`: 0, `""`: 0, `"2026-01-01"`: 0, `1.5`: 0, `{}`: 0,
	} {
		got := object{"t": json.RawMessage(text)}.moment("t")
		if want == 0 != got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("%s is %v, want %d", text, got, want)
		}
	}
}

func TestIDMember(t *testing.T) {
	for text, want := range map[string]ID{
		`5`: "5", `"5"`: "5", `18446744073709551615`: "18446744073709551615", `18446744073709551616`: "",
		`-5`: "", `1.0`: "", `1e3`: "", `"x"`: "", `null`: "", `""`: "", `{}`: "", `[5]`: "", `true`: "", `"+5"`: "", `" 5"`: "",
	} {
		if got := (object{"id": json.RawMessage(text)}).id("id"); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	if got := (object{}).id("id"); got != "" {
		t.Errorf("a missing id is %q", got)
	}
}

func TestObjects(t *testing.T) {
	for text, want := range map[string][2]int{`[{},{"a":1}]`: {2, 0}, `[null,1,"x",[],{}]`: {1, 4}, `[]`: {0, 0}, `null`: {0, 0}} {
		rows, odd, err := object{"l": json.RawMessage(text)}.objects("l")
		if err != nil || len(rows) != want[0] || odd != want[1] {
			t.Errorf("%s: %d rows, %d odd, %v", text, len(rows), odd, err)
		}
	}
	for _, text := range []string{`{}`, `"x"`, `7`, `true`} {
		if _, _, err := (object{"l": json.RawMessage(text)}).objects("l"); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// vectorBodies returns the samples of platform_answers.json as seeds.
func vectorBodies(f *testing.F) [][]byte {
	f.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors", "platform_answers.json"))
	if err != nil {
		f.Fatal(err)
	}
	var list []struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		f.Fatalf("%d samples, %v", len(list), err)
	}
	var bodies [][]byte
	for _, v := range list {
		bodies = append(bodies, []byte(v.Body))
	}
	return bodies
}

// Whatever a platform is answered, what is accepted keeps its promises.
func FuzzPlatformAnswer(f *testing.F) {
	for _, body := range vectorBodies(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseObject(body)
		if err != nil {
			return
		}
		checkTokens(t, o)
		checkLists(t, o)
		checkMarket(t, o)
	})
}

// malformed fails for an error that is not marked as ErrMalformed, and reports
// whether there was one.
func malformed(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, ErrMalformed) {
		t.Fatalf("error %v is not marked as malformed", err)
	}
	return err != nil
}

func checkTokens(t *testing.T, o object) {
	t.Helper()
	if g, err := readComponentGrant(o, Meta{}); !malformed(t, err) && (g.Token.IsZero() || !sane(g.ExpiresIn)) {
		t.Fatalf("a component token without its parts was accepted: %v", o)
	}
	if p, err := readPreAuth(o, Meta{}); !malformed(t, err) && (p.Code.IsZero() || !sane(p.ExpiresIn)) {
		t.Fatalf("a pre-authorisation code without its parts was accepted: %v", o)
	}
	g, err := readQueryAuth(o, Meta{})
	if !malformed(t, err) && (g.Token.IsZero() || !sane(g.ExpiresIn) || !appIDForm.MatchString(g.AppID) || !goodSets(g.Sets)) {
		t.Fatalf("an authorisation without its parts was accepted: %v", o)
	}
	if _, err := readTicketPush(o, Meta{}); !malformed(t, err) && isEmpty(o["errcode"]) {
		t.Fatal("a verdict was made up")
	}
}

func sane(life time.Duration) bool { return life > 0 && life <= maxLifetime }

func goodSets(ids []int) bool {
	return slices.IsSorted(ids) && len(slices.Compact(slices.Clone(ids))) == len(ids) && (len(ids) == 0 || ids[0] > 0)
}

func checkLists(t *testing.T, o object) {
	t.Helper()
	if p, err := readAuthorizerPage(o, Meta{}, 0); !malformed(t, err) {
		for _, a := range p.Authorizers {
			if !appIDForm.MatchString(a.AppID) {
				t.Fatalf("%q was taken for an appid", a.AppID)
			}
		}
		if p.Total < 0 || p.Total > 0 && isEmpty(o["list"]) {
			t.Fatalf("a list of %d accounts without a list was accepted", p.Total)
		}
	}
	const asked = "wx00000000000000a1"
	i, err := readAuthorizerInfo(o, Meta{}, asked)
	if !malformed(t, err) && (i.AppID != asked || !goodSets(i.Sets) || i.Shop != (o.object("authorizer_info").object("store_info") != nil)) {
		t.Fatalf("got %+v from %v", i, o)
	}
	if s, err := readCallbackSources(o, Meta{}); !malformed(t, err) {
		for _, p := range s.Prefixes {
			if !p.IsValid() || p.Bits() < widestV4 || p.Addr().Is4In6() || p != p.Masked() {
				t.Fatalf("%v was believed", p)
			}
		}
	}
}

func checkMarket(t *testing.T, o object) {
	t.Helper()
	if l, err := readServiceLogin(o, Meta{}, "spec_id"); !malformed(t, err) {
		if _, ok := l.ServiceID.number(); !ok || l.AppID == "" && l.OpenID == "" {
			t.Fatalf("a login of nobody was accepted: %v", o)
		}
	}
	asked := Purchase{Buyer: Buyer{AppID: "wx00000000000000a1"}, ServiceID: "1"}
	if b, err := readServiceBuyer(o, Meta{}, asked); !malformed(t, err) && (b.Buyer != asked.Buyer || b.ServiceID != asked.ServiceID) {
		t.Fatalf("somebody else's purchase was accepted: %v", o)
	}
	if p, err := readServiceBuyerPage(o, Meta{}); !malformed(t, err) && (p.Total < 0 || p.Rows() < len(p.Buyers)) {
		t.Fatalf("got %+v from %v", p, o)
	}
	if p, err := readPaidOrders(o, Meta{}); !malformed(t, err) {
		for _, order := range p.Orders {
			if _, ok := order.OrderID.number(); !ok {
				t.Fatalf("an order without an id was accepted: %v", o)
			}
		}
	}
}
