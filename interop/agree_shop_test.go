package interop_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

const productPath = "/channels/ec/product"

type object = map[string]any

// call posts in with a fresh shop token and decodes the answer.
func call[T any](p *pairing, path string, in any) (T, error) {
	p.t.Helper()
	var out T
	_, err := p.c.CallJSON(p.t.Context(), wechat.Request{Path: path, Token: p.shopToken()}, in, &out)
	return out, err
}

// must is call for what has to work.
func must[T any](p *pairing, path string, in any) T {
	p.t.Helper()
	out, err := call[T](p, path, in)
	p.ok(err)
	return out
}

type anything struct{}

type page struct {
	ProductIDs []wechat.ID `json:"product_ids"`
	OrderIDs   []wechat.ID `json:"order_id_list"`
	Orders     []wechat.ID `json:"orders"`
	NextKey    string      `json:"next_key"`
	HasMore    bool        `json:"has_more"`
	TotalNum   int         `json:"total_num"`
}

type product struct {
	ProductID  wechat.ID `json:"product_id"`
	Title      string    `json:"title"`
	Status     int       `json:"status"`
	EditStatus int       `json:"edit_status"`
	Skus       []struct {
		SkuID    wechat.ID `json:"sku_id"`
		StockNum int64     `json:"stock_num"`
	} `json:"skus"`
}

type productAnswer struct {
	Product *product `json:"product"`
	Draft   *product `json:"edit_product"`
}

func (p *pairing) product(id wechat.ID, dataType int) productAnswer {
	p.t.Helper()
	return must[productAnswer](p, productPath+"/get", object{"product_id": id, "data_type": dataType})
}

// beyondFloat wants an id that a float64 would have spoilt.
func beyondFloat(t *testing.T, id wechat.ID) {
	t.Helper()
	n, err := strconv.ParseUint(id.String(), 10, 64)
	if err != nil || n <= 1<<53 {
		t.Errorf("id %q: want a whole number above 2^53 (%v)", id, err)
	}
}

func TestBasicsAgree(t *testing.T) {
	both(t, func(p *pairing) {
		var out struct {
			Info struct {
				Nickname, Status, Username string
				OpenTimestamp              int64 `json:"open_timestamp"`
			} `json:"info"`
		}
		meta, err := p.c.CallJSON(p.t.Context(), wechat.Request{Method: http.MethodGet, Path: basicsPath, Token: p.shopToken()}, nil, &out)
		p.ok(err)
		if out.Info.Nickname != "蓝天文具店" || out.Info.Status != "open_finished" || out.Info.OpenTimestamp <= 0 || meta.HTTPStatus != http.StatusOK {
			p.t.Errorf("basics %+v", out.Info)
		}
		_, err = p.c.CallJSON(p.t.Context(), wechat.Request{Path: basicsPath, Token: p.shopToken()}, nil, nil)
		p.refused(err, 43001, wechat.ClassCaller)
	})
}

// Pages of a list, with or without a next_key on the last one, give every id
// once.
func TestProductListAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		var ids []wechat.ID
		next, pages := "", 0
		for {
			got := must[page](p, productPath+"/list/get", object{"page_size": 30, "next_key": next})
			ids, next = append(ids, got.ProductIDs...), got.NextKey
			if pages++; next == "" || len(got.ProductIDs) == 0 {
				break
			}
			if pages > 10 {
				p.t.Fatal("the list does not end")
			}
		}
		sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
		total := must[page](p, productPath+"/list/get", nil).TotalNum
		if len(ids) == 0 || len(sorted) != len(ids) || len(ids) != total {
			p.t.Errorf("%d ids, %d different ones, total_num %d", len(ids), len(sorted), total)
		}
		if got := p.product(ids[0], 1); got.Product.ProductID != ids[0] || len(got.Product.Skus) == 0 || got.Draft != nil {
			p.t.Errorf("product %+v", got)
		}
		_, err := call[page](p, productPath+"/list/get", object{"page_size": 31})
		p.refused(err, 10020051, wechat.ClassCaller)
	})
}

func goods(title string) object {
	picture := "https://mmecimage.cn/p/" + wechattest.Shop + "/a<b>&c"
	return object{
		"title": title, "head_imgs": []string{picture, picture, picture}, "deliver_method": 0,
		"cats_v2":         []object{{"cat_id": "10000111"}, {"cat_id": "10000113"}, {"cat_id": "6091"}},
		"express_info":    object{"template_id": "47428464001", "weight": 100},
		"after_sale_info": object{"after_sale_address_id": 123345},
		"skus":            []object{{"sale_price": 1300, "stock_num": 100, "sku_code": "interop"}},
	}
}

func TestProductLifeAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		added := must[struct {
			Data struct {
				ProductID wechat.ID `json:"product_id"`
			} `json:"data"`
		}](p, productPath+"/add", goods("接头测试笔记本 <A&B>"))
		id := added.Data.ProductID
		beyondFloat(p.t, id)
		got := p.product(id, 3)
		if got.Product != nil || got.Draft == nil || got.Draft.ProductID != id || got.Draft.Title != "接头测试笔记本 <A&B>" {
			p.t.Fatalf("after add: %+v", got)
		}
		sku := got.Draft.Skus[0].SkuID
		_, err := call[anything](p, productPath+"/stock/update", object{"product_id": id, "sku_id": sku, "diff_type": 1, "num": 1})
		p.refused(err, 10020289, wechat.ClassCaller)

		must[anything](p, productPath+"/listing", object{"product_id": id})
		if p.sw.ReviewTakes > 0 {
			_, err = call[anything](p, productPath+"/listing", object{"product_id": id})
			p.refused(err, 10020047, wechat.ClassCaller)
			_, err = call[anything](p, productPath+"/update", p.changed(id, sku, "改过的笔记本"))
			p.refused(err, 10020049, wechat.ClassCaller)
		}
		p.Advance(p.sw.ReviewTakes.Std())
		if got := p.product(id, 1); got.Product == nil || got.Product.Status != 5 || got.Product.EditStatus != 4 {
			p.t.Fatalf("after the review: %+v", got.Product)
		}
		must[anything](p, productPath+"/update", p.changed(id, sku, "改过的笔记本"))
		if got := p.product(id, 3); got.Product.Title != "接头测试笔记本 <A&B>" || got.Draft.Title != "改过的笔记本" {
			p.t.Errorf("an update touches the draft only: live %q, draft %q", got.Product.Title, got.Draft.Title)
		}
		must[anything](p, productPath+"/delisting", object{"product_id": id})
		_, err = call[anything](p, productPath+"/delisting", object{"product_id": id})
		p.refused(err, 10020065, wechat.ClassCaller)
		_, err = call[anything](p, productPath+"/get", object{"product_id": "1"})
		p.refused(err, 10020052, wechat.ClassCaller)
	})
}

func (p *pairing) changed(id, sku wechat.ID, title string) object {
	in := goods(title)
	in["product_id"] = id
	in["skus"].([]object)[0]["sku_id"] = sku
	return in
}

// stock asks for one sku's stock. The answer omits errcode where a switch
// says so; a missing errcode is a success.
func (p *pairing) stock(id, sku wechat.ID) int64 {
	p.t.Helper()
	return must[struct {
		Data struct {
			Normal int64 `json:"normal_stock_num"`
		} `json:"data"`
	}](p, productPath+"/stock/get", object{"product_id": id, "sku_id": sku}).Data.Normal
}

// first is a product on sale and its first sku.
func (p *pairing) first() (id, sku wechat.ID) {
	p.t.Helper()
	id = must[page](p, productPath+"/list/get", object{"status": 5, "page_size": 1}).ProductIDs[0]
	return id, p.product(id, 1).Product.Skus[0].SkuID
}

func TestStockAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		id, sku := p.first()
		have := p.stock(id, sku)
		for _, change := range []struct{ diff, num, want int64 }{{1, 7, have + 7}, {2, 7, have}, {3, 5, 5}} {
			must[anything](p, productPath+"/stock/update", object{"product_id": id, "sku_id": sku, "diff_type": change.diff, "num": change.num})
			if got := p.stock(id, sku); got != change.want {
				p.t.Errorf("diff_type %d, num %d: stock %d, want %d", change.diff, change.num, got, change.want)
			}
		}
		_, err := call[anything](p, productPath+"/stock/update", object{"product_id": id, "sku_id": sku, "diff_type": 2, "num": 6})
		p.refused(err, 10020219, wechat.ClassCaller)
	})
}

func TestOrdersAgree(t *testing.T) {
	both(t, func(p *pairing) {
		week := object{"start_time": start.Add(-7 * 24 * time.Hour).Unix(), "end_time": start.Unix()}
		var ids []wechat.ID
		for next, more := "", true; more; {
			got := must[page](p, "/channels/ec/order/list/get", object{"update_time_range": week, "page_size": 2, "next_key": next})
			ids, next, more = append(ids, got.OrderIDs...), got.NextKey, got.HasMore
		}
		if len(ids) < 3 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != len(ids) {
			p.t.Fatalf("orders of a week: %v", ids)
		}
		for _, id := range ids[:3] {
			beyondFloat(p.t, id)
			got := must[struct {
				Order struct {
					OrderID wechat.ID `json:"order_id"`
					Status  int       `json:"status"`
				} `json:"order"`
			}](p, orderPath, object{"order_id": id})
			if got.Order.OrderID != id || got.Order.Status == 0 {
				p.t.Errorf("asked for %s, got %+v", id, got.Order)
			}
		}
		found := must[page](p, "/channels/ec/order/search", object{"search_condition": object{"order_id": ids[0]}, "page_size": 10})
		if list := slices.Concat(found.Orders, found.OrderIDs); len(list) != 1 || list[0] != ids[0] {
			p.t.Errorf("search found %v, want %v", list, ids[0])
		}
		week["start_time"] = start.Add(-7*24*time.Hour - time.Second).Unix()
		_, err := call[page](p, "/channels/ec/order/list/get", object{"update_time_range": week, "page_size": 2})
		p.refused(err, 10020051, wechat.ClassCaller)
	})
}

// The streamed call sees what the decoding one sees, and passes every byte on.
func TestStreamingAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		for _, asText := range []bool{false, true} {
			p.ok(p.SetSwitches(func(sw *wechatsim.Switches) { sw.ErrcodeAsString = asText }))
			_, err := call[anything](p, orderPath, object{"order_id": "1"})
			p.refused(err, 10020052, wechat.ClassCaller)
			res, err := p.c.Call(p.t.Context(), wechat.Request{Path: orderPath, Token: p.shopToken(), Body: strings.NewReader(`{"order_id":"1"}`), ContentLength: 16})
			p.ok(err)
			body, err := io.ReadAll(res.Body)
			p.ok(err)
			p.ok(res.Body.Close())
			p.refused(res.Err(), 10020052, wechat.ClassCaller)
			text := "10020052"
			if asText {
				text = strconv.Quote(text)
			}
			if want := fmt.Sprintf(`{"errcode":%s,"errmsg":"not found rid: %s"}`, text, res.Head.RID); string(body) != want {
				p.t.Errorf("body %s, want %s", body, want)
			}
		}
	})
}
