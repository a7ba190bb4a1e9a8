package shop_test

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/shop"
)

// take is the first n items of a list: one page of the answer in the file.
func take[T any](n int, list iter.Seq2[T, error]) (any, error) {
	var items []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		if items = append(items, item); len(items) == n {
			break
		}
	}
	return items, nil
}

// A day and half of it, in China.
var (
	noon = at("2026-11-01 12:00:00").Time
	day  = shop.Range{From: noon, To: noon.Add(24 * time.Hour)}
)

var home = shop.Address{
	Name: "张三", Phone: "10000000000", Province: "广东省", City: "广州市", County: "海珠区", Detail: "新港中路 1 号 <东门>",
	Latitude: 23.12463, Longitude: 113.36199,
}

var basics = map[string]call{
	"info":       func(ctx context.Context, c *shop.Client) (any, error) { return c.Info(ctx) },
	"shop_h5url": func(ctx context.Context, c *shop.Client) (any, error) { return c.ShopH5URL(ctx, shop.WeCom{}) },
	"shop_qrcode": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ShopQRCode(ctx, shop.QRCodeGift, shop.WeCom{CorpID: "wp01", UserID: "wo01"})
	},
	"shop_taglink": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ShopTagLink(ctx, shop.WeCom{CorpID: "wp01"})
	},
	"areas": func(ctx context.Context, c *shop.Client) (any, error) { return c.Areas(ctx, 440000) },
}

func file(body string) shop.File {
	return shop.File{Name: `a"b.png`, Body: strings.NewReader(body), Size: int64(len(body))}
}

var uploads = map[string]call{
	"image": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.UploadImage(ctx, shop.UseURL, file("PNG <>"), 800, 600)
	},
	"image_url": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.UploadImageURL(ctx, shop.UseURL, "https://img.example.com/a.png?x=1&y=2")
	},
	"qualification": func(ctx context.Context, c *shop.Client) (any, error) { return c.UploadQualification(ctx, file("JPG")) },
	"video_start": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.StartVideo(ctx, shop.VideoAfterSale, "mp4", 1024)
	},
	"video_part": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.UploadVideoPart(ctx, "key+/=", 2, shop.File{Name: "part", Body: strings.NewReader("MP4"), Size: -1})
	},
	"video_finish": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.FinishVideo(ctx, "key", []shop.VideoPart{{Number: 1, SHA: "d2da0cf9"}})
	}),
}

// shirt is a product with everything a request may carry.
func shirt() shop.ProductInput {
	return shop.ProductInput{
		ID: "10000000000001", OutID: "shirt-1", Title: "棉布衬衫 <A&B>", ShortTitle: "衬衫",
		Images: []string{"https://mmecimage.cn/p/a?x=1&y=2"}, Desc: &shop.DescInfo{Images: []string{"https://mmecimage.cn/p/b"}, Text: "纯棉"},
		Categories: []shop.CategoryRef{{ID: "10000111"}, {ID: "6091"}}, Attrs: []shop.Attr{{Key: "产地", Value: "四川"}},
		Express: &shop.ExpressInfo{TemplateID: "47428464001", Weight: 100}, Code: "S-1", BrandID: shop.NoBrand,
		ExtraService: &shop.ExtraService{SevenDayReturn: 1, PayAfterUse: new(shop.Int(1))}, AfterSale: &shop.AfterSaleInfo{AddressID: "123345"},
		Limit: &shop.LimitInfo{Period: 1, Count: 2},
		Skus: []shop.Sku{{
			ID: "9328425", Thumb: "https://mmecimage.cn/p/c", Price: 1300, Stock: 100, Code: "S-1-M",
			Attrs: []shop.Attr{{Key: "尺码", Value: "M"}}, Delivery: &shop.SkuDelivery{},
		}},
		Qualifications: []shop.Qualification{{ID: "1111488", URL: []string{"https://mmecimage.cn/p/d"}}},
		SizeChart:      &shop.SizeChart{Rows: []shop.SizeSpec{}}, Listing: true,
	}
}

