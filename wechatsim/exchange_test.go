package wechatsim_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// sale is one after-sale of a rig, and the order that it is about.
type sale struct {
	*rig
	order, id string
}

// sale lets the buyer of the first order at this status ask for something.
func (g *rig) sale(status int, act string) *sale {
	g.t.Helper()
	order := g.firstOrder(status)
	g.act(order, act)
	list := g.aftersales("")
	if len(list) != 1 {
		g.t.Fatalf("after-sales: %v", list)
	}
	return &sale{rig: g, order: order, id: fmt.Sprint(list[0])}
}

// with is a body about the after-sale.
func (a *sale) with(more string) string {
	return fmt.Sprintf(`{"after_sale_order_id":%q%s}`, a.id, more)
}

func (a *sale) show() reply {
	a.t.Helper()
	return a.shop("aftersale/getaftersaleorder", a.with("")).obj("after_sale_order")
}

func (a *sale) want(status string) {
	a.t.Helper()
	if got := a.show(); got.str("status") != status {
		a.t.Errorf("after-sale at %s, want %s", got.str("status"), status)
	}
}

// picture is a media_id.
func (g *rig) picture() string {
	g.t.Helper()
	return g.sendFile("/shop/ec/basics/img/upload", "&height=1&width=1", "media", png).obj("pic_file").str("media_id")
}

const (
	shipNew   = "aftersale/acceptexchangereship"
	keepNew   = "aftersale/rejectexchangereship"
	talkAbout = "aftersale/merchantupdateaftersale"
	byCourier = `,"waybill_id":"SF999","delivery_id":"SF"`
)

// exchangeComing is one whose old goods are on their way back.
func (g *rig) exchangeComing() *sale {
	g.t.Helper()
	a := g.sale(30, wechatsim.BuyerWantsExchange)
	a.story(
		step{shipNew, a.with(byCourier), "10020001"}, // nothing was sent back
		step{keepNew, a.with(""), "10020001"},
		step{"aftersale/acceptapply", a.with(`,"address_id":123345`), "0"},
	)
	a.act(a.order, wechatsim.BuyerSendsBack)
	a.want("MERCHANT_WAIT_RECEIPT")
	return a
}

func TestExchange(t *testing.T) {
	a := newRig(t).exchangeComing()
	goods := a.show().obj("exchange_product_info")
	if goods.str("new_sku_id") == "" || goods.str("old_sku_id") == "" || goods.str("product_cnt") == "0" {
		t.Errorf("goods: %v", goods)
	}
	a.story(
		step{"aftersale/acceptapply", a.with(""), "10021041"},
		step{"aftersale/rejectapply", a.with(`,"reject_reason":"x"`), "10021041"},
		step{shipNew, a.with(""), "9700224"},
		step{shipNew, a.with(`,"waybill_id":"SF999"`), "9700224"},
		step{shipNew, a.with(`,"waybill_id":"SF999","delivery_id":"HORSE"`), "9700224"},
		step{shipNew, a.with(`,"waybill_id":7,"delivery_id":"SF"`), "47001"},
		step{shipNew, `{"waybill_id":"SF999","delivery_id":"SF"}`, "9700224"},
		step{shipNew, `{"after_sale_order_id":"1","waybill_id":"SF999","delivery_id":"SF"}`, "10020000"},
		step{shipNew, a.with(byCourier), "0"},
		step{shipNew, a.with(byCourier), "10020001"},
		step{keepNew, a.with(""), "10020001"},
	)
	if sent := a.show().obj("exchange_delivery_info"); sent.str("waybill_id") != "SF999" || sent.str("delivery_name") != "顺丰速运" || sent.obj("address_info").str("detail_info") != "****" {
		t.Errorf("sent: %v", sent)
	}
	a.want("USER_WAIT_RECEIPT")
	a.act(a.order, wechatsim.BuyerReceives)
	a.want("MERCHANT_EXCHANGE_SUCCESS")
}

