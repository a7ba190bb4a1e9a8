package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	wxshop "github.com/zhanggui/zhanggui/wechat/shop"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestShopAnswersAreUnderstood walks the families of the shop's API in the emulator's
// world. An answer with a member that the call's type does not name is an error:
// one side writes it in another way.
func TestShopAnswersAreUnderstood(t *testing.T) {
	for name, family := range map[string]func(*walk){
		"basics": (*walk).basics, "products": (*walk).products, "orders": (*walk).orders, "after-sales": (*walk).afterSales,
		"places": (*walk).places, "money": (*walk).money, "coupons": (*walk).coupons, "categories": (*walk).categories,
		"exchanges": (*walk).exchanges, "talks": (*walk).talks, "disputes": (*walk).disputes, "flash sales": (*walk).flashSales, "numbers": (*walk).numbers,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t) // its own, for some move the clock
			family(w)
			for _, oddity := range w.strict.odd {
				t.Error(oddity)
			}
		})
	}
}

// walk is a typed client that talks to an emulator.
type walk struct {
	*wxshop.Client
	t      *testing.T
	srv    *wechattest.Server
	strict *strict
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	srv := wechattest.New(t, nil)
	s := &strict{next: http.DefaultTransport}
	c, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{API: []string{srv.URL}}, Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	s.Client = c
	tokens := wxshop.TokenFunc(func(ctx context.Context) (wechat.ShopToken, error) {
		token, err := c.StableToken(ctx, wechattest.Shop, secret.FromString(wechattest.ShopSecret), false)
		return token.Token, err
	})
	return &walk{Client: wxshop.New(s, tokens), t: t, srv: srv, strict: s}
}

// strict notes members of answers that the calls' types do not name.
type strict struct {
	*wechat.Client
	next http.RoundTripper
	last []byte
	odd  []string
}

// RoundTrip keeps the answer's bytes.
func (s *strict) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	s.last, err = io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(s.last))
	return res, err
}

// CallJSON reads the answer a second time, into a fresh value.
func (s *strict) CallJSON(ctx context.Context, r wechat.Request, in, out any) (wechat.Meta, error) {
	meta, err := s.Client.CallJSON(ctx, r, in, out)
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(s.last, &members) != nil {
		return meta, err
	}
	delete(members, "errcode")
	delete(members, "errmsg")
	for name, raw := range members {
		s.look(r.Path, name, raw, reflect.TypeOf(out).Elem())
	}
	return meta, nil
}

// look compares a member of an answer with the type that holds it.
func (s *strict) look(path, name string, raw json.RawMessage, holder reflect.Type) {
	member, ok := memberOf(holder, name)
	if !ok {
		if odd := path + " " + name; !slices.Contains(untyped, odd) && !slices.Contains(s.odd, odd) {
			s.odd = append(s.odd, odd)
		}
		return
	}
	for _, object := range objects(raw) {
		for inner, value := range object {
			if holder := structOf(member); holder != nil {
				s.look(path, name+"."+inner, value, holder)
			}
		}
	}
}

// objects gives the one object that raw is, or those in the list that it is.
func objects(raw json.RawMessage) []map[string]json.RawMessage {
	var one map[string]json.RawMessage
	var all []map[string]json.RawMessage
	if json.Unmarshal(raw, &one) == nil {
		return append(all, one)
	}
	_ = json.Unmarshal(raw, &all) // else it is a value
	return all
}

// memberOf finds the type of a member by its name, the last part of a dotted one.
func memberOf(holder reflect.Type, name string) (reflect.Type, bool) {
	name = name[strings.LastIndexByte(name, '.')+1:]
	for f := range holder.Fields() {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f.Type, true
		}
		if f.Anonymous {
			if t, ok := memberOf(f.Type, name); ok {
				return t, true
			}
		}
	}
	return nil, false
}

// structOf gives the struct that a type is about, or nil for one that reads itself.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	return t
}

// untyped are documented members that the types leave out.
var untyped = []string{
	"/channels/ec/merchant/getfreighttemplatedetail freight_template.delivery_id",
	"/shop/ec/category/all cats.cat_and_qua.cat.leaf",
	"/shop/ec/category/all cats_v2.cat_and_qua.cat.leaf",
	"/channels/ec/product/get audit_info",
	"/channels/ec/product/get sale_limit_info",
	"/channels/ec/product/get info_score",
	"/channels/ec/product/get cmp_price_info",
	"/channels/ec/order/get order.order_detail.sharer_info",
	"/channels/ec/order/get order.order_detail.sku_sharer_infos",
}