var products = map[string]call{
	"products": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(2, c.Products(ctx, shop.ProductQuery{Status: new(shop.ProductOnSale)}))
	},
	"product": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.Product(ctx, "10000000000001", shop.VersionBoth)
	},
	"product_add":    func(ctx context.Context, c *shop.Client) (any, error) { return c.AddProduct(ctx, shirt()) },
	"product_update": func(ctx context.Context, c *shop.Client) (any, error) { return c.UpdateProduct(ctx, shirt()) },
	"product_now": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.UpdateProductNow(ctx, shop.ProductPatch{ID: "10000000000001", Skus: []shop.SkuPatch{
			{ID: "9328425", Price: new(shop.Fen(990)), Stock: &shop.StockStep{Op: shop.StockAdd, Count: 5}}, {ID: "9328426", Delete: true}, {ID: "9328427", Status: shop.ProductDelisted},
		}})
	},
	"product_listing":      nothing(func(ctx context.Context, c *shop.Client) error { return c.ListProduct(ctx, "10000000000001") }),
	"product_delisting":    nothing(func(ctx context.Context, c *shop.Client) error { return c.DelistProduct(ctx, "10000000000001") }),
	"product_delete":       nothing(func(ctx context.Context, c *shop.Client) error { return c.DeleteProduct(ctx, "10000000000001") }),
	"product_cancel_audit": nothing(func(ctx context.Context, c *shop.Client) error { return c.CancelProductAudit(ctx, "10000000000001") }),
	"product_quota":        func(ctx context.Context, c *shop.Client) (any, error) { return c.ProductAuditQuota(ctx) },
	"product_h5url": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ProductH5URL(ctx, "10000000000001", shop.WeCom{})
	},
	"product_qrcode": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ProductQRCode(ctx, "10000000000001", shop.QRCodePlain, shop.WeCom{CorpID: "wp01"})
	},
	"product_taglink": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ProductTagLink(ctx, "10000000000001", shop.WeCom{})
	},
	"product_scheme": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.ProductScheme(ctx, "10000000000001", "wx00000000000000a1", 100, "")
	},
}

var stocks = map[string]call{
	"stock": func(ctx context.Context, c *shop.Client) (any, error) { return c.Stock(ctx, "324545", "9328425") },
	"stocks": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.Stocks(ctx, []shop.ID{"324545", "324546"})
	},
	"stock_update": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.UpdateStock(ctx, shop.StockChange{ProductID: "324545", SkuID: "9328425", StockStep: shop.StockStep{Op: shop.StockSubtract, Count: 10}})
	}),
	"stock_flow": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.StockFlow(ctx, shop.StockFlowQuery{ProductID: "10000032267694", SkuID: "1064839936", Range: day, Ops: []int{1}}))
	},
}

var orders = map[string]call{
	"orders": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(2, c.Orders(ctx, shop.OrderQuery{Updated: day, Status: shop.OrderToShip}))
	},
	"orders_of_one": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.Orders(ctx, shop.OrderQuery{Created: day, Updated: day, OpenID: "o_demo_owner_0001", PageSize: 5}))
	},
	"order": func(ctx context.Context, c *shop.Client) (any, error) { return c.Order(ctx, "3704612354559743232") },
	"order_search": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(2, c.SearchOrders(ctx, shop.OrderSearch{Title: "衬衫", PhoneLast4: "0000", AfterSale: new(shop.Bit(false)), Status: shop.OrderToShip}))
	},
	"order_receiver": func(ctx context.Context, c *shop.Client) (any, error) { return c.Receiver(ctx, "3704612354559743232") },
	"order_price": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.SetOrderPrice(ctx, shop.OrderPrice{OrderID: "37", Freight: new(shop.Fen(0)), Items: []shop.ItemPrice{{ProductID: "1", SkuID: "2", Price: 1999}}})
	}),
	"order_price_only": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.SetOrderPrice(ctx, shop.OrderPrice{OrderID: "37", Items: []shop.ItemPrice{{ProductID: "1", SkuID: "2", Price: 1999}}})
	}),
	"order_notes":          nothing(func(ctx context.Context, c *shop.Client) error { return c.SetOrderNotes(ctx, "37", "易碎 <!>") }),
	"order_address":        nothing(func(ctx context.Context, c *shop.Client) error { return c.SetOrderAddress(ctx, "37", home) }),
	"order_address_accept": nothing(func(ctx context.Context, c *shop.Client) error { return c.AcceptAddressChange(ctx, "37") }),
	"order_address_reject": nothing(func(ctx context.Context, c *shop.Client) error { return c.RejectAddressChange(ctx, "37") }),
}

