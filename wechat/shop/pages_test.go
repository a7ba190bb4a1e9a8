package shop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// scripted is a client that answers each request by f, and what was asked.
type scripted struct {
	mu     sync.Mutex
	bodies []string
}

func script(t *testing.T, f func(n int) string) (*shop.Client, *scripted) {
	t.Helper()
	s := &scripted{}
	return direct(t, func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies = append(s.bodies, string(body))
		return answer(r, 200, "", f(len(s.bodies)-1)), nil
	}), s
}

// pages answers with one text after the other, then with errors.
func pages(texts ...string) func(int) string {
	return func(n int) string {
		if n < len(texts) {
			return texts[n]
		}
		return `{"errcode":-1,"errmsg":"asked once too often"}`
	}
}

// TestLists plays the ways in which a list may go on and end.
func TestLists(t *testing.T) {
	ctx := t.Context()
	productList := func(c *shop.Client) iter.Seq2[shop.ID, error] { return c.Products(ctx, shop.ProductQuery{}) }
	orderList := func(c *shop.Client) iter.Seq2[shop.ID, error] { return c.Orders(ctx, shop.OrderQuery{Created: day}) }
	flowList := func(c *shop.Client) iter.Seq2[shop.ID, error] { return c.Flows(ctx, shop.FlowQuery{Range: day}) }
	addressList := func(c *shop.Client) iter.Seq2[shop.ID, error] { return c.Addresses(ctx) }
	couponList := func(c *shop.Client) iter.Seq2[shop.ID, error] { return c.Coupons(ctx, nil) }
	for name, test := range map[string]struct {
		list  func(*shop.Client) iter.Seq2[shop.ID, error]
		pages []string
		want  string
		err   error
	}{
		"no page":                  {productList, []string{`{"errcode":0}`}, "", nil},
		"one page":                 {productList, []string{`{"product_ids":[1,2]}`}, "1 2", nil},
		"an empty page ends":       {productList, []string{`{"product_ids":[1],"next_key":"a"}`, `{"product_ids":[],"next_key":"b"}`}, "1", nil},
		"no cursor ends":           {productList, []string{`{"product_ids":[1],"next_key":"a"}`, `{"product_ids":[2],"next_key":""}`}, "1 2", nil},
		"a circle of one":          {productList, []string{`{"product_ids":[1],"next_key":"a"}`, `{"product_ids":[1],"next_key":"a"}`}, "1 1", shop.ErrEndless},
		"a circle of two":          {productList, []string{`{"product_ids":[1],"next_key":"a"}`, `{"product_ids":[2],"next_key":"b"}`, `{"product_ids":[3],"next_key":"a"}`}, "1 2 3", shop.ErrEndless},
		"more says so":             {orderList, []string{`{"order_id_list":[],"next_key":"a","has_more":true}`, `{"order_id_list":["1"],"next_key":"b","has_more":false}`}, "1", nil},
		"more, but not where":      {orderList, []string{`{"order_id_list":["1"],"has_more":true}`}, "1", shop.ErrEndless},
		"an errcode":               {orderList, []string{`{"order_id_list":["1"],"next_key":"a","has_more":1}`, `{"errcode":45011,"errmsg":"slow"}`}, "1", errCode(45011)},
		"numbers go on":            {flowList, []string{`{"flow_ids":["1"],"next_key":"a","has_more":true}`, `{"flow_ids":["2"],"next_key":"b","has_more":false}`}, "1 2", nil},
		"offsets end empty":        {addressList, []string{`{"address_id_list":[1,2]}`, `{"address_id_list":[3]}`, `{"address_id_list":[]}`}, "1 2 3", nil},
		"offsets that do not move": {addressList, []string{`{"address_id_list":[1,2]}`, `{"address_id_list":[1,2]}`}, "1 2", shop.ErrEndless},
		"as many as counted":       {couponList, []string{`{"coupons":[{"coupon_id":1}],"total_num":2,"page_ctx":"a"}`, `{"coupons":[{"coupon_id":2}],"total_num":2,"page_ctx":"a"}`}, "1 2", nil},
		"counted wrong":            {couponList, []string{`{"coupons":[{"coupon_id":1}],"total_num":9}`, `{"coupons":[],"total_num":9}`}, "1", nil},
		"numbers that stand still": {couponList, []string{`{"coupons":[{"coupon_id":1}],"total_num":9}`, `{"coupons":[{"coupon_id":1}],"total_num":9}`}, "1", shop.ErrEndless},
	} {
		t.Run(name, func(t *testing.T) {
			c, asked := script(t, pages(test.pages...))
			ids, err := shop.All(test.list(c))
			if got := strings.Trim(fmt.Sprint(ids), "[]"); got != test.want || !is(err, test.err) {
				t.Errorf("%s, %v; want %s, %v", got, err, test.want, test.err)
			}
			if len(asked.bodies) != len(test.pages) {
				t.Errorf("%d requests for %d pages", len(asked.bodies), len(test.pages))
			}
		})
	}
}