// good is the value of a call that has to work.
func good[T any](w *walk, call func() (T, error)) T {
	w.t.Helper()
	v, err := call()
	if err != nil {
		w.t.Error(err)
	}
	return v
}

// fine is for calls of whose answer nothing is wanted.
func (w *walk) fine(all ...error) {
	w.t.Helper()
	for _, err := range all {
		if err != nil {
			w.t.Error(err)
		}
	}
}

// some is a list that must not be empty.
func some[T any](w *walk, list iter.Seq2[T, error]) []T {
	w.t.Helper()
	all, err := wxshop.All(list)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("%d items, %v", len(all), err)
	}
	return all
}

func (w *walk) ctx() context.Context { return w.t.Context() }

// last is a range of so much time up to the emulator's now.
func (w *walk) last(d time.Duration) wxshop.Range { return wxshop.Since(w.srv.Now(), d) }

func (w *walk) basics() {
	if info, err := w.Info(w.ctx()); err != nil || info.Name == "" {
		w.t.Errorf("%+v, %v", info, err)
	}
	w.fine(second(w.ShopH5URL(w.ctx(), wxshop.WeCom{})), second(w.ShopQRCode(w.ctx(), wxshop.QRCodePlain, wxshop.WeCom{})),
		second(w.ShopTagLink(w.ctx(), wxshop.WeCom{})))
	png := wxshop.File{Name: "a.png", Body: strings.NewReader("picture"), Size: 7}
	image, err := w.UploadImage(w.ctx(), wxshop.UseMediaID, png, 1, 1)
	if err != nil || image.MediaID == "" {
		w.t.Errorf("%+v, %v", image, err)
	}
}

// second drops what a call yields.
func second[T any](_ T, err error) error { return err }

func (w *walk) products() {
	id := some(w, w.Products(w.ctx(), wxshop.ProductQuery{Status: new(wxshop.ProductOnSale)}))[0]
	p := good(w, func() (*wxshop.ProductVersions, error) { return w.Product(w.ctx(), id, wxshop.VersionBoth) })
	if p == nil || p.Live == nil || len(p.Live.Skus) == 0 {
		w.t.Fatalf("%+v", p)
	}
	sku := p.Live.Skus[0]
	good(w, func() (*wxshop.SkuStock, error) { return w.Stock(w.ctx(), id, sku.ID) })
	good(w, func() ([]wxshop.ProductStock, error) { return w.Stocks(w.ctx(), []wxshop.ID{id}) })
	good(w, func() (*wxshop.AuditQuota, error) { return w.ProductAuditQuota(w.ctx()) })
	w.fine(second(w.ProductH5URL(w.ctx(), id, wxshop.WeCom{})), second(w.ProductTagLink(w.ctx(), id, wxshop.WeCom{})),
		w.DelistProduct(w.ctx(), id), w.ListProduct(w.ctx(), id))
}

func (w *walk) orders() {
	for _, id := range some(w, w.Orders(w.ctx(), wxshop.OrderQuery{Created: w.last(7 * 24 * time.Hour)})) {
		o := good(w, func() (*wxshop.Order, error) { return w.Order(w.ctx(), id) })
		if o == nil || o.ID != id || o.Status == 0 || o.CreatedAt.IsZero() {
			w.t.Errorf("%s: %+v", id, o)
		}
	}
	paid := some(w, w.Orders(w.ctx(), wxshop.OrderQuery{Created: w.last(7 * 24 * time.Hour), Status: wxshop.OrderToShip}))[0]
	good(w, func() (*wxshop.Receiver, error) { return w.Receiver(w.ctx(), paid) })
	if err := w.SetOrderNotes(w.ctx(), paid, "加急"); err != nil {
		w.t.Error(err)
	}
	if found := some(w, w.SearchOrders(w.ctx(), wxshop.OrderSearch{MerchantNotes: "加急"})); found[0] != paid {
		w.t.Errorf("found %v, want %s", found, paid)
	}
	if companies := good(w, func() ([]wxshop.DeliveryCompany, error) { return w.DeliveryCompanies(w.ctx()) }); len(companies) == 0 {
		w.t.Error("no companies")
	}
}

