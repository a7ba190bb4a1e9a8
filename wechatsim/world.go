package wechatsim

import (
	"slices"
	"time"
)

// Kind is what sort of WeChat application an [App] is.
type Kind string

// The kinds of application the emulator knows.
const (
	// ServiceAccount (服务号) serves /connect/oauth2/authorize.
	ServiceAccount Kind = "service_account"
	// Website (网站应用) serves /connect/qrconnect.
	Website Kind = "website"
	// ShopApp (微信小店) serves the shop API with its own AppID and AppSecret.
	ShopApp Kind = "shop"
	// Component (第三方平台) acts for accounts that authorised it.
	Component Kind = "component"
	// MiniProgram (小程序) logs people in by wx.login, may authorise a component,
	// and buys services.
	MiniProgram Kind = "mini_program"
	// Channels (视频号) may authorise a component.
	Channels Kind = "channels"
	// Talent (带货助手) may authorise a component.
	Talent Kind = "talent"
	// MobileApp (移动应用) opens WeChat at a product, if it is bound to the open
	// platform.
	MobileApp Kind = "mobile_app"
	// MarketHome (服务平台企业主页) is a provider's own account in the service
	// market. Its token is the wrong one for the calls about services.
	MarketHome Kind = "market_home"
)

// World is everything the emulator starts with. It is written as JSON; see
// [LoadWorld]. The zero World is valid but empty: nobody and nothing in it.
type World struct {
	// Seed decides the generated catalogue, orders, openids and unionids.
	// The same seed gives the same ones.
	Seed uint64 `json:"seed"`
	// Epoch is the moment before which the generated products and orders were
	// made. Left out: midnight (Chinese time) of the day the emulator starts.
	Epoch time.Time `json:"epoch,omitzero"`
	// TokenLife is the life of access tokens of /sns/, /cgi-bin/token and
	// /cgi-bin/stable_token; default 7200s, at least 10s. Shorten it to watch
	// renewals. The five-minute windows of stable_token stay five minutes
	// while TokenLife is over 300s, and are two thirds of it otherwise: a program
	// that renews at half of a life is inside. Nothing else is shortened: codes
	// live 5 and 10 minutes and refresh tokens RefreshLife, because no answer
	// tells a program about those.
	TokenLife Duration `json:"token_life,omitzero"`
	// RefreshLife is the life of a user's refresh token, counted from the code
	// exchange; default 720h (30 days).
	RefreshLife Duration `json:"refresh_life,omitzero"`
	// Loopback allows http and a port in a redirect_uri whose host is
	// localhost, 127.0.0.1 or ends in .localhost, whatever the app's callback
	// domain. Every other host stays as strict as WeChat.
	Loopback bool `json:"loopback"`
	// Apps are the applications and their credentials.
	Apps []App `json:"apps"`
	// People are those who can be shown a page.
	People []Person `json:"people"`
	// Shops describes apps of kind shop. An app of that kind without an entry
	// gets a shop of default size.
	Shops []Shop `json:"shops,omitempty"`
	// Grants are authorisations that exist from the start.
	Grants []WorldGrant `json:"grants,omitempty"`
	// Crowd is a great number of authorised shops.
	Crowd *Crowd `json:"crowd,omitempty"`
	// Limits replaces the default call limits of single API paths.
	Limits []Limit `json:"limits,omitempty"`
	// Switches starts from [StrictSwitches]; in JSON name only what differs.
	Switches *Switches `json:"switches,omitempty"`
	// Faults are armed when the emulator starts.
	Faults []Fault `json:"faults,omitempty"`
}

