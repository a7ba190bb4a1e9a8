package access

import (
	"maps"
	"strings"
	"time"
)

// AppKind is the kind of a WeChat application.
type AppKind string

// The kinds of app. Their differences are WeChat's: a service account logs
// people in inside WeChat, a website app logs them in on a PC, a shop's own
// app calls shop APIs and cannot log anybody in. A third-party platform calls
// the APIs of every shop that authorised it, and the service market opens it
// for people of those shops. A mini program opens our pages in its web-view.
const (
	ServiceAccount AppKind = "service_account" // 服务号, door 1
	Website        AppKind = "website"         // 网站应用, door 2
	ShopApp        AppKind = "shop"            // 微信小店 自研, key "self"
	Component      AppKind = "component"       // 第三方平台, key "isv", door 3
	MiniProgram    AppKind = "mini_program"    // 小程序, door 4
)

// App is a WeChat application that we hold the secret of.
type App struct {
	ID    string // ours, a slug
	Kind  AppKind
	AppID string // WeChat's, "wx…"
	Name  string
	// Secret is the AppSecret, sealed for its place, with SecretVersion as generation.
	// A mini program that authorised a third-party platform needs none.
	Secret []byte
	// SecretVersion counts changes of Secret; it is part of what Secret is
	// sealed with.
	SecretVersion int64
	// CallbackHost is the one host that callbacks of this app may arrive at,
	// as entered at WeChat: no scheme; a port only under the loopback rule.
	CallbackHost string
	// VerifyName and VerifyBody are the domain proof, "MP_verify_….txt" and
	// its content. Both may be empty.
	VerifyName, VerifyBody string
	// Scope is what logins through this app ask for, for every login alike,
	// so that a kept pair is replaced by one of the same scope and never ended
	// by a narrower one. Empty for a shop's own app.
	Scope    string
	Egress   string   // source address, or http:// or socks5:// proxy; empty is the default route
	APIHosts []string // base URLs to use instead of the configured API host, in order
	Push     Push
	Services []Service // of a third-party platform, by id
	// OwnerMessage is how the app, a service account, writes to the owners of shops
	// in WeChat. The zero value: it does not.
	OwnerMessage OwnerMessage
}

// MessageKind is WeChat's way for an account to write to somebody by itself.
type MessageKind string

// The kinds. A template message (模板消息) goes to followers, and opens a link. A
// subscription notice (订阅通知) goes to who agreed to get one, and opens none of ours.
const (
	TemplateMessage    MessageKind = "template"
	SubscriptionNotice MessageKind = "subscribe"
)

// OwnerMessage is a template that was chosen at WeChat, and what goes into it.
type OwnerMessage struct {
	Template string      `json:"template"` // WeChat's id of it
	Kind     MessageKind `json:"kind"`
	// Fields says what each field of the template gets, by its name there ("thing1"):
	// shop, what, when or next.
	Fields map[string]string `json:"fields"`
}

// Equal tells whether two say the same.
func (m OwnerMessage) Equal(o OwnerMessage) bool {
	return m.Template == o.Template && m.Kind == o.Kind && maps.Equal(m.Fields, o.Fields)
}

// IsZero tells whether the app writes to nobody.
func (m OwnerMessage) IsZero() bool { return m.Template == "" }

// Push is what WeChat signs and encrypts its pushes to an app with: the token
// (消息校验Token) and the EncodingAESKey (消息加解密Key) as entered at WeChat, sealed
// together. The zero Push is an app that takes none.
type Push struct {
	Keys    []byte
	Version int64 // counts changes of Keys; it is part of what Keys is sealed with
	// Previous are the keys before, of PreviousVersion: pushes that were on
	// their way when the setting was changed still use them.
	Previous        []byte
	PreviousVersion int64
}

