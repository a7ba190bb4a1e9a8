package interop_test

import (
	"strings"
	"time"

	wxshop "github.com/zhanggui/zhanggui/wechat/shop"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// act plays the buyer of an order.
func (w *walk) act(order wxshop.ID, act string) {
	w.t.Helper()
	if err := w.srv.BuyerActs(wechattest.Shop, string(order), act); err != nil {
		w.t.Fatal(err)
	}
}

// ordersAt lists the orders of the last week in a state, those without an
// after-sale only.
func (w *walk) ordersAt(status wxshop.OrderStatus) []wxshop.ID {
	w.t.Helper()
	var free []wxshop.ID
	for _, id := range some(w, w.Orders(w.ctx(), wxshop.OrderQuery{Created: w.last(7 * 24 * time.Hour), Status: status})) {
		if o := good(w, func() (*wxshop.Order, error) { return w.Order(w.ctx(), id) }); o != nil && len(o.AfterSale.List) == 0 {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		w.t.Fatal("every order has an after-sale")
	}
	return free
}

// asked is the after-sale that the buyer of a fresh order asked for by act.
func (w *walk) asked(status wxshop.OrderStatus, act string) (order, id wxshop.ID) {
	w.t.Helper()
	order = w.ordersAt(status)[0]
	w.act(order, act)
	o := good(w, func() (*wxshop.Order, error) { return w.Order(w.ctx(), order) })
	return order, o.AfterSale.List[0].ID
}

// at reads an after-sale, which has to be in a state.
func (w *walk) at(id wxshop.ID, want wxshop.AfterSaleStatus) wxshop.AfterSale {
	w.t.Helper()
	a := good(w, func() (*wxshop.AfterSale, error) { return w.AfterSale(w.ctx(), id) })
	if a == nil || a.Status != want {
		w.t.Fatalf("after-sale at %+v, want %s", a, want)
	}
	return *a
}

func (w *walk) picture() string {
	w.t.Helper()
	image, err := w.UploadImage(w.ctx(), wxshop.UseMediaID, wxshop.File{Name: "a.png", Body: strings.NewReader("picture"), Size: 7}, 1, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return image.MediaID
}

// comingBack is an exchange whose old goods are on their way.
func (w *walk) comingBack() (order, id wxshop.ID) {
	w.t.Helper()
	order, id = w.asked(wxshop.OrderToReceive, wechatsim.BuyerWantsExchange)
	w.fine(w.AcceptAfterSale(w.ctx(), id, wxshop.AcceptReturn, some(w, w.Addresses(w.ctx()))[0]))
	w.act(order, wechatsim.BuyerSendsBack)
	return order, id
}

func (w *walk) exchanges() {
	order, id := w.comingBack()
	if a := w.at(id, wxshop.AfterSaleWaitReceipt); a.Type != wxshop.AfterSaleExchange || a.Exchange.NewSkuID == "" {
		w.t.Errorf("%+v", a)
	}
	w.fine(w.ShipExchange(w.ctx(), id, "STO", "7700000001"))
	if a := w.at(id, wxshop.AfterSaleReshipped); a.Reship.WaybillID != "7700000001" || a.Reship.To.County == "" {
		w.t.Errorf("%+v", a.Reship)
	}
	w.act(order, wechatsim.BuyerReceives)
	w.at(id, wxshop.AfterSaleExchanged)

	_, id = w.comingBack()
	w.fine(w.RejectExchange(w.ctx(), id, 6, "旧货损坏", w.picture()))
	if a := w.at(id, wxshop.AfterSaleReshipRejected); a.Merchant.RejectReason != "旧货损坏" {
		w.t.Errorf("%+v", a.Merchant)
	}
}

func (w *walk) talks() {
	order, id := w.asked(wxshop.OrderToShip, wechatsim.BuyerWantsRefund)
	w.fine(w.NegotiateAfterSale(w.ctx(), wxshop.Negotiation{ID: id, Type: 1, Amount: 5, Text: "部分退款", Reason: 10, Kind: 3, MediaIDs: []string{w.picture()}}))
	if a := w.at(id, wxshop.AfterSaleWaitAnswer); a.Proposal.NewAmount != 5 || a.Proposal.OldAmount != a.Refund.Amount || len(a.Proposal.MediaIDs) != 1 {
		w.t.Errorf("%+v", a.Proposal)
	}
	w.act(order, wechatsim.BuyerAgrees)
	if a := w.at(id, wxshop.AfterSaleRefunded); a.Refund.Amount != 5 {
		w.t.Errorf("%+v", a.Refund)
	}
}

func (w *walk) disputes() {
	order, id := w.asked(wxshop.OrderToShip, wechatsim.BuyerWantsRefund)
	number := good(w, func() (*wxshop.VirtualPhone, error) { return w.AfterSaleNumber(w.ctx(), id) })
	w.fine(w.RejectAfterSale(w.ctx(), id, 4, "已发货"))
	w.act(order, wechatsim.BuyerComplains)
	about := w.at(id, wxshop.AfterSaleRefundRejected).ComplaintID
	w.fine(w.AddComplaintNote(w.ctx(), about, "已联系", w.picture()))
	w.act(order, wechatsim.DeskWantsProof)
	w.fine(w.ProveComplaint(w.ctx(), about, "已发货", w.picture()))
	k := good(w, func() (*wxshop.Complaint, error) { return w.Complaint(w.ctx(), about) })
	if k == nil || k.Status != wxshop.ComplaintProved || k.OrderID != order || len(k.History) != 5 || k.History[0].Text != "已发货" || k.Phone != *number {
		w.t.Errorf("%+v", k)
	}
}

func (w *walk) flashSales() {
	for _, id := range some(w, w.Products(w.ctx(), wxshop.ProductQuery{Status: new(wxshop.ProductOnSale)})) {
		p := good(w, func() (*wxshop.ProductVersions, error) { return w.Product(w.ctx(), id, wxshop.VersionLive) })
		if sku := p.Live.Skus[0]; sku.Price > 2000 && sku.Stock > 0 {
			w.flashSale(id, sku)
			return
		}
	}
	w.t.Fatal("no product is dear enough")
}

func (w *walk) flashSale(product wxshop.ID, sku wxshop.Sku) {
	begin := w.srv.Now().Add(time.Hour)
	sale := wxshop.Discount{ProductID: product, Start: wxshop.At(begin), End: wxshop.At(begin.Add(time.Hour)),
		Skus: []wxshop.DiscountSku{{SkuID: sku.ID, Price: sku.Price / 2, Stock: 1}}}
	id := good(w, func() (wxshop.ID, error) { return w.AddDiscount(w.ctx(), sale) })
	if planned := some(w, w.Discounts(w.ctx(), new(wxshop.DiscountPlanned))); planned[0].ID != id || planned[0].Skus[0].Price != sku.Price/2 {
		w.t.Errorf("%+v", planned)
	}
	w.fine(w.StopDiscount(w.ctx(), id), w.DeleteDiscount(w.ctx(), id))
	if rest, err := wxshop.All(w.Discounts(w.ctx(), nil)); err != nil || len(rest) != 0 {
		w.t.Errorf("%+v, %v", rest, err)
	}
}

func (w *walk) numbers() {
	id := w.ordersAt(wxshop.OrderToReceive)[0]
	o := good(w, func() (*wxshop.Order, error) { return w.Order(w.ctx(), id) })
	var more []wxshop.ParcelItem
	for _, l := range o.Detail.Items[:1] {
		more = append(more, wxshop.ParcelItem{ProductID: l.ProductID, SkuID: l.SkuID, Count: 1})
	}
	w.fine(w.SendMore(w.ctx(), id, wxshop.MoreBroken, wxshop.Parcel{CompanyID: "STO", WaybillID: "7700000002", Type: wxshop.ByCourier, Items: more}))

	phone := o.Detail.Delivery.Address.Phone
	w.srv.Advance(phone.ExpiresAt.Sub(w.srv.Now()) - time.Hour)
	extended := good(w, func() (*wxshop.Extension, error) { return w.ExtendNumber(w.ctx(), id, int(phone.Extended)) })
	w.srv.Advance(extended.ExpiresAt.Sub(w.srv.Now()) + time.Second)
	if again := good(w, func() (*wxshop.NewNumber, error) { return w.RenewNumber(w.ctx(), id) }); again.Number == phone.Virtual {
		w.t.Errorf("%+v", again)
	}
}