// App is an application with its credentials.
type App struct {
	// AppID is "wx" and 16 lower-case hexadecimal digits.
	AppID string `json:"appid"`
	// Secret is the AppSecret.
	Secret string `json:"secret"`
	// Kind decides which pages and calls the app may use.
	Kind Kind `json:"kind"`
	// Name is shown on the consent page.
	Name string `json:"name"`
	// CallbackDomain is the only host (or host/path) that a redirect_uri may
	// name: 网页授权域名 of a service account, 授权回调域 of a website.
	CallbackDomain string `json:"callback_domain,omitempty"`
	// OpenPlatform names the open-platform account the app is bound to. Apps
	// of one account see the same unionid of a person.
	OpenPlatform string `json:"open_platform,omitempty"`
	// Scopes are the scopes the app may ask for. Left out: all of its kind.
	Scopes []string `json:"scopes,omitempty"`
	// IPAllowlist holds addresses and CIDR blocks; empty switches it off. A
	// shop may use the block sizes /8, /16 and /24 only.
	IPAllowlist []string `json:"ip_allowlist,omitempty"`
	// Verified: the account passed verification. Left out: true.
	Verified *bool `json:"verified,omitempty"`
	// Banned: authorize pages show 10004.
	Banned bool `json:"banned,omitempty"`
	// SecretFrozen: calls that carry the secret answer 40243.
	SecretFrozen bool `json:"secret_frozen,omitempty"`
	// TestAccount: only followers may authorise it, others see 10006.
	TestAccount bool `json:"test_account,omitempty"`
	// AccountStatus is 1 normal (also 0), 14 cancelled, 16 banned, 18 warned
	// or 19 frozen, as components see it.
	AccountStatus int `json:"account_status,omitempty"`
	// Push is where the app's events go. Left out: it hears of none.
	Push *PushSettings `json:"push,omitempty"`

	// PermissionSets (权限集) are the ids a component asks every account for.
	// Left out: 129, 130 and 131. An edit reaches an account when that
	// account authorises again.
	PermissionSets []int `json:"permission_sets,omitempty"`
	// Published (全网发布): any account may authorise the component, not only
	// those of TestList. Left out: true.
	Published *bool `json:"published,omitempty"`
	// TestList holds the appids that may authorise an unpublished component.
	TestList []string `json:"test_list,omitempty"`
	// Services are what the component sells in the service market.
	Services []Service `json:"services,omitempty"`

	// Templates are what a service account may write to people by.
	Templates []Template `json:"templates,omitempty"`
}

// Person is a WeChat user.
type Person struct {
	// Name is the handle used in URLs and Go calls: a-z, 0-9, '-' and '_'.
	Name string `json:"name"`
	// Nickname is shown to apps with consent.
	Nickname string `json:"nickname"`
	// Avatar is the picture's URL without the size at its end; may be empty.
	Avatar string `json:"avatar,omitempty"`
	// Snapshot: pages that ask for snsapi_userinfo get a snapshot user.
	Snapshot bool `json:"snapshot,omitempty"`
	// Closed: the account is closed; it can authorise nothing.
	Closed bool `json:"closed,omitempty"`
	// Follows lists the appids the person follows; test accounts ask for it.
	Follows []string `json:"follows,omitempty"`
	// OpenIDs sets the person's openid in some apps; others are generated.
	OpenIDs map[string]string `json:"openids,omitempty"`
}

// Shop describes a WeChat Store (微信小店).
type Shop struct {
	// AppID names an app of kind shop.
	AppID string `json:"appid"`
	// Nickname is the shop's name; default the app's.
	Nickname string `json:"nickname,omitempty"`
	// Username is the gh_ id; generated if left out.
	Username string `json:"username,omitempty"`
	// SubjectType is the sort of owner; default 企业.
	SubjectType string `json:"subject_type,omitempty"`
	// Status is opening, open_finished (default), closing or close_finished.
	Status string `json:"status,omitempty"`
	// Products is how many goods are generated; 0 means 48, -1 none.
	Products int `json:"products,omitempty"`
	// Orders is how many orders are generated; 0 means 120, -1 none.
	Orders int `json:"orders,omitempty"`
	// Reviews is how many goods the shop may send into review on a day; 0 means
	// 1000. Beyond that a draft stays at edit_status 72.
	Reviews int `json:"reviews,omitempty"`
	// ReviewsPerHour is how many of them may fall into one clock hour, then
	// 1002001. 0: no such limit.
	ReviewsPerHour int `json:"reviews_per_hour,omitempty"`
}