func TestExchangeRefused(t *testing.T) {
	a := newRig(t).exchangeComing()
	a.story(
		step{keepNew, a.with(`,"reject_certificates":["none"]`), "40007"},
		step{keepNew, a.with(`,"reject_reason":"旧货损坏","reject_reason_type":6,"reject_certificates":["` + a.picture() + `"]`), "0"},
	)
	a.want("MERCHANT_REJECT_RESHIP")
	if got := a.show().obj("merchant_upload_info").str("reject_reason"); got != "旧货损坏" {
		t.Errorf("reason %q", got)
	}
	a.act(a.order, wechatsim.BuyerWantsExchange)
	a.story(step{"aftersale/rejectapply", a.with(`,"reject_reason":"无货"`), "0"})
	a.want("MERCHANT_REJECT_EXCHANGE")
}

// TestExchangeCallsAreForExchanges uses them on a return.
func TestExchangeCallsAreForExchanges(t *testing.T) {
	a := newRig(t).sale(30, wechatsim.BuyerWantsReturn)
	a.story(
		step{shipNew, a.with(byCourier), "10021041"},
		step{keepNew, a.with(""), "10021041"},
	)
	if a.show()["exchange_product_info"] != nil {
		t.Errorf("a return shows an exchange: %v", a.show())
	}
}

// proposal is what a shop proposes, with parts of it replaced.
func proposal(parts ...string) string {
	return strings.NewReplacer(parts...).Replace(`,"type":1,"amount":2,"merchant_update_desc":"少退一点","update_reason_type":8,"merchant_update_type":3,"media_ids":[]`)
}

func TestTalkIsStrict(t *testing.T) {
	a := newRig(t).sale(20, wechatsim.BuyerWantsRefund)
	for name, tt := range map[string]struct{ body, want string }{
		"no kind":              {proposal(`"type":1`, `"x":1`), "9700224"},
		"kind of an exchange":  {proposal(`"type":1`, `"type":3`), "9700224"},
		"no amount":            {proposal(`"amount":2,`, ``), "9700224"},
		"amount of nothing":    {proposal(`"amount":2`, `"amount":0`), "9700224"},
		"more than was paid":   {proposal(`"amount":2`, `"amount":99999999`), "9700224"},
		"amount as text":       {proposal(`"amount":2`, `"amount":"2"`), "47001"},
		"nothing said":         {proposal(`少退一点`, ``), "9700224"},
		"no reason":            {proposal(`"update_reason_type":8,`, ``), "9700224"},
		"no way":               {proposal(`"merchant_update_type":3`, `"merchant_update_type":4`), "9700224"},
		"reason of other way":  {proposal(`"update_reason_type":8`, `"update_reason_type":7`), "9700224"},
		"reason with pictures": {proposal(`"update_reason_type":8`, `"update_reason_type":10`), "9700224"},
		"unknown picture":      {proposal(`"media_ids":[]`, `"media_ids":["none"]`), "40007"},
	} {
		if got := a.shop(talkAbout, a.with(tt.body)); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
	a.story(
		step{talkAbout, "{" + proposal()[1:] + "}", "9700224"},
		step{talkAbout, `{"after_sale_order_id":"1"` + proposal() + "}", "10020000"},
	)
	a.want("MERCHANT_PROCESSING")
}

func TestTalk(t *testing.T) {
	for name, tt := range map[string]struct{ body, answer, status, kind, amount string }{
		"less money":      {proposal(), wechatsim.BuyerAgrees, "MERCHANT_REFUND_SUCCESS", "REFUND", "2"},
		"goods back":      {proposal(`"type":1`, `"type":2`), wechatsim.BuyerAgrees, "MERCHANT_PROCESSING", "RETURN", "2"},
		"declined":        {proposal(), wechatsim.BuyerDeclines, "MERCHANT_PROCESSING", "REFUND", ""},
		"withdrawn":       {proposal(`"update_reason_type":8,"merchant_update_type":3`, `"update_reason_type":99,"merchant_update_type":1`), wechatsim.BuyerAgrees, "USER_CANCELD", "REFUND", ""},
		"looks once more": {proposal(`"update_reason_type":8,"merchant_update_type":3`, `"update_reason_type":99,"merchant_update_type":2`), wechatsim.BuyerAgrees, "MERCHANT_PROCESSING", "REFUND", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newRig(t).sale(20, wechatsim.BuyerWantsRefund)
			asked := a.show().obj("refund_info").str("amount")
			a.story(
				step{talkAbout, a.with(tt.body), "0"},
				step{talkAbout, a.with(tt.body), "10020001"},
				step{"aftersale/acceptapply", a.with(""), "10020001"},
			)
			a.want("USER_WAIT_CONFIRM_UPDATE")
			if d := a.show().obj("merchant_update_detail"); d.str("new_after_sale_amount") != "2" || d.str("old_after_sale_amount") != asked || d.str("merchant_update_desc") != "少退一点" {
				t.Errorf("detail: %v", d)
			}
			a.act(a.order, tt.answer)
			a.want(tt.status)
			if tt.amount == "" {
				tt.amount = asked
			}
			if got := a.show(); got.str("type") != tt.kind || got.obj("refund_info").str("amount") != tt.amount || got["merchant_update_detail"] != nil {
				t.Errorf("after the answer: %v", got)
			}
		})
	}
}