// errCode stands for a [wechat.Error] with this code.
type errCode int

func (e errCode) Error() string { return fmt.Sprint("errcode ", int(e)) }

// is reports whether err is what a test wants.
func is(err, want error) bool {
	if code, ok := want.(errCode); ok { //nolint:errorlint // written in the table
		e, found := errors.AsType[*wechat.Error](err)
		return found && e.Code == int(code)
	}
	return errors.Is(err, want)
}

// TestCursorsAreHandedOn: every page is asked for with the cursor before it.
func TestCursorsAreHandedOn(t *testing.T) {
	ctx := t.Context()
	for name, test := range map[string]struct {
		list  func(*shop.Client) error
		pages []string
		want  []string
	}{
		"products": {
			func(c *shop.Client) error {
				_, err := shop.All(c.Products(ctx, shop.ProductQuery{PageSize: 1}))
				return err
			},
			[]string{`{"product_ids":[1],"next_key":"a/+="}`, `{"product_ids":[2]}`},
			[]string{`{"page_size":1,"next_key":""}`, `{"page_size":1,"next_key":"a/+="}`},
		},
		"addresses": {
			func(c *shop.Client) error { _, err := shop.All(c.Addresses(ctx)); return err },
			[]string{`{"address_id_list":[1,2]}`, `{}`},
			[]string{`{"offset":0,"limit":50}`, `{"offset":2,"limit":50}`},
		},
		"coupons": {
			func(c *shop.Client) error {
				_, err := shop.All(c.UserCoupons(ctx, "o_demo_owner_0001", new(1)))
				return err
			},
			[]string{`{"user_coupon_list":[{"user_coupon_id":1}],"page_ctx":"c"}`, `{}`},
			[]string{`{"openid":"o_demo_owner_0001","status":1,"page":1,"page_size":200}`, `{"openid":"o_demo_owner_0001","status":1,"page":2,"page_size":200,"page_ctx":"c"}`},
		},
		"withdrawals": {
			func(c *shop.Client) error { _, err := shop.All(c.Withdrawals(ctx, shop.Range{})); return err },
			[]string{`{"withdraw_ids":["1"],"total_num":2}`, `{"withdraw_ids":["2"],"total_num":2}`},
			[]string{`{"page_num":1,"page_size":10}`, `{"page_num":2,"page_size":10}`},
		},
	} {
		c, asked := script(t, pages(test.pages...))
		if err := test.list(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, asked.bodies); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestABreakStopsAsking: who leaves the loop pays for no further page.
func TestABreakStopsAsking(t *testing.T) {
	c, asked := script(t, func(n int) string { return fmt.Sprintf(`{"product_ids":[%d,%d],"next_key":"%d"}`, 2*n, 2*n+1, n) })
	for id, err := range c.Products(t.Context(), shop.ProductQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if id == "2" {
			break
		}
	}
	if len(asked.bodies) != 2 {
		t.Errorf("%d requests", len(asked.bodies))
	}
}

// TestAListMayBeWalkedAgain: from the start, and by several at once.
func TestAListMayBeWalkedAgain(t *testing.T) {
	c := direct(t, func(r *http.Request) (*http.Response, error) {
		var body struct {
			Key string `json:"next_key"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		if body.Key == "" {
			return answer(r, 200, "", `{"data":{"stock_flow_info_list":[{"amount":1}],"next_key":"a"}}`), nil
		}
		return answer(r, 200, "", `{"data":{"stock_flow_info_list":[{"amount":2}]}}`), nil
	})
	list := c.StockFlow(t.Context(), shop.StockFlowQuery{Range: day})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			moves, err := shop.All(list)
			if err != nil || len(moves) != 2 || moves[0].Count != 1 || moves[1].Count != 2 {
				t.Errorf("%v, %v", moves, err)
			}
		})
	}
	group.Wait()
}

// TestLongRangesAreCut: the windows cover the range without a gap, and none is
// wider than WeChat allows.
func TestLongRangesAreCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := shop.Range{From: noon}
		r.To = noon.Add(time.Duration(rapid.Int64Range(1, 100*86400).Draw(rt, "seconds")) * time.Second)
		byOrder := rapid.Bool().Draw(rt, "orders")
		var windows []shop.Range
		c := direct(t, func(req *http.Request) (*http.Response, error) {
			var body struct {
				Created map[string]shop.Time `json:"create_time_range"`
				Begin   shop.Time            `json:"begin_update_time"`
				End     shop.Time            `json:"end_update_time"`
			}
			if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
				return nil, err
			}
			if byOrder {
				windows = append(windows, shop.Range{From: body.Created["start_time"].Time, To: body.Created["end_time"].Time})
			} else {
				windows = append(windows, shop.Range{From: body.Begin.Time, To: body.End.Time})
			}
			return answer(req, 200, "", `{}`), nil
		})
		list, width := c.AfterSales(t.Context(), shop.AfterSaleQuery{Updated: r}), 24*time.Hour
		if byOrder {
			list, width = c.Orders(t.Context(), shop.OrderQuery{Created: r}), 7*24*time.Hour
		}
		if _, err := shop.All(list); err != nil {
			rt.Fatal(err)
		}
		at := r.From
		for _, w := range windows {
			if !w.From.Equal(at) || !w.To.After(w.From) || w.To.Sub(w.From) > width {
				rt.Fatalf("%v after %v", w, at)
			}
			at = w.To
		}
		if !at.Equal(r.To) {
			rt.Fatalf("the last window ends at %v, not %v", at, r.To)
		}
	})
}

func TestARangeMustMakeSense(t *testing.T) {
	c, asked := script(t, pages())
	backwards := shop.Range{From: day.To, To: day.From}
	for name, list := range map[string]iter.Seq2[shop.ID, error]{
		"orders without":       c.Orders(t.Context(), shop.OrderQuery{}),
		"orders backwards":     c.Orders(t.Context(), shop.OrderQuery{Updated: backwards}),
		"orders from never":    c.Orders(t.Context(), shop.OrderQuery{Created: shop.Range{To: noon}}),
		"orders to never":      c.Orders(t.Context(), shop.OrderQuery{Created: shop.Range{From: noon}}),
		"after-sales without":  c.AfterSales(t.Context(), shop.AfterSaleQuery{}),
		"after-sales with two": c.AfterSales(t.Context(), shop.AfterSaleQuery{Created: day, Updated: day}),
	} {
		if ids, err := shop.All(list); err == nil || !strings.Contains(err.Error(), "range") || len(ids) != 0 {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
	if len(asked.bodies) != 0 {
		t.Errorf("%d requests were sent", len(asked.bodies))
	}
	if got := shop.Since(noon, time.Hour); !got.To.Equal(noon) || !got.From.Equal(noon.Add(-time.Hour)) {
		t.Error(got)
	}
}

// TestAWindowThatFailsEndsTheList: later windows are not asked for.
func TestAWindowThatFailsEndsTheList(t *testing.T) {
	c, asked := script(t, pages(`{"order_id_list":["1"]}`, `{"errcode":50001,"errmsg":"no"}`, `{"order_id_list":["3"]}`))
	ids, err := shop.All(c.Orders(t.Context(), shop.OrderQuery{Updated: shop.Since(noon, 30*24*time.Hour)}))
	if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Code != 50001 || len(ids) != 1 || len(asked.bodies) != 2 {
		t.Errorf("%v, %v, %d requests", ids, err, len(asked.bodies))
	}
}

// TestAListEndsWithItsContext: the next page is not asked for.
func TestAListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, asked := script(t, func(n int) string { return fmt.Sprintf(`{"product_ids":[%d],"next_key":"%d"}`, n, n) })
	var last error
	for _, err := range c.Products(ctx, shop.ProductQuery{}) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || len(asked.bodies) != 1 {
		t.Errorf("%v after %d requests", last, len(asked.bodies))
	}
}
