package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
)

// shown is how many products and orders a shop's page shows.
const shown = 5

// live is what WeChat says about a shop right now.
type live struct {
	Name, Status string
	Products     []product
	Total        int
	Orders       []order
}

type product struct {
	ID    wechat.ID `json:"product_id"`
	Title string    `json:"title"`
	Price fen       `json:"min_price"`
}

type order struct {
	ID      wechat.ID `json:"order_id"`
	Status  int       `json:"status"`
	Created int64     `json:"create_time"`
	Detail  struct {
		Price struct {
			Total fen `json:"order_price"`
		} `json:"price_info"`
	} `json:"order_detail"`
}

func (o order) createdAt() time.Time { return time.Unix(o.Created, 0) }

// fen is money as WeChat counts it: hundredths of a yuan.
type fen int64

// String writes the amount in yuan.
func (f fen) String() string { return fmt.Sprintf("¥%d.%02d", int64(f)/100, int64(f)%100) }

// ask reads a shop's name, first products and newest orders. The pages are
// /doc/store/API/basics/getbasicinfo, /doc/store/API/product/list_get and
// /doc/store/shop/API/channels-shop-order/api_getorderlist.
func (c *Console) ask(ctx context.Context, shopID string) (live, error) {
	var l live
	if err := c.askBasics(ctx, shopID, &l); err != nil {
		return l, err
	}
	if err := c.askProducts(ctx, shopID, &l); err != nil {
		return l, err
	}
	return l, c.askOrders(ctx, shopID, &l)
}

func (c *Console) askBasics(ctx context.Context, shopID string, l *live) error {
	var answer struct {
		Info struct {
			Nickname string `json:"nickname"`
			Status   string `json:"status"`
		} `json:"info"`
	}
	err := c.Caller.Call(ctx, shopID, http.MethodGet, "/channels/ec/basics/info/get", nil, &answer)
	l.Name, l.Status = answer.Info.Nickname, answer.Info.Status
	return err
}

func (c *Console) askProducts(ctx context.Context, shopID string, l *live) error {
	var listed struct {
		IDs   []wechat.ID `json:"product_ids"`
		Total int         `json:"total_num"`
	}
	in := map[string]any{"page_size": shown}
	if err := c.Caller.Call(ctx, shopID, http.MethodPost, "/channels/ec/product/list/get", in, &listed); err != nil {
		return err
	}
	l.Total = listed.Total
	for _, id := range listed.IDs[:min(shown, len(listed.IDs))] {
		var one struct {
			Product product `json:"product"`
		}
		if err := c.Caller.Call(ctx, shopID, http.MethodPost, "/channels/ec/product/get", map[string]any{"product_id": id.String(), "data_type": 1}, &one); err != nil {
			return err
		}
		l.Products = append(l.Products, one.Product)
	}
	return nil
}

func (c *Console) askOrders(ctx context.Context, shopID string, l *live) error {
	now := c.Now()
	in := map[string]any{"page_size": shown, "create_time_range": map[string]int64{
		"start_time": now.AddDate(0, 0, -7).Unix() + 1, "end_time": now.Unix()}}
	var listed struct {
		IDs []wechat.ID `json:"order_id_list"`
	}
	if err := c.Caller.Call(ctx, shopID, http.MethodPost, "/channels/ec/order/list/get", in, &listed); err != nil {
		return err
	}
	for _, id := range listed.IDs[:min(shown, len(listed.IDs))] {
		var one struct {
			Order order `json:"order"`
		}
		if err := c.Caller.Call(ctx, shopID, http.MethodPost, "/channels/ec/order/get", map[string]any{"order_id": id.String()}, &one); err != nil {
			return err
		}
		l.Orders = append(l.Orders, one.Order)
	}
	return nil
}
