package shop

import (
	"context"
	"iter"
)

const (
	pathAddresses     = "/channels/ec/merchant/address/list"
	pathAddress       = "/channels/ec/merchant/address/get"
	pathAddressAdd    = "/channels/ec/merchant/address/add"
	pathAddressUpdate = "/channels/ec/merchant/address/update"
	pathAddressDelete = "/channels/ec/merchant/address/delete"
)

// Address is a place in the form that WeChat uses everywhere. In the four
// municipalities the city is the district.
type Address struct {
	Name         string `json:"user_name,omitzero"`
	Phone        string `json:"tel_number,omitzero"`
	PostalCode   string `json:"postal_code,omitzero"`
	Province     string `json:"province_name,omitzero"`
	City         string `json:"city_name,omitzero"`
	County       string `json:"county_name,omitzero"`
	Detail       string `json:"detail_info,omitzero"`
	NationalCode string `json:"national_code,omitzero"`
	HouseNumber  string `json:"house_number,omitzero"`
	Latitude     Float  `json:"lat,omitzero"`
	Longitude    Float  `json:"lng,omitzero"`
}

// ShopAddress is an address of the shop's own: goods leave from it or come
// back to it.
type ShopAddress struct {
	ID             ID           `json:"address_id,omitzero"`
	Name           string       `json:"name,omitzero"` // of the contact
	Address        Address      `json:"address_info"`
	Landline       string       `json:"landline,omitzero"`
	Remark         string       `json:"remark,omitzero"`
	Sends          Flag         `json:"send_addr"`
	SendsDefault   Flag         `json:"default_send"`
	Returns        Flag         `json:"recv_addr"`
	ReturnsDefault Flag         `json:"default_recv"`
	Offline        OfflineKinds `json:"address_type,omitzero"`
	CreatedAt      Time         `json:"create_time,omitzero"`
	UpdatedAt      Time         `json:"update_time,omitzero"`
}

// OfflineKinds says what happens at an address without couriers.
type OfflineKinds struct {
	SameCity Bit `json:"same_city"`
	Pickup   Bit `json:"pickup"`
}

// Addresses lists the ids of the shop's addresses.
//
// Set 130. /doc/store/shop/API/channels-shop-delivery/address/api_getaddresslist
func (c *Client) Addresses(ctx context.Context) iter.Seq2[ID, error] {
	return walkOffset(func(offset int) ([]ID, error) {
		res, err := Call[struct {
			IDs []ID `json:"address_id_list"`
		}](ctx, c, pathAddresses, offsetPage{offset, 50})
		return res.IDs, err
	})
}

// offsetPage is the body of the lists that page by offset.
type offsetPage struct {
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

// addressID is the body of the calls that name an address.
type addressID struct {
	ID ID `json:"address_id"`
}

// Address reads one of the shop's addresses.
//
// Sets 130 or 192. /doc/store/shop/API/channels-shop-delivery/address/api_getaddress
func (c *Client) Address(ctx context.Context, id ID) (*ShopAddress, error) {
	res, err := Call[struct {
		Address *ShopAddress `json:"address_detail"`
	}](ctx, c, pathAddress, addressID{id})
	if err == nil && res.Address == nil {
		err = missing(pathAddress, "address_detail")
	}
	return res.Address, err
}

// addressDetail is the body of the calls that write an address.
type addressDetail struct {
	Address ShopAddress `json:"address_detail"`
}

// AddAddress adds an address of the shop's and returns its id. a.ID is not
// sent.
//
// Sets 130 or 192. /doc/store/shop/API/channels-shop-delivery/address/api_addaddress
func (c *Client) AddAddress(ctx context.Context, a ShopAddress) (ID, error) {
	a.ID, a.CreatedAt, a.UpdatedAt = "", Time{}, Time{}
	res, err := Call[addressID](ctx, c, pathAddressAdd, addressDetail{a})
	return res.ID, err
}

// UpdateAddress replaces the address with a.ID.
//
// Sets 130 or 192. /doc/store/shop/API/channels-shop-delivery/address/api_updateaddress
func (c *Client) UpdateAddress(ctx context.Context, a ShopAddress) error {
	a.CreatedAt, a.UpdatedAt = Time{}, Time{}
	return post(ctx, c, pathAddressUpdate, addressDetail{a})
}

// DeleteAddress deletes an address of the shop's.
//
// Sets 130 or 192. /doc/store/shop/API/channels-shop-delivery/address/api_deleteaddress
func (c *Client) DeleteAddress(ctx context.Context, id ID) error {
	return post(ctx, c, pathAddressDelete, addressID{id})
}