// Limit is how often one app may call one API path. A number that is left out
// keeps its default.
type Limit struct {
	// Path is an API path such as /channels/ec/order/get.
	Path string `json:"path"`
	// AppID narrows the limit to one app. Left out: every app.
	AppID string `json:"appid,omitempty"`
	// Daily calls per Chinese calendar day, then 45009.
	Daily int `json:"daily,omitempty"`
	// PerMinute calls per clock minute, then 45011.
	PerMinute int `json:"per_minute,omitempty"`
	// PerSecond calls per clock second, then 44990. Nothing answers this
	// number. Default: no such limit.
	PerSecond int `json:"per_second,omitempty"`
	// ComponentPerMinute calls per clock minute by components on behalf of the
	// app, then 45011. Default: no such limit.
	ComponentPerMinute int `json:"component_per_minute,omitempty"`
}

// The ids of [DefaultWorld]. None of them exists at WeChat.
const (
	DefaultServiceAccount = "wx00000000000000a1"
	DefaultWebsite        = "wx00000000000000b1"
	DefaultShop           = "wx00000000000000c1"

	DefaultServiceSecret = "sandbox-secret-service-account-1"
	DefaultWebsiteSecret = "sandbox-secret-website-000000001"
	DefaultShopSecret    = "sandbox-secret-shop-000000000001"

	// DefaultDomain is the callback domain of both login apps.
	DefaultDomain = "zhanggui.example.com"
)

// DefaultWorld returns a fresh copy of the world that a zero [Options] uses:
// one stationery shop, one service account and one website app under the same
// open-platform account, and five people. "owner", "operator" and "customer"
// are ordinary; "guest" is a snapshot visitor; "quirk" has a control character
// in the nickname. Loopback is on.
func DefaultWorld() *World {
	return &World{
		Seed:     1,
		Loopback: true,
		Apps: []App{
			{AppID: DefaultServiceAccount, Secret: DefaultServiceSecret, Kind: ServiceAccount,
				Name: "蓝天文具服务号", CallbackDomain: DefaultDomain, OpenPlatform: "bluesky"},
			{AppID: DefaultWebsite, Secret: DefaultWebsiteSecret, Kind: Website,
				Name: "蓝天文具管理后台", CallbackDomain: DefaultDomain, OpenPlatform: "bluesky"},
			{AppID: DefaultShop, Secret: DefaultShopSecret, Kind: ShopApp,
				Name: "蓝天文具店", OpenPlatform: "bluesky"},
		},
		People: []Person{
			{Name: "owner", Nickname: "林店主", Avatar: "https://thirdwx.example.com/mmopen/owner"},
			{Name: "operator", Nickname: "小周", Avatar: "https://thirdwx.example.com/mmopen/operator"},
			{Name: "customer", Nickname: "爱画画的小美🎨"},
			{Name: "guest", Nickname: "路过的访客", Snapshot: true},
			{Name: "quirk", Nickname: "怪\u0001名字"},
		},
		Shops: []Shop{{AppID: DefaultShop}},
	}
}

// The ids that [PlatformWorld] adds. None of them exists at WeChat.
const (
	DefaultComponent   = "wx00000000000000d1"
	DefaultMarketShop  = "wx00000000000000c2"
	DefaultMiniProgram = "wx00000000000000e1"
	DefaultMarketHome  = "wx00000000000000f1"
	OtherComponent     = "wx00000000000000d2"

	DefaultComponentSecret  = "sandbox-secret-component-00000001"
	OtherComponentSecret    = "sandbox-secret-component-00000002"
	DefaultMarketHomeSecret = "sandbox-secret-market-home-000001"
	DefaultMiniSecret       = "sandbox-secret-mini-000000000001"

	// DefaultService and OtherService are what the two components sell.
	DefaultService uint64 = 3403799157105049601
	OtherService   uint64 = 3403799157105049603
)

