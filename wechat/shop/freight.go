package shop

import (
	"context"
	"encoding/json"
	"iter"
)

const (
	pathFreights      = "/channels/ec/merchant/getfreighttemplatelist"
	pathFreight       = "/channels/ec/merchant/getfreighttemplatedetail"
	pathFreightAdd    = "/channels/ec/merchant/addfreighttemplate"
	pathFreightUpdate = "/channels/ec/merchant/updatefreighttemplate"
)

// Valuation is by what freight counts.
type Valuation string

// The measures of freight.
const (
	ByPiece  Valuation = "PIECE"
	ByWeight Valuation = "WEIGHT"
)

// UnmarshalJSON takes a text, or a number as its digits: the page's table calls it
// a number and its samples write a text.
func (v *Valuation) UnmarshalJSON(b []byte) error { return readText(b, v) }

// ShippingMethod says who pays the freight.
type ShippingMethod string

// The ways to pay freight.
const (
	ShippingFree            ShippingMethod = "FREE"
	ShippingConditionalFree ShippingMethod = "CONDITION_FREE"
	ShippingPaid            ShippingMethod = "NO_FREE"
)

// UnmarshalJSON takes what [Valuation] takes.
func (m *ShippingMethod) UnmarshalJSON(b []byte) error { return readText(b, m) }

// DeliveryKind is how goods travel. One kind is known.
type DeliveryKind string

// Express is delivery by courier.
const Express DeliveryKind = "EXPRESS"

// UnmarshalJSON takes what [Valuation] takes.
func (k *DeliveryKind) UnmarshalJSON(b []byte) error { return readText(b, k) }

// FreightTemplate is how freight is counted for goods that name it.
type FreightTemplate struct {
	ID        ID             `json:"template_id,omitzero"`
	Name      string         `json:"name"`
	Valuation Valuation      `json:"valuation_type"`
	SendTime  string         `json:"send_time"` // such as SendTime_FOUR_HOUR; the page lists them
	From      Address        `json:"address_info"`
	Delivery  DeliveryKind   `json:"delivery_type"`
	Method    ShippingMethod `json:"shipping_method"`
	Free      *FreeRules     `json:"all_condition_free_detail,omitzero"`
	Prices    *FreightRules  `json:"all_freight_calc_method,omitzero"`
	NotTo     *AreaList      `json:"not_send_area,omitzero"`
	Default   Flag           `json:"is_default"`
	CreatedAt Time           `json:"create_time,omitzero"`
	UpdatedAt Time           `json:"update_time,omitzero"`
}

// AreaList is a list of places. Empty levels of an address mean all below.
type AreaList struct {
	Areas []Address `json:"address_infos"`
}

// UnmarshalJSON takes both names of the list: the table of
// /doc/store/shop/API/merchant/freightTemplate.html and the sample of the answer differ.
func (l *AreaList) UnmarshalJSON(b []byte) error {
	var in struct {
		Many []Address `json:"address_infos"`
		One  []Address `json:"address_info"`
	}
	err := json.Unmarshal(b, &in)
	l.Areas = append(in.Many, in.One...)
	return err
}

// FreeRules say when freight is free.
type FreeRules struct {
	Rules []FreeRule `json:"condition_free_detail_list"`
}

// FreeRule frees from freight in its areas: from MinPieces or MinWeight, and
// from MinAmount, each if its flag says that it counts.
type FreeRule struct {
	Areas     []Address `json:"address_infos"`
	MinPieces Int       `json:"min_piece,omitzero"`
	MinWeight Float     `json:"min_weight,omitzero"` // kilograms
	MinAmount Fen       `json:"min_amount,omitzero"`
	ByMeasure Bit       `json:"valuation_flag"`
	ByAmount  Bit       `json:"amount_flag"`
}

// FreightRules are the prices. One of them must be the default, and names no area.
type FreightRules struct {
	Rules []FreightRule `json:"freight_calc_method_list"`
}

// FreightRule is a price: so much for the first pieces or kilograms, so much
// for further ones.
type FreightRule struct {
	Areas       []Address `json:"address_infos,omitzero"`
	Default     Flag      `json:"is_default"`
	CompanyID   string    `json:"delivery_id,omitzero"`
	First       Float     `json:"first_val_amount"`
	FirstPrice  Fen       `json:"first_price"`
	Second      Float     `json:"second_val_amount"`
	SecondPrice Fen       `json:"second_price"`
}

// FreightTemplates lists the ids of the shop's templates.
//
// Sets 130 or 192. /doc/store/shop/API/channels-shop-delivery/merchant/api_getfreighttemplatelist
func (c *Client) FreightTemplates(ctx context.Context) iter.Seq2[ID, error] {
	return walkOffset(func(offset int) ([]ID, error) {
		res, err := Call[struct {
			IDs []ID `json:"template_id_list"`
		}](ctx, c, pathFreights, offsetPage{offset, 50})
		return res.IDs, err
	})
}

// templateID is the body of the call that names a template, and the answer of
// those that write one.
type templateID struct {
	ID ID `json:"template_id"`
}

// FreightTemplate reads a template.
//
// Set 130. /doc/store/shop/API/channels-shop-delivery/merchant/api_getfreighttemplatedetail
func (c *Client) FreightTemplate(ctx context.Context, id ID) (*FreightTemplate, error) {
	res, err := Call[struct {
		Template *FreightTemplate `json:"freight_template"`
	}](ctx, c, pathFreight, templateID{id})
	if err == nil && res.Template == nil {
		err = missing(pathFreight, "freight_template")
	}
	return res.Template, err
}

// freightBody is the body of the calls that write a template.
type freightBody struct {
	Template FreightTemplate `json:"freight_template"`
}

// AddFreightTemplate adds a template and returns its id. f.ID is not sent.
// 10021200 says that the name is taken, 10021055 that a default price is missing.
//
// Set 130. /doc/store/shop/API/channels-shop-delivery/merchant/api_addfreighttemplate
func (c *Client) AddFreightTemplate(ctx context.Context, f FreightTemplate) (ID, error) {
	f.ID, f.CreatedAt, f.UpdatedAt = "", Time{}, Time{}
	res, err := Call[templateID](ctx, c, pathFreightAdd, freightBody{f})
	return res.ID, err
}

// UpdateFreightTemplate replaces the template with f.ID. It may answer with the
// id.
//
// Set 130. /doc/store/shop/API/channels-shop-delivery/merchant/api_updatefreighttemplate
func (c *Client) UpdateFreightTemplate(ctx context.Context, f FreightTemplate) error {
	_, err := Call[templateID](ctx, c, pathFreightUpdate, freightBody{f})
	return err
}