func (w *walk) afterSales() {
	paid := some(w, w.Orders(w.ctx(), wxshop.OrderQuery{Created: w.last(7 * 24 * time.Hour), Status: wxshop.OrderToShip}))
	if err := w.srv.BuyerActs(wechattest.Shop, string(paid[len(paid)-1]), wechatsim.BuyerWantsRefund); err != nil {
		w.t.Fatal(err)
	}
	day := w.last(24 * time.Hour)
	day.To = day.To.Add(time.Second)
	id := some(w, w.AfterSales(w.ctx(), wxshop.AfterSaleQuery{Updated: day}))[0]
	a := good(w, func() (*wxshop.AfterSale, error) { return w.AfterSale(w.ctx(), id) })
	if a == nil || a.Status != wxshop.AfterSaleProcessing || a.Type != wxshop.AfterSaleRefund || a.Refund.Amount == 0 {
		w.t.Errorf("%+v", a)
	}
	good(w, func() ([]wxshop.AfterSaleReason, error) { return w.AfterSaleReasons(w.ctx()) })
	good(w, func() ([]wxshop.RejectReason, error) { return w.RejectReasons(w.ctx()) })
	if err := w.AcceptAfterSale(w.ctx(), id, wxshop.AcceptNext, ""); err != nil {
		w.t.Error(err)
	}
}

func (w *walk) places() {
	id := some(w, w.Addresses(w.ctx()))[0]
	a := good(w, func() (*wxshop.ShopAddress, error) { return w.Address(w.ctx(), id) })
	if made := good(w, func() (wxshop.ID, error) { return w.AddAddress(w.ctx(), *a) }); made == "" || made == id {
		w.t.Errorf("a second address: %q", made)
	}
	freight := some(w, w.FreightTemplates(w.ctx()))[0]
	good(w, func() (*wxshop.FreightTemplate, error) { return w.FreightTemplate(w.ctx(), freight) })
	if err := w.AddWarehouse(w.ctx(), wxshop.Warehouse{ID: "north", Name: "北仓", Intro: "北方"}); err != nil {
		w.t.Error(err)
	}
	house := some(w, w.Warehouses(w.ctx()))[0]
	good(w, func() (*wxshop.Warehouse, error) { return w.Warehouse(w.ctx(), house) })
}

func (w *walk) money() {
	good(w, func() (*wxshop.Balance, error) { return w.Balance(w.ctx()) })
	good(w, func() (*wxshop.BankAccount, error) { return w.BankAccount(w.ctx()) })
	flow := some(w, w.Flows(w.ctx(), wxshop.FlowQuery{Range: w.last(7 * 24 * time.Hour)}))[0]
	good(w, func() (*wxshop.Flow, error) { return w.Flow(w.ctx(), flow) })
	all, err := wxshop.All(w.Withdrawals(w.ctx(), wxshop.Range{}))
	if err != nil {
		w.t.Error(err)
	}
	for _, id := range all {
		good(w, func() (*wxshop.Withdrawal, error) { return w.Withdrawal(w.ctx(), id) })
	}
}

func (w *walk) coupons() {
	all, err := wxshop.All(w.Coupons(w.ctx(), nil))
	if err != nil {
		w.t.Error(err)
	}
	for _, id := range all {
		good(w, func() (*wxshop.Coupon, error) { return w.Coupon(w.ctx(), id) })
	}
}

func (w *walk) categories() {
	good(w, func() (*wxshop.CategoryTrees, error) { return w.Categories(w.ctx()) })
	some(w, w.AllBrands(w.ctx()))
	if _, err := wxshop.All(w.ValidBrands(w.ctx())); err != nil {
		w.t.Error(err)
	}
	for _, b := range some(w, w.ShopBrands(w.ctx(), 0)) {
		if again := good(w, func() (*wxshop.ShopBrand, error) { return w.ShopBrand(w.ctx(), b.ID) }); again == nil || again.ID != b.ID {
			w.t.Errorf("brand %s: %+v", b.ID, again)
		}
	}
	if granted := good(w, func() ([]wxshop.GrantedCategory, error) { return w.GrantedCategories(w.ctx()) }); len(granted) == 0 {
		w.t.Error("no category is granted")
	}
}