// PlatformWorld is [DefaultWorld] with two third-party platforms that each
// sell a service, a second shop, a mini program of the same merchant, accounts
// of other kinds, and the provider's own account in the market. Nobody has
// authorised anybody yet, and no push URL is set: both are up to the caller.
func PlatformWorld() *World {
	w := DefaultWorld()
	w.Apps = append(w.Apps,
		App{AppID: DefaultComponent, Secret: DefaultComponentSecret, Kind: Component, Name: "掌上订单", CallbackDomain: DefaultDomain,
			Services: []Service{{ServiceID: DefaultService, Name: "订单管家", URL: "http://isv.localhost/market/callback"}}},
		App{AppID: OtherComponent, Secret: OtherComponentSecret, Kind: Component, Name: "店小账", CallbackDomain: DefaultDomain, PermissionSets: []int{129, 131, 138},
			Services: []Service{{ServiceID: OtherService, Name: "资金对账", URL: "http://isv.localhost/market/other"}}},
		App{AppID: DefaultMarketShop, Secret: "sandbox-secret-shop-000000000002", Kind: ShopApp, Name: "蓝天文具二店"},
		App{AppID: DefaultMiniProgram, Secret: DefaultMiniSecret, Kind: MiniProgram, Name: "蓝天文具小程序"},
		App{AppID: "wx00000000000000e2", Secret: "sandbox-secret-channels-00000001", Kind: Channels, Name: "蓝天文具视频号"},
		App{AppID: "wx00000000000000e3", Secret: "sandbox-secret-talent-0000000001", Kind: Talent, Name: "蓝天文具带货助手"},
		App{AppID: DefaultMarketHome, Secret: DefaultMarketHomeSecret, Kind: MarketHome, Name: "掌上订单企业主页"})
	w.Shops = append(w.Shops, Shop{AppID: DefaultMarketShop, Products: 6, Orders: 12})
	return w
}

// clone returns a copy of w. Lists inside apps and people are shared: the
// emulator replaces them and never writes into them.
func (w *World) clone() *World {
	c := *w
	c.Apps = slices.Clone(w.Apps)
	for i, a := range c.Apps {
		if a.Verified != nil {
			c.Apps[i].Verified = new(*a.Verified)
		}
		if a.Published != nil {
			c.Apps[i].Published = new(*a.Published)
		}
		c.Apps[i].Push = a.Push.clone()
	}
	c.People = slices.Clone(w.People)
	c.Shops = slices.Clone(w.Shops)
	c.Grants = slices.Clone(w.Grants)
	if w.Crowd != nil {
		c.Crowd = new(*w.Crowd)
	}
	c.Limits = slices.Clone(w.Limits)
	c.Faults = slices.Clone(w.Faults)
	if w.Switches != nil {
		sw := *w.Switches
		c.Switches = &sw
	}
	return &c
}

// fill puts the documented defaults where nothing was said.
func (w *World) fill() {
	if w.TokenLife == 0 {
		w.TokenLife = Duration(7200 * time.Second)
	}
	if w.RefreshLife == 0 {
		w.RefreshLife = Duration(30 * 24 * time.Hour)
	}
	if w.Switches == nil {
		sw := StrictSwitches()
		w.Switches = &sw
	}
	for i := range w.Apps {
		w.Apps[i].fill()
	}
	for i := range w.Apps {
		if a := w.Apps[i]; a.Kind == ShopApp && !slices.ContainsFunc(w.Shops, func(s Shop) bool { return s.AppID == a.AppID }) {
			w.Shops = append(w.Shops, Shop{AppID: a.AppID})
		}
	}
	for i := range w.Shops {
		w.Shops[i].fill(w)
	}
}

// fill gives an app the scopes of its kind and calls it verified.
func (a *App) fill() {
	if a.Verified == nil {
		a.Verified = new(true)
	}
	a.fillPlatform()
	if a.Scopes != nil {
		return
	}
	switch a.Kind {
	case ServiceAccount:
		a.Scopes = []string{scopeBase, scopeUserinfo}
	case Website:
		a.Scopes = []string{scopeLogin}
	}
}

func (s *Shop) fill(w *World) {
	for _, a := range w.Apps {
		if a.AppID == s.AppID && s.Nickname == "" {
			s.Nickname = a.Name
		}
	}
	if s.Username == "" {
		s.Username = "gh_" + derive(w.Seed, "gh", s.AppID)[:12]
	}
	if s.SubjectType == "" {
		s.SubjectType = "企业"
	}
	if s.Status == "" {
		s.Status = "open_finished"
	}
	if s.Products == 0 {
		s.Products = 48
	}
	if s.Orders == 0 {
		s.Orders = 120
	}
	if s.Reviews == 0 {
		s.Reviews = 1000
	}
}
