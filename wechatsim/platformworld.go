package wechatsim

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
)

// PushSettings is where WeChat pushes to, and with which keys. A shop, a
// service account and a website have URL; a component has AuthURL and EventURL
// instead. One token and one key serve both of a component's URLs.
type PushSettings struct {
	// URL receives the events of a shop that develops for itself, of a
	// service account or of a website.
	URL string `json:"url,omitempty"`
	// AuthURL (授权事件接收 URL) receives tickets and changes of authorisation.
	AuthURL string `json:"auth_url,omitempty"`
	// EventURL (消息与事件接收 URL) receives the events of the accounts that
	// authorised the platform. $APPID$ in it stands for the account's appid.
	EventURL string `json:"event_url,omitempty"`
	// Token signs pushes: 3 to 32 letters and digits.
	Token string `json:"token,omitempty"`
	// EncodingAESKey encrypts pushes: 43 letters and digits.
	EncodingAESKey string `json:"encoding_aes_key,omitempty"`
	// PreviousEncodingAESKey is the key before the last edit. Events that were
	// on their way at that time still use it.
	PreviousEncodingAESKey string `json:"previous_encoding_aes_key,omitempty"`
}

// Service is a tool that a component sells in the service market (服务市场).
type Service struct {
	// ServiceID identifies it; ids beyond 2^53 are usual.
	ServiceID uint64 `json:"service_id"`
	// Name is shown in the market.
	Name string `json:"name"`
	// URL (服务Url) is where 去使用 sends the browser, with ?code=….
	URL string `json:"url"`
	// Specs are the packages that can be bought. Left out: a free trial of 7
	// days, as is compulsory, and a year.
	Specs []Spec `json:"specs,omitempty"`
}

// Spec is a package of a [Service]. Packages with the same SpecID add up their
// validity.
type Spec struct {
	// SpecID (套餐规格ID) is chosen by the provider.
	SpecID string `json:"spec_id"`
	// SKUID is WeChat's id of the package.
	SKUID string `json:"sku_id"`
	// Name is shown in the market.
	Name string `json:"name,omitempty"`
	// Days is how long the package is valid.
	Days int `json:"days"`
	// Price is in fen. A package of price 0 is a trial.
	Price int64 `json:"price,omitempty"`
}

// WorldGrant is an authorisation that exists when the emulator starts.
type WorldGrant struct {
	// Component and AppID say who authorised whom: a component, and a shop or
	// another account.
	Component string `json:"component"`
	AppID     string `json:"appid"`
	// Sets are the granted permission sets; left out: all of the component.
	Sets []int `json:"permission_sets,omitempty"`
}

const maxCrowd = 1_000_000

// checkGrants adds the mistakes in who has authorised whom, and in what is
// unique among components.
func (w *World) checkGrants(kinds map[string]Kind, ps *problems) {
	seen := map[[2]string]bool{}
	for i, g := range w.Grants {
		path := fmt.Sprintf("$.grants[%d]", i)
		if kinds[g.Component] != Component {
			ps.add(path+".component", "names no component", "use the appid of an app of kind component")
		}
		switch kinds[g.AppID] {
		case ShopApp, ServiceAccount, MiniProgram, Channels, Talent:
		default:
			ps.add(path+".appid", "names no account that can authorise", "use the appid of a shop, service_account, mini_program, channels or talent")
		}
		key := [2]string{g.Component, g.AppID}
		if seen[key] {
			ps.add(path, "is there twice", "write every authorisation once")
		}
		seen[key] = true
	}
	if w.Crowd != nil && kinds[w.Crowd.Component] != Component {
		ps.add("$.crowd.component", "names no component", "use the appid of an app of kind component")
	}
	if w.Crowd != nil && (w.Crowd.Shops < 1 || w.Crowd.Shops > maxCrowd) {
		ps.add("$.crowd.shops", "is out of range", "use 1 to 1000000")
	}
	services := map[uint64]bool{}
	for i, a := range w.Apps {
		for j, v := range a.Services {
			if services[v.ServiceID] {
				ps.add(fmt.Sprintf("$.apps[%d].services[%d].service_id", i, j), "is used twice", "give every service its own id")
			}
			services[v.ServiceID] = true
		}
	}
}

var (
	pushTokenForm = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	aesKeyForm    = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)
)

