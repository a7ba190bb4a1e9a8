package shop

import (
	"context"
)

const (
	pathInfo        = "/channels/ec/basics/info/get"
	pathShopH5      = "/channels/ec/basics/shop/h5url/get"
	pathShopQRCode  = "/channels/ec/basics/shop/qrcode/get"
	pathShopTagLink = "/channels/ec/basics/shop/taglink/get"
	pathAddressCode = "/channels/ec/basics/addresscode/get"
)

// Info is who a shop is.
type Info struct {
	Name         string `json:"nickname,omitzero"`
	HeadImageURL string `json:"headimg_url,omitzero"`
	SubjectType  string `json:"subject_type,omitzero"` // kind of owner, such as 企业
	Status       string `json:"status,omitzero"`       // open_finished when the shop is open
	OriginalID   string `json:"username,omitzero"`     // gh_…
	LocalLife    Bit    `json:"is_local_life,omitzero"`
	OpenedAt     Time   `json:"open_timestamp,omitzero"`
}

// Info asks who the shop is. It is the cheapest call that proves a token.
//
// Sets 129 or 131. /doc/store/shop/API/storemanage/api_mmecapi_basicinfo
func (c *Client) Info(ctx context.Context) (*Info, error) {
	res, err := Get[struct {
		Info *Info `json:"info"`
	}](ctx, c, pathInfo, nil)
	if err == nil && res.Info == nil {
		err = missing(pathInfo, "info")
	}
	return res.Info, err
}

// WeCom names the enterprise account (企业微信) that a link is for: orders that
// come by the link show it as their source. The zero WeCom names none.
type WeCom struct {
	CorpID string `json:"wecom_corp_id,omitzero"`
	UserID string `json:"wecom_user_id,omitzero"`
}

// QRCodeType is what a QR code looks like.
type QRCodeType int

// The looks of QR codes.
const (
	QRCodePlain  QRCodeType = 1
	QRCodePoster QRCodeType = 2 // 标准物料
	QRCodeGift   QRCodeType = 3 // 送礼物物料
)

// ShopH5URL returns a web address of the shop.
//
// Sets 129, 131 or 192. /doc/store/shop/API/storemanage/api_getshoph5url
func (c *Client) ShopH5URL(ctx context.Context, from WeCom) (string, error) {
	res, err := Call[struct {
		URL string `json:"shop_h5url"`
	}](ctx, c, pathShopH5, from)
	return res.URL, err
}

// ShopQRCode returns the address of a picture with the shop's QR code.
//
// Sets 129, 131 or 192. /doc/store/shop/API/storemanage/api_getshopqrcode
func (c *Client) ShopQRCode(ctx context.Context, look QRCodeType, from WeCom) (string, error) {
	res, err := Call[struct {
		URL string `json:"shop_qrcode"`
	}](ctx, c, pathShopQRCode, struct {
		WeCom
		Type QRCodeType `json:"qrcode_type"`
	}{from, look})
	return res.URL, err
}

// ShopTagLink returns the words (口令) that open the shop when they are pasted
// into WeChat.
//
// Sets 129 or 131. /doc/store/shop/API/storemanage/api_getshoptaglink
func (c *Client) ShopTagLink(ctx context.Context, from WeCom) (string, error) {
	res, err := Call[struct {
		Link string `json:"shop_taglink"`
	}](ctx, c, pathShopTagLink, from)
	return res.Link, err
}

// Area is a place in China's register of divisions: province, city, district
// or street.
type Area struct {
	Name  string `json:"name,omitzero"`
	Code  Int    `json:"code,omitzero"`
	Level Int    `json:"level,omitzero"` // 1 province to 4 street
}

// AreaInfo is an area and what lies in it.
type AreaInfo struct {
	Area Area   `json:"addrs_msg,omitzero"`
	Next []Area `json:"next_level_addrs,omitzero"`
}

// Areas returns the area with a code and those one level below; code 0 is the
// country.
//
// Set 129. /doc/store/shop/API/warehouse/api_getaddresscode
func (c *Client) Areas(ctx context.Context, code int64) (*AreaInfo, error) {
	res, err := Call[AreaInfo](ctx, c, pathAddressCode, struct {
		Code int64 `json:"addr_code"`
	}{code})
	if err != nil {
		return nil, err
	}
	return &res, nil
}