// Service is one service (服务) that a third-party platform sells in the service
// market (服务市场).
type Service struct {
	ID        string // ours, a slug; part of the URL that the market opens
	ServiceID string // WeChat's, decimal digits
	Name      string
	// Role is what somebody who comes from the market may do in the shop. It
	// is never Owner: WeChat names the shop, not the human.
	Role Role
}

// Purchase is what a shop bought of a service, as WeChat last told.
type Purchase struct {
	App       string    // our id of the third-party platform
	Service   string    // our id of the service
	AppID     string    // WeChat's id of the shop
	Spec      string    // specification (规格) as set in the market
	OrderID   string    // of the jump or the order that told it; may be empty
	PaidUntil time.Time // zero: unknown
	SeenAt    time.Time // when WeChat told it
}

// Tenant (商家) is a group of shops with one circle of owners.
type Tenant struct {
	ID   string // ours, a slug
	Name string
}

// Shop (店铺) is one WeChat Store.
type Shop struct {
	ID       string // ours, a short slug, used in URLs
	TenantID string
	// App is our id of the app whose key serves the shop: the shop's own, or
	// the third-party platform that it authorised.
	App   string
	AppID string // WeChat's id of the shop, "wx…"
	Name  string
	// RevokeOnWithdraw ends the shop's own grant as well when an owner
	// withdraws theirs.
	RevokeOnWithdraw bool
}

// Role is what a person may do in a tenant or a shop.
type Role string

// The roles, widest first.
const (
	Owner    Role = "owner"    // 店主
	Operator Role = "operator" // 运营
	Viewer   Role = "viewer"
)

// Valid tells whether r is one of the roles.
func (r Role) Valid() bool { return r == Owner || r == Operator || r == Viewer }

// Covers tells whether r allows all that other allows.
func (r Role) Covers(other Role) bool { return r.rank() >= other.rank() && r.Valid() && other.Valid() }

func (r Role) rank() int {
	switch r {
	case Owner:
		return 3
	case Operator:
		return 2
	case Viewer:
		return 1
	}
	return 0
}

// Member is a person's role. ShopID is empty for a role in the whole tenant.
type Member struct {
	TenantID string
	ShopID   string
	PersonID string
	Role     Role
	Since    time.Time // when they got this role
	Until    time.Time // zero: no end
}

// Active tells whether the membership counts at now.
func (m Member) Active(now time.Time) bool { return m.Until.IsZero() || now.Before(m.Until) }

// HasOwner tells whether one of members owns shop at now.
func HasOwner(members []Member, shop Shop, now time.Time) bool {
	role, _ := RoleIn(members, shop, now)
	return role == Owner
}

// RoleIn gives the widest role that members hold in shop at now, and whether
// there is one. members are all of one person, or the widest of several is asked for.
func RoleIn(members []Member, shop Shop, now time.Time) (Role, bool) {
	var best Role
	for _, m := range members {
		if !m.Active(now) || m.TenantID != shop.TenantID || (m.ShopID != "" && m.ShopID != shop.ID) {
			continue
		}
		if m.Role.rank() > best.rank() {
			best = m.Role
		}
	}
	return best, best != ""
}

// What a field of a message to owners may say.
const (
	SaysShop = "shop" // which shop, or one and how many
	SaysWhat = "what" // what is the matter
	SaysWhen = "when" // since when
	SaysNext = "next" // what to do
)

// FieldKind gives the kind of value that a field of a template takes: its name without
// the number at its end.
func FieldKind(field string) string { return strings.TrimRight(field, "0123456789") }

// FieldTakes tells whether a field of a template takes what is to be said. The kinds
// are of /doc/service/api/notify/notify/api_sendnewsubscribemsg, and keyword of older
// templates.
func FieldTakes(field, says string) bool {
	switch FieldKind(field) {
	case "thing", "keyword":
		return says == SaysShop || says == SaysWhat || says == SaysNext
	case "time", "date":
		return says == SaysWhen
	case "phrase":
		return says == SaysWhat
	case "character_string":
		return says == SaysShop
	}
	return false
}