var parcel = shop.Parcel{CompanyID: "STO", WaybillID: "7700000001", Type: shop.ByCourier, Items: []shop.ParcelItem{{ProductID: "1", SkuID: "2", Count: 1}}}

var deliveries = map[string]call{
	"send": nothing(func(ctx context.Context, c *shop.Client) error { return c.Send(ctx, "37", parcel, parcel) }),
	"send_virtual": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.Send(ctx, "37", shop.Parcel{Type: shop.Virtual, Items: parcel.Items})
	}),
	"send_more": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.SendMore(ctx, "37", shop.MoreForgotten, parcel)
	}),
	"send_correct":     nothing(func(ctx context.Context, c *shop.Client) error { return c.CorrectParcels(ctx, "37", parcel) }),
	"delivery_company": func(ctx context.Context, c *shop.Client) (any, error) { return c.DeliveryCompanies(ctx) },
}

var afterSales = map[string]call{
	"aftersales": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(2, c.AfterSales(ctx, shop.AfterSaleQuery{Updated: day}))
	},
	"aftersales_created": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.AfterSales(ctx, shop.AfterSaleQuery{Created: day}))
	},
	"aftersale": func(ctx context.Context, c *shop.Client) (any, error) { return c.AfterSale(ctx, "2000000000001") },
	"aftersale_accept": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.AcceptAfterSale(ctx, "2000000000001", shop.AcceptReturn, "123345")
	}),
	"aftersale_accept_refund": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.AcceptAfterSale(ctx, "2000000000001", shop.AcceptNext, "")
	}),
	"aftersale_reject": nothing(func(ctx context.Context, c *shop.Client) error { return c.RejectAfterSale(ctx, "2000000000001", 6, "") }),
	"aftersale_update": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.NegotiateAfterSale(ctx, shop.Negotiation{ID: "2000000000001", Type: 1, Amount: 500, Text: "部分退款", Reason: 1, Kind: 3, MediaIDs: []string{"m1"}})
	}),
	"aftersale_exchange": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.ShipExchange(ctx, "2000000000001", "STO", "7700000001")
	}),
	"aftersale_exchange_reject": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.RejectExchange(ctx, "2000000000001", 2, "坏了", "m1", "m2")
	}),
	"aftersale_proof": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.ProveRefund(ctx, "2000000000001", "已退", "m1")
	}),
	"aftersale_reasons":        func(ctx context.Context, c *shop.Client) (any, error) { return c.AfterSaleReasons(ctx) },
	"aftersale_reject_reasons": func(ctx context.Context, c *shop.Client) (any, error) { return c.RejectReasons(ctx) },
}

var addresses = map[string]call{
	"addresses": func(ctx context.Context, c *shop.Client) (any, error) { return take(2, c.Addresses(ctx)) },
	"address":   func(ctx context.Context, c *shop.Client) (any, error) { return c.Address(ctx, "123345") },
	"address_add": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.AddAddress(ctx, shop.ShopAddress{ID: "9", Name: "张三", Address: home, Sends: true, Offline: shop.OfflineKinds{Pickup: true}, CreatedAt: at("2026-11-01")})
	},
	"address_update": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.UpdateAddress(ctx, shop.ShopAddress{ID: "123345", Name: "张三", Address: home, Returns: true, ReturnsDefault: true})
	}),
	"address_delete": nothing(func(ctx context.Context, c *shop.Client) error { return c.DeleteAddress(ctx, "123345") }),
}

