package zhanggui_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// demo is a server with one shop, as the examples need it.
func demo() *httptest.Server {
	mux := http.NewServeMux()
	for path, body := range map[string]string{
		"/wx/lantian/channels/ec/basics/info/get": `{"errcode":0,"info":{"nickname":"蓝天文具店"}}`,
		"/wx/lantian/channels/ec/order/get":       `{"errcode":0,"order":{"order_id":"3705115058471208928","status":20}}`,
		"/v1/events":                              `{"items":[{"id":"ev_7","type":"channels_ec_order_pay","shop":"lantian","data":{}}],"next":7,"more":false}`,
		"/v1/shops":                               `{"items":[{"id":"lantian","name":"蓝天文具店","grant":{"state":"active"}}]}`,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		})
	}
	mux.HandleFunc("POST /v1/shops", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"lantian","tenant":"lantian","name":"蓝天文具店","grant":{"state":"active"}}`)
	})
	mux.HandleFunc("DELETE /v1/tenants/{tenant}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"title":"Conflict","code":"in-use","cause":"something still needs it","cause_zh":"仍有其他内容依赖于它","next":"remove first what problems name","next_zh":"请先移除 problems 所列之处","problems":["shop \"lantian\""]}`)
	})
	mux.HandleFunc("/v1/events/stream", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: ev_8\nevent: grant.healed\ndata: {\"id\":\"ev_8\",\"type\":\"grant.healed\",\"shop\":\"lantian\",\"data\":{}}\n\n")
	})
	mux.HandleFunc("/wx/other/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"title":"Forbidden","code":"shop-not-held","cause":"This client has no right to a shop of this name.","cause_zh":"该客户端无权访问此店铺。","next":"Check the shop id.","next_zh":"请核对店铺标识。"}`)
	})
	return httptest.NewServer(mux)
}

var exampleKey = secret.FromString("zgc_EXAMPLEEXAMPLEEXAMPLE2222")

func Example() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Shop("lantian").Get(context.Background(), "/channels/ec/basics/info/get", nil)
	if err != nil {
		log.Fatal(err)
	}
	var out struct {
		Info struct{ Nickname string }
	}
	if err := answer.Decode(&out); err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Info.Nickname)
	// Output: 蓝天文具店
}

// The typed calls of package wechat/shop.
func ExampleShop_API() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	shop, err := client.Shop("lantian").API()
	if err != nil {
		log.Fatal(err)
	}
	order, err := shop.Order(context.Background(), "3705115058471208928")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(order.ID, order.Status)
	// Output: 3705115058471208928 to-ship
}

// A program that was written to call WeChat, through the server.
func ExampleClient_Transport() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	sdk := &http.Client{Transport: client.Transport("lantian", nil)} // what you give to the SDK
	res, err := sdk.Get("https://api.weixin.qq.com/channels/ec/basics/info/get?access_token=whatever")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	_, err = sdk.Get("https://example.com/")
	fmt.Println(err != nil)
	// Output:
	// 200 OK
	// true
}

func ExampleError() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Shop("other").Get(context.Background(), "/channels/ec/basics/info/get", nil)
	if e, ok := errors.AsType[*zhanggui.Error](err); ok {
		fmt.Println(e.Status, e.Code)
		fmt.Println(e.Cause, e.Next)
		fmt.Println(e.CauseZH, e.NextZH)
	}
	// Output:
	// 403 shop-not-held
	// This client has no right to a shop of this name. Check the shop id.
	// 该客户端无权访问此店铺。 请核对店铺标识。
}

func ExampleClient_Events() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	cursor := "" // kept from the last time
	for event, err := range client.Events(context.Background(), zhanggui.EventQuery{After: cursor, Types: []string{"channels_ec_order_*"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Shop, event.Type)
		cursor = event.ID
	}
	// Output: lantian channels_ec_order_pay
}

func ExampleClient_Stream() {
	server := demo()
	defer server.Close()
	client, err := zhanggui.New(server.URL, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.Stream(context.Background(), zhanggui.EventQuery{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Shop, event.Type)
		break
	}
	// Output: lantian grant.healed
}

func ExampleWebhook() {
	hook, err := zhanggui.NewWebhook(time.Now, secret.FromString("whsec_ZXhhbXBsZWV4YW1wbGVleGFtcGxlZXhhbXBsZQ=="))
	if err != nil {
		log.Fatal(err)
	}
	handler := hook.Handler(func(_ context.Context, e zhanggui.Event) error {
		fmt.Println(e.Shop, e.Type)
		return nil
	})
	stranger := httptest.NewRecorder()
	handler.ServeHTTP(stranger, httptest.NewRequest(http.MethodPost, "/hook", nil))
	fmt.Println(stranger.Code)
	// Output: 401
}

func ExampleAdmin() {
	server := demo()
	defer server.Close()
	admin, err := zhanggui.NewAdmin(server.URL, secret.FromString("zga_EXAMPLEEXAMPLEEXAMPLE2222"))
	if err != nil {
		log.Fatal(err)
	}
	for shop, err := range admin.Shops(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(shop.ID, shop.Name, shop.Grant.State)
	}
	// Output: lantian 蓝天文具店 active
}

func ExampleAdmin_CreateShop() {
	server := demo()
	defer server.Close()
	admin, err := zhanggui.NewAdmin(server.URL, secret.FromString("zga_EXAMPLEEXAMPLEEXAMPLE2222"))
	if err != nil {
		log.Fatal(err)
	}
	shop, err := admin.CreateShop(context.Background(), zhanggui.NewShop{
		ID: "lantian", Tenant: "lantian", Name: "蓝天文具店", AppID: "wx00000000000000c1",
		Secrets: zhanggui.Secrets{Secret: secret.FromString("the shop's AppSecret")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(shop.ID, shop.Grant.State)
	// Output: lantian active
}

// What something else needs stays, and the error names what.
func ExampleAdmin_RemoveTenant() {
	server := demo()
	defer server.Close()
	admin, err := zhanggui.NewAdmin(server.URL, secret.FromString("zga_EXAMPLEEXAMPLEEXAMPLE2222"))
	if err != nil {
		log.Fatal(err)
	}
	err = admin.RemoveTenant(context.Background(), "lantian")
	if e, ok := errors.AsType[*zhanggui.Error](err); ok && e.Code == "in-use" {
		fmt.Println(e.Problems)
	}
	// Output: [shop "lantian"]
}