const (
	readDispute  = "aftersale/getcomplaintorder"
	noteDispute  = "aftersale/addcomplaintmaterial"
	proveDispute = "aftersale/addcomplaintproof"
)

func TestComplaint(t *testing.T) {
	a := newRig(t).sale(20, wechatsim.BuyerWantsRefund)
	a.story(step{"aftersale/rejectapply", a.with(`,"reject_reason":"已发货"`), "0"})
	a.act(a.order, wechatsim.BuyerComplains)
	id := a.show().str("complaint_id")
	with := func(more string) string { return fmt.Sprintf(`{"complaint_id":%q%s}`, id, more) }
	said := func(text string, pictures int) string {
		ids := `"` + a.picture() + `"`
		return with(fmt.Sprintf(`,"content":%q,"media_id_list":[%s]`, text, strings.TrimPrefix(strings.Repeat(","+ids, pictures), ",")))
	}
	a.story(
		step{readDispute, "{}", "10020051"},
		step{readDispute, `{"complaint_id":"1"}`, "10021500"},
		step{noteDispute, with(""), "10020051"},
		step{noteDispute, `{"complaint_id":"1","content":"x"}`, "10021500"},
		step{noteDispute, said(strings.Repeat("字", 501), 0), "10021501"},
		step{noteDispute, with(`,"content":"x","media_id_list":["none"]`), "40007"},
		step{noteDispute, with(`,"content":"x","media_id_list":"one"`), "47001"},
		step{noteDispute, said(strings.Repeat("字", 500), 20), "0"},
		step{noteDispute, said("再一张", 1), "10021502"},
		step{noteDispute, said("没有图", 0), "0"},
		step{proveDispute, said("证明", 0), "10021504"},
	)
	a.act(a.order, wechatsim.DeskWantsProof)
	a.story(
		step{noteDispute, said("等等", 0), "10021503"},
		step{proveDispute, with(""), "10020051"},
		step{proveDispute, said("证明", 1), "0"},
		step{proveDispute, said("证明", 1), "10021504"},
	)
	got := a.shop(readDispute, with(""))
	if got.str("status") != "107" || got.str("order_id") != a.order || got.str("after_sale_order_id") != a.id {
		t.Errorf("dispute: %v", got)
	}
	var kinds []string
	for _, line := range got.list("history") {
		kinds = append(kinds, reply(line.(map[string]any)).str("item_type"))
	}
	if want := "8 3 3 1 51 50"; strings.Join(kinds, " ") != want {
		t.Errorf("history of kinds %v, want %s", kinds, want)
	}
	newest := reply(got.list("history")[0].(map[string]any))
	if newest.str("content") != "证明" || len(newest.list("media_id_list")) != 1 || len(newest.list("media_infos")) != 1 {
		t.Errorf("newest line: %v", newest)
	}
}

func TestComplaintsHaveTheirTime(t *testing.T) {
	a := newRig(t).sale(20, wechatsim.BuyerWantsRefund)
	wrong := func(act string) {
		t.Helper()
		if err := a.BuyerActs(shopID, a.order, act); !errors.Is(err, wechatsim.ErrWrongMoment) {
			t.Errorf("%s: %v", act, err)
		}
	}
	for _, act := range []string{wechatsim.BuyerComplains, wechatsim.DeskWantsProof, wechatsim.BuyerAgrees, wechatsim.BuyerDeclines, wechatsim.BuyerReceives} {
		wrong(act)
	}
	a.story(step{"aftersale/rejectapply", a.with(`,"reject_reason":"已发货"`), "0"})
	a.Advance(7*24*time.Hour + time.Second)
	wrong(wechatsim.BuyerComplains)
	a.Advance(-time.Second)
	a.act(a.order, wechatsim.BuyerComplains)
	wrong(wechatsim.BuyerComplains)
	a.act(a.order, wechatsim.DeskWantsProof)
	wrong(wechatsim.DeskWantsProof)
}