// freight is a template with every rule.
func freight() shop.FreightTemplate {
	return shop.FreightTemplate{
		ID: "47428464001", Name: "默认", Valuation: shop.ByPiece, SendTime: "SendTime_FOUR_HOUR", From: shop.Address{Province: "广东省", City: "广州市"},
		Delivery: shop.Express, Method: shop.ShippingConditionalFree, Default: true, CreatedAt: at("2026-11-01"),
		Free:   &shop.FreeRules{Rules: []shop.FreeRule{{Areas: []shop.Address{{Province: "北京市"}}, MinPieces: 2, MinAmount: 9900, ByMeasure: true}}},
		Prices: &shop.FreightRules{Rules: []shop.FreightRule{{Default: true, First: 1, FirstPrice: 800, Second: 1, SecondPrice: 200}}},
		NotTo:  &shop.AreaList{Areas: []shop.Address{{Province: "海南省"}}},
	}
}

var freights = map[string]call{
	"freights":       func(ctx context.Context, c *shop.Client) (any, error) { return take(1, c.FreightTemplates(ctx)) },
	"freight":        func(ctx context.Context, c *shop.Client) (any, error) { return c.FreightTemplate(ctx, "47428464001") },
	"freight_add":    func(ctx context.Context, c *shop.Client) (any, error) { return c.AddFreightTemplate(ctx, freight()) },
	"freight_update": nothing(func(ctx context.Context, c *shop.Client) error { return c.UpdateFreightTemplate(ctx, freight()) }),
}

var canton = shop.Location{Province: 440000000, City: 440300000}

var warehouses = map[string]call{
	"warehouses": func(ctx context.Context, c *shop.Client) (any, error) { return take(2, c.Warehouses(ctx)) },
	"warehouse":  func(ctx context.Context, c *shop.Client) (any, error) { return c.Warehouse(ctx, "south-1") },
	"warehouse_add": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.AddWarehouse(ctx, shop.Warehouse{ID: "south-1", Name: "南仓", Intro: "广东", Covers: []shop.Location{canton}})
	}),
	"warehouse_update": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.UpdateWarehouse(ctx, shop.Warehouse{ID: "south-1", Name: "南仓", Intro: "华南", Covers: []shop.Location{canton}})
	}),
	"warehouse_cover":   nothing(func(ctx context.Context, c *shop.Client) error { return c.CoverAreas(ctx, "south-1", canton) }),
	"warehouse_uncover": nothing(func(ctx context.Context, c *shop.Client) error { return c.UncoverAreas(ctx, "south-1", canton) }),
	"warehouse_priority": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.WarehousePriority(ctx, canton)
	},
	"warehouse_priority_set": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.SetWarehousePriority(ctx, canton, "south-1", "south-2")
	}),
	"warehouse_stock": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.WarehouseCount(ctx, "1", "2", "south-1")
	},
	"warehouse_move": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.UpdateWarehouseStock(ctx, "south-1", shop.StockChange{ProductID: "1", SkuID: "2", StockStep: shop.StockStep{Op: shop.StockSet, Count: 0}})
	}),
}

// half is a coupon with everything a request may carry.
func half() shop.CouponInput {
	return shop.CouponInput{
		ID: "5550001", Type: shop.ProductDiscountFrom, Name: "两件五折", Promote: shop.CouponPromote{Type: 1},
		Discount: shop.CouponDiscount{Share: 5000, Condition: shop.CouponCondition{Pieces: 2, Products: []shop.ID{"10000000000001"}}},
		Receive:  shop.CouponReceive{Start: shop.At(day.From), End: shop.At(day.To), PerPerson: 1, Total: 100},
		Valid:    shop.CouponValid{Type: 2, Days: 7}, Extra: shop.CouponExtra{Notes: "不可叠加"}, Auto: shop.CouponAutoValid{On: true},
	}
}

