package setup

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Manifest is the wished-for state. Ids are ours: lower-case slugs.
type Manifest struct {
	Apps    []App
	Tenants []access.Tenant
	Shops   []Shop
	Clients []Client
	Members []access.Member

	OIDCClients []OIDCClient
	Channels    []Channel
}

// App is a WeChat application that logs people in, or a third-party platform.
type App struct {
	ID                     string
	Kind                   access.AppKind // service account, website, mini program or component
	AppID                  string
	Secret                 secret.Value // zero: keep the one there is; a mini program may have none
	Name                   string
	CallbackHost           string
	VerifyName, VerifyBody string
	Scope                  string // empty: the kind's usual one
	Egress                 string
	APIHosts               []string
	Push                   access.PushKeys  // zero: keep those there are
	Services               []access.Service // of a component; a zero role is the usual one
	OwnerMessage           access.OwnerMessage
}

// Shop is a WeChat Store, called with its own AppID and AppSecret or through a
// component that it authorised.
type Shop struct {
	ID, Tenant, Name string
	AppID            string
	App              string          // id of the component; empty: the shop's own key
	Secret           secret.Value    // zero: keep the one there is
	Push             access.PushKeys // zero: keep those there are
	RevokeOnWithdraw bool
	Egress           string
	APIHosts         []string
}

// Client is a program. A client that is new gets a key, which is in
// [Result.Keys] and nowhere else.
type Client struct {
	ID, Name string
	Shops    []string
	Mode     access.Mode
	Expires  time.Time
	Rights   access.Rights
}

// Options of one application of a manifest.
type Options struct {
	Prune  bool // remove what the manifest does not name
	DryRun bool // plan only
	// OldSecrets takes AppSecrets that a rotation replaced, and says so.
	OldSecrets bool
}

// Change is one difference between the manifest and what is kept.
type Change struct {
	Op     string   `json:"op" enum:"create,change,remove"`
	Kind   string   `json:"kind"`             // app, tenant, shop, client, oidc_client, channel, member
	ID     string   `json:"id"`               // ours
	Fields []string `json:"fields,omitempty"` // what changes; never a value
	// Warning says what the change ends; empty for most.
	Warning string `json:"warning,omitempty"`
}

// Result says what was done, or would be.
type Result struct {
	Changes []Change
	// Keys holds the key of each client that was made, by client id. They are
	// kept as hashes only: whoever asked must hand them on now.
	Keys map[string]secret.Value
}

// shopAppPrefix begins the id of a shop's own app, so that it cannot meet the
// id of an app in the manifest.
const shopAppPrefix = "shop-"
