package shop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// played is WeChat for the examples: always the same answer.
func played(body string) *wechat.Client {
	client, err := wechat.New(wechat.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return answer(r, 200, "application/json", body), nil
	})})
	if err != nil {
		panic(err)
	}
	return client
}

// Straight to WeChat, with tokens that you keep.
func ExampleNew() {
	client, err := wechat.New(wechat.Config{Timeout: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := func(context.Context) (wechat.ShopToken, error) {
		return wechat.ShopToken{Value: secret.FromString("the token that is fresh now")}, nil
	}
	lantian := shop.New(client, shop.TokenFunc(token))
	_ = lantian
}

// Through a Zhanggui server: the program holds a client key and no token.
func ExampleNewGateway() {
	lantian, err := shop.NewGateway(shop.GatewayConfig{
		URL:  "https://zhanggui.example.com",
		Shop: "lantian",
		Key:  secret.FromString(os.Getenv("ZHANGGUI_KEY")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = lantian
	// Output: shop: the gateway needs a client key; the operator makes one with: zhanggui client create
}

func ExampleClient_Order() {
	lantian := shop.New(played(`{"errcode":0,"order":{"order_id":3704612354559743232,"status":20,"create_time":1793491200,
		"order_detail":{"price_info":{"product_price":4000,"order_price":4400,"freight":"400"}}}}`), nil)
	order, err := lantian.Order(context.Background(), "3704612354559743232")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.ID, order.Status, order.CreatedAt.Format(time.DateTime), order.Detail.Price.Order, order.Detail.Price.Freight)
	// Output: 3704612354559743232 to-ship 2026-11-01 08:00:00 ¥44.00 ¥4.00
}

// A list asks for further pages as the loop goes on.
func ExampleClient_Orders() {
	lantian := shop.New(played(`{"errcode":0,"order_id_list":["3704612354559743232","3704612354559743233"],"has_more":false}`), nil)
	query := shop.OrderQuery{Updated: shop.Since(time.Now(), time.Hour), Status: shop.OrderToShip}
	for id, err := range lantian.Orders(context.Background(), query) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(id)
	}
	// Output:
	// 3704612354559743232
	// 3704612354559743233
}

// What to do after a failed change depends on what is known about it.
func ExampleClient_UpdateStock() {
	lantian := shop.New(played(`{"errcode":10020219,"errmsg":"stock not enough rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`), nil)
	err := lantian.UpdateStock(context.Background(), shop.StockChange{
		ProductID: "10000000000001", SkuID: "9328425", StockStep: shop.StockStep{Op: shop.StockSubtract, Count: 10},
	})
	if e, ok := errors.AsType[*wechat.Error](err); ok {
		fmt.Println(wechat.OutcomeOf(err), e.Code, e.RID)
	}
	// Output: answered 10020219 1a1a1a1a-2b2b2b2b-3c3c3c3c
}

// Any path, into a type of your own.
func ExampleCall() {
	lantian := shop.New(played(`{"errcode":0,"count":"12"}`), nil)
	favorites, err := shop.Call[struct {
		Count shop.Int `json:"count"`
	}](context.Background(), lantian, "/channels/ec/favorites/count/get", struct{}{})
	fmt.Println(favorites.Count, err)
	// Output: 12 <nil>
}

func ExampleFen() {
	price := shop.Fen(1999)
	fmt.Println(price, int64(2*price))
	// Output: ¥19.99 3998
}