var coupons = map[string]call{
	"coupons":       func(ctx context.Context, c *shop.Client) (any, error) { return take(1, c.Coupons(ctx, new(2))) },
	"coupon":        func(ctx context.Context, c *shop.Client) (any, error) { return c.Coupon(ctx, "5550001") },
	"coupon_add":    func(ctx context.Context, c *shop.Client) (any, error) { return c.AddCoupon(ctx, half()) },
	"coupon_update": nothing(func(ctx context.Context, c *shop.Client) error { return c.UpdateCoupon(ctx, half()) }),
	"coupon_status": nothing(func(ctx context.Context, c *shop.Client) error { return c.SetCouponStatus(ctx, "5550001", 2) }),
	"user_coupons": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.UserCoupons(ctx, "o_demo_owner_0001", nil))
	},
	"user_coupon": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.UserCoupon(ctx, "o_demo_owner_0001", "6660001")
	},
}

var money = map[string]call{
	"balance":      func(ctx context.Context, c *shop.Client) (any, error) { return c.Balance(ctx) },
	"bank_account": func(ctx context.Context, c *shop.Client) (any, error) { return c.BankAccount(ctx) },
	"flows": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.Flows(ctx, shop.FlowQuery{Range: day, TransactionID: "4200000000000000000000000001"}))
	},
	"flow": func(ctx context.Context, c *shop.Client) (any, error) { return c.Flow(ctx, "10002650402230202") },
	"withdrawals": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.Withdrawals(ctx, shop.Range{}))
	},
	"withdrawal": func(ctx context.Context, c *shop.Client) (any, error) { return c.Withdrawal(ctx, "77001") },
}

var categories = map[string]call{
	"categories":         func(ctx context.Context, c *shop.Client) (any, error) { return c.Categories(ctx) },
	"category_rules":     func(ctx context.Context, c *shop.Client) (any, error) { return c.CategoryRules(ctx, "6091") },
	"categories_granted": func(ctx context.Context, c *shop.Client) (any, error) { return c.GrantedCategories(ctx) },
}

var brands = map[string]call{
	"brands_all":   func(ctx context.Context, c *shop.Client) (any, error) { return take(1, c.AllBrands(ctx)) },
	"brand":        func(ctx context.Context, c *shop.Client) (any, error) { return c.ShopBrand(ctx, "10000083") },
	"brands":       func(ctx context.Context, c *shop.Client) (any, error) { return take(1, c.ShopBrands(ctx, 2)) },
	"brands_valid": func(ctx context.Context, c *shop.Client) (any, error) { return take(1, c.ValidBrands(ctx)) },
}

var discounts = map[string]call{
	"discounts": func(ctx context.Context, c *shop.Client) (any, error) {
		return take(1, c.Discounts(ctx, new(shop.DiscountPlanned)))
	},
	"discount_add": func(ctx context.Context, c *shop.Client) (any, error) {
		return c.AddDiscount(ctx, shop.Discount{
			ID: "9", ProductID: "10000000000001", Status: shop.DiscountEnded, Start: shop.At(day.From), End: shop.At(day.To),
			Skus: []shop.DiscountSku{{SkuID: "9328425", Price: 990, Stock: 3}},
		})
	},
	"discount_stop":   nothing(func(ctx context.Context, c *shop.Client) error { return c.StopDiscount(ctx, "12345677") }),
	"discount_delete": nothing(func(ctx context.Context, c *shop.Client) error { return c.DeleteDiscount(ctx, "12345677") }),
}

var complaints = map[string]call{
	"complaint": func(ctx context.Context, c *shop.Client) (any, error) { return c.Complaint(ctx, "2172884") },
	"complaint_note": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.AddComplaintNote(ctx, "2172884", "已联系")
	}),
	"complaint_proof": nothing(func(ctx context.Context, c *shop.Client) error {
		return c.ProveComplaint(ctx, "2172884", "已发货", "m1")
	}),
}

var phones = map[string]call{
	"phone_renew":     func(ctx context.Context, c *shop.Client) (any, error) { return c.RenewNumber(ctx, "37") },
	"phone_extend":    func(ctx context.Context, c *shop.Client) (any, error) { return c.ExtendNumber(ctx, "37", 0) },
	"phone_aftersale": func(ctx context.Context, c *shop.Client) (any, error) { return c.AfterSaleNumber(ctx, "2000000000001") },
}