// mayBecome lists, for each state of an after-sale, the states that may follow.
var mayBecome = map[string][]string{
	"": {"MERCHANT_PROCESSING"},
	"MERCHANT_PROCESSING": {"MERCHANT_REFUND_SUCCESS", "USER_WAIT_RETURN", "MERCHANT_REJECT_REFUND", "MERCHANT_REJECT_RETURN",
		"MERCHANT_REJECT_EXCHANGE", "USER_WAIT_CONFIRM_UPDATE"},
	"USER_WAIT_CONFIRM_UPDATE": {"MERCHANT_PROCESSING", "MERCHANT_REFUND_SUCCESS", "USER_CANCELD"},
	"USER_WAIT_RETURN":         {"MERCHANT_WAIT_RECEIPT"},
	"MERCHANT_WAIT_RECEIPT":    {"MERCHANT_RETURN_SUCCESS", "MERCHANT_REJECT_RETURN", "USER_WAIT_RECEIPT", "MERCHANT_REJECT_RESHIP"},
	"USER_WAIT_RECEIPT":        {"MERCHANT_EXCHANGE_SUCCESS"},
	"MERCHANT_REJECT_REFUND":   {"MERCHANT_PROCESSING"},
	"MERCHANT_REJECT_RETURN":   {"MERCHANT_PROCESSING"},
	"MERCHANT_REJECT_EXCHANGE": {"MERCHANT_PROCESSING"},
	"MERCHANT_REJECT_RESHIP":   {"MERCHANT_PROCESSING"},
	"USER_CANCELD":             {"MERCHANT_PROCESSING"},
}

// TestAftersalesGoTheirWay lets buyer, shop and service desk do anything in any
// order. An after-sale only takes the steps that there are, a call that is
// refused takes none, and what is over stays over.
func TestAftersalesGoTheirWay(t *testing.T) {
	seen := map[string]bool{}
	few := world(func(w *wechatsim.World) { w.Shops[0].Products, w.Shops[0].Orders = 5, 40 })
	rapid.Check(t, func(rt *rapid.T) {
		g := newRig(t, few)
		order := g.firstOrder(30)
		id, state := "", ""
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			accepted := g.anything(rt, order, id)
			list := g.order(order).obj("aftersale_detail").list("aftersale_order_list")
			if len(list) == 0 {
				continue
			}
			id = reply(list[0].(map[string]any)).str("aftersale_order_id")
			next := g.shop("aftersale/getaftersaleorder", fmt.Sprintf(`{"after_sale_order_id":%q}`, id)).obj("after_sale_order").str("status")
			if next != state && (!accepted || !slices.Contains(mayBecome[state], next)) {
				rt.Fatalf("from %q to %q (accepted: %v)", state, next, accepted)
			}
			state = next
			seen[state] = true
		}
	})
	if len(seen) < 6 {
		t.Errorf("only %v were reached", seen)
	}
}

// anything does something about an order and its after-sale, and tells whether
// it was taken.
func (g *rig) anything(rt *rapid.T, order, id string) bool {
	acts := []string{wechatsim.BuyerWantsRefund, wechatsim.BuyerWantsReturn, wechatsim.BuyerWantsExchange, wechatsim.BuyerSendsBack,
		wechatsim.BuyerReceives, wechatsim.BuyerAgrees, wechatsim.BuyerDeclines, wechatsim.BuyerComplains, wechatsim.DeskWantsProof}
	calls := map[string]string{"aftersale/acceptapply": `,"address_id":123345`, "aftersale/rejectapply": `,"reject_reason":"x"`,
		shipNew: byCourier, keepNew: "", talkAbout: proposal(), saleNumber: ""}
	what := rapid.SampledFrom(append(acts, slices.Sorted(maps.Keys(calls))...)).Draw(rt, "what")
	if more, call := calls[what]; call {
		return g.shop(what, fmt.Sprintf(`{"after_sale_order_id":%q%s}`, id, more)).code() == "0"
	}
	return g.BuyerActs(shopID, order, what) == nil
}
