package zhanggui

import (
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// App is an app that logs people in, or a third-party platform.
type App struct {
	ID           string        `json:"id"`
	Kind         string        `json:"kind"` // service_account, website, mini_program or component
	AppID        string        `json:"appid"`
	Name         string        `json:"name"`
	CallbackHost string        `json:"callback_host"`
	VerifyName   string        `json:"verify_name"`
	Scope        string        `json:"scope"`
	VerifyBody   string        `json:"verify_body"`
	Egress       string        `json:"egress"`
	APIHosts     []string      `json:"api_hosts"`
	Services     []Service     `json:"services"`      // of a platform
	OwnerMessage *OwnerMessage `json:"owner_message"` // of a service account; nil when it writes to no owners
	Warning      string        `json:"warning"`       // what a change ended, in the answer to it alone
}

// OwnerMessage is a template by which a service account writes to the owners of shops
// in WeChat.
type OwnerMessage struct {
	Template string            `json:"template"` // WeChat's template_id
	Kind     string            `json:"kind"`     // template or subscribe
	Fields   map[string]string `json:"fields"`   // what each field of the template gets: shop, what, when or next
}

// Tenant is whoever owns shops.
type Tenant struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Member is a person in a tenant, or in one shop of it.
type Member struct {
	Person string     `json:"person"`
	Tenant string     `json:"tenant"`
	Shop   string     `json:"shop"` // empty: the whole tenant
	Role   string     `json:"role"` // owner, operator or viewer
	Since  *time.Time `json:"since"`
	Until  *time.Time `json:"until"`
}

// ShopInfo is a shop with the grant that serves it.
type ShopInfo struct {
	ID               string `json:"id"`
	Tenant           string `json:"tenant"`
	Name             string `json:"name"`
	App              string `json:"app"` // whose key serves the shop: its own app or a platform
	AppID            string `json:"appid"`
	RevokeOnWithdraw bool   `json:"revoke_shop_on_withdraw"` // withdrawing an owner's data ends the shop's grant too
	Grant            *Grant `json:"grant"`                   // nil: there is none yet
}

// Grant is where an authorisation stands.
type Grant struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind"`
	App            string     `json:"app"`
	Shop           string     `json:"shop"`
	Account        string     `json:"account"` // WeChat's id of the account that authorised a platform
	Person         string     `json:"person"`
	Scope          string     `json:"scope"`
	State          string     `json:"state"`
	Cause          string     `json:"cause"`
	Errcode        int        `json:"errcode"`
	Generation     int64      `json:"generation"` // of the kept token; 0: none yet
	AccessExpires  *time.Time `json:"access_expires"`
	RefreshExpires *time.Time `json:"refresh_expires"`
	DueAt          *time.Time `json:"due_at"`
	UpdatedAt      *time.Time `json:"updated_at"`
	ProvedAt       *time.Time `json:"proved_at"` // when WeChat last took the kept token, as far as was written down
	Doubts         int        `json:"doubts"`    // definite refusals of the kept token since then
	Killing        int        `json:"killing"`   // forced refreshes still to come
}

// GrantFilter narrows [Admin.Grants]; empty stands for any.
type GrantFilter struct{ Shop, Person, Kind, State string }

// ClientInfo is a program with a key.
type ClientInfo struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	KeyHint string     `json:"key_hint"`
	Mode    string     `json:"mode"` // read or write
	Shops   []string   `json:"shops"`
	Live    bool       `json:"live"`
	Created *time.Time `json:"created"`
	Expires *time.Time `json:"expires"`
	Revoked *time.Time `json:"revoked"`
	Used    *time.Time `json:"used"` // to a minute
	// The second key, while a rotation lasts.
	NextHint string     `json:"next_hint"`
	NextUsed *time.Time `json:"next_used"`
	Rights
}

// Rights is what a program may do beyond its shops and its mode. The zero Rights are
// those of every ordinary program.
type Rights struct {
	Groups   []string    `json:"groups,omitempty"`   // of the catalogue; none for every ordinary one
	Paths    []PathRight `json:"paths,omitempty"`    // granted by name, as paths that move money must be
	From     []string    `json:"from,omitempty"`     // networks that it may call from; none for any
	Rate     *Rate       `json:"rate,omitempty"`     // nil for the server's
	Special  []string    `json:"rights,omitempty"`   // token:export lets it fetch the kept token
	Observe  bool        `json:"observe,omitempty"`  // let through and record what groups and paths would refuse
	Priority string      `json:"priority,omitempty"` // low gives way to others; empty is normal
}

// RightsChange is what a program is to have more, or less.
type RightsChange struct {
	Rights
	Shops     []string `json:"shops,omitempty"`
	Mode      string   `json:"mode,omitempty"`       // read or write; empty: as it is
	AllGroups bool     `json:"all_groups,omitempty"` // every ordinary group, whatever was granted before
}

// Exported is an access token that a program took out.
type Exported struct {
	Shop string    `json:"shop"`
	At   time.Time `json:"at"`   // when it was fetched last
	Ends time.Time `json:"ends"` // when the token ends
}