// check adds every mistake of form. Which of the URLs an app may have depends
// on its kind.
func (p *PushSettings) check(path string, k Kind, ps *problems) {
	if p == nil {
		return
	}
	of := func(name, v string, ok bool) {
		switch {
		case v == "":
		case !ok:
			ps.addf(path+"."+name, "does not belong to an app of kind %q", "leave it out%s", k, "")
		case !isWebURL(v):
			ps.addf(path+"."+name, "is %q", "write a URL like %s", v, "https://shop.example.com/push")
		}
	}
	of("url", p.URL, k != Component)
	of("auth_url", p.AuthURL, k == Component)
	of("event_url", p.EventURL, k == Component)
	if p.Token != "" && !pushTokenForm.MatchString(p.Token) {
		ps.add(path+".token", "is malformed", "write 3 to 32 letters and digits")
	}
	for name, v := range map[string]string{"encoding_aes_key": p.EncodingAESKey, "previous_encoding_aes_key": p.PreviousEncodingAESKey} {
		if v != "" && !aesKeyForm.MatchString(v) {
			ps.add(path+"."+name, "is malformed", "write 43 letters and digits")
		}
	}
	if p.URL+p.AuthURL+p.EventURL != "" && (p.Token == "" || p.EncodingAESKey == "") {
		ps.add(path, "has a URL without token and encoding_aes_key", "write both: pushes are always encrypted")
	}
}

func isWebURL(v string) bool {
	u, err := url.Parse(v)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Fragment == ""
}

// clone returns a copy that shares nothing; nil stays nil.
func (p *PushSettings) clone() *PushSettings {
	if p == nil {
		return nil
	}
	return new(*p)
}

// authURL is the app's authorisation URL, "" if none is set.
func authURL(a *App) string {
	if a.Push == nil {
		return ""
	}
	return a.Push.AuthURL
}

func cloneServices(list []Service) []Service {
	out := slices.Clone(list)
	for i := range out {
		out[i].Specs = slices.Clone(out[i].Specs)
	}
	return out
}

// checkPlatform adds the mistakes in what only a component has.
func (a *App) checkPlatform(path string, ps *problems) {
	a.Push.check(path+".push", a.Kind, ps)
	oneOf(ps, path+".account_status", a.AccountStatus, 0, accountNormal, accountCancelled, accountBanned, accountWarned, accountFrozen)
	if a.Kind != Component {
		if a.PermissionSets != nil || a.Published != nil || a.TestList != nil || a.Services != nil {
			ps.add(path, "has settings of a component", "leave out permission_sets, published, test_list and services, or make it kind component")
		}
		return
	}
	for i, id := range a.PermissionSets {
		if id < 1 || slices.Index(a.PermissionSets, id) != i {
			ps.addf(fmt.Sprintf("%s.permission_sets[%d]", path, i), "is %d", "name each set once%s", id, ", such as 129, 130 and 131")
		}
	}
	for i, v := range a.Services {
		v.check(fmt.Sprintf("%s.services[%d]", path, i), ps)
	}
}

func (v *Service) check(path string, ps *problems) {
	if v.ServiceID == 0 {
		ps.add(path+".service_id", "is missing", "write a number; real ones go beyond 2^53")
	}
	if !isWebURL(v.URL) {
		ps.addf(path+".url", "is %q", "write the URL that opens the service, like %s", v.URL, "https://isv.example.com/enter")
	}
	for i, sp := range v.Specs {
		if sp.SpecID == "" || sp.SKUID == "" || sp.Days < 1 || sp.Price < 0 {
			ps.add(fmt.Sprintf("%s.specs[%d]", path, i), "is incomplete", "write spec_id, sku_id and days, and a price of 0 or more fen")
		}
	}
}

// fillPlatform gives a component what its settings leave open.
func (a *App) fillPlatform() {
	if a.Kind != Component {
		return
	}
	if a.Published == nil {
		a.Published = new(true)
	}
	if a.PermissionSets == nil {
		a.PermissionSets = []int{129, 130, 131}
	}
	a.Services = cloneServices(a.Services)
	for i := range a.Services {
		if a.Services[i].Specs == nil {
			a.Services[i].Specs = defaultSpecs()
		}
	}
}

func defaultSpecs() []Spec {
	return []Spec{
		{SpecID: "standard", SKUID: "915672", Name: "试用 trial", Days: 7},
		{SpecID: "standard", SKUID: "915673", Name: "一年 one year", Days: 365, Price: 199_00},
	}
}