// PathRight is a path that is granted by name.
type PathRight struct {
	Path  string `json:"path"`
	Daily int    `json:"daily,omitempty"` // calls a day of China's time, for each shop; 0 for no bound
}

// Rate is how fast a program may call.
type Rate struct {
	PerSecond float64 `json:"per_second"`
	Burst     int     `json:"burst,omitempty"`
}

// NewClient is a program that is to have a key.
type NewClient struct {
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	Shops   []string   `json:"shops"`
	Mode    string     `json:"mode"`              // read or write
	Expires *time.Time `json:"expires,omitempty"` // nil: never
	Rights
}

// Session is a login of a person or an administrator.
type Session struct {
	ID      string     `json:"id"`
	Person  string     `json:"person"`
	Admin   string     `json:"admin"`
	Shop    string     `json:"shop"` // that the service market sent somebody into
	Role    string     `json:"role"` // what they may do there
	Door    string     `json:"door"`
	Device  string     `json:"device"`
	Parent  string     `json:"parent"`  // the login that a session of a protected host hangs on
	Host    string     `json:"host"`    // that host
	Network string     `json:"network"` // where the last use came from
	Live    bool       `json:"live"`
	Created *time.Time `json:"created"`
	Seen    *time.Time `json:"seen"`
	Expires *time.Time `json:"expires"`
	Ended   *time.Time `json:"ended"`
	Why     string     `json:"why"`
}

// Administrator is somebody who runs the server.
type Administrator struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Kind    string       `json:"kind"` // admin, support (reads everything) or auditor (reads the audit log)
	Live    bool         `json:"live"`
	Created *time.Time   `json:"created"`
	Expires *time.Time   `json:"expires"`
	Key     secret.Value `json:"key"` // in the answer that made it alone
}

// Invitation is a link that makes one person a member.
type Invitation struct {
	ID      string       `json:"id"`
	Tenant  string       `json:"tenant"`
	Shop    string       `json:"shop"`
	Role    string       `json:"role"`
	State   string       `json:"state"`
	Person  string       `json:"person"` // who took it
	Expires *time.Time   `json:"expires"`
	Until   *time.Time   `json:"until"` // when the role ends that it gives; nil: never
	Link    secret.Value `json:"link"`  // for the person; in the answer that made it alone
}

// Notice is something that humans are to be told.
type Notice struct {
	ID         string            `json:"id"`
	At         *time.Time        `json:"at"`
	Kind       string            `json:"kind"`
	Subject    string            `json:"subject"`
	Details    map[string]string `json:"details"`
	What       Text              `json:"what"`
	Next       Text              `json:"next"`
	Deliveries []Delivery        `json:"deliveries"`
}

// Text says the same in two languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Delivery is how far a notice got on its way to one channel.
type Delivery struct {
	Channel  string     `json:"channel"`
	State    string     `json:"state"` // pending, sent or failed
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason"` // why the last attempt failed
	Due      *time.Time `json:"due"`    // when it is tried next
	Done     *time.Time `json:"done"`
}

// Platform is a third-party platform and how it stands.
type Platform struct {
	App         string         `json:"app"`
	AppID       string         `json:"appid"`
	Name        string         `json:"name"`
	TicketAt    *time.Time     `json:"ticket_at"`   // when the newest ticket arrived
	Grant       *Grant         `json:"grant"`       // the platform's own
	Authorizers map[string]int `json:"authorizers"` // accounts by state
}

// AuditHead is the head of the audit log.
type AuditHead struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // base64 of the Merkle tree's root hash
}

// Applied is what a manifest changed.
type Applied struct {
	Changes []Change                `json:"changes"`
	Keys    map[string]secret.Value `json:"keys"` // of the new clients by id, this once
}

// Change is one thing that a manifest changed, or would.
type Change struct {
	Op      string   `json:"op"`
	Kind    string   `json:"kind"`
	ID      string   `json:"id"`
	Fields  []string `json:"fields"`
	Warning string   `json:"warning"`
}

// Transfer is ownership on its way from one person to another.
type Transfer struct {
	ID      string     `json:"id"`
	Tenant  string     `json:"tenant"`
	Shop    string     `json:"shop"` // empty: the whole tenant
	From    string     `json:"from"` // person who becomes an operator; empty: nobody
	To      string     `json:"to"`   // person who becomes the owner
	By      string     `json:"by"`
	State   string     `json:"state"` // offered, noticed, done or stopped
	Created *time.Time `json:"created"`
	Due     *time.Time `json:"due"` // when an offer is over, or a notice is carried out
	Ended   *time.Time `json:"ended"`
}

// Visit is somebody of the provider entering a tenant.
type Visit struct {
	ID     string     `json:"id"`
	Admin  string     `json:"admin"`
	Reason string     `json:"reason"`
	At     *time.Time `json:"at"`
	Ends   *time.Time `json:"ends"`
}
