package access

import (
	"net/netip"
	"time"
)

// Door is the way a person logged in.
type Door string

// The doors.
const (
	DoorWeChat Door = "wechat" // in WeChat's own browser, connect/oauth2/authorize
	DoorQR     Door = "qr"     // on a PC: connect/qrconnect, or a QR code of ours that a phone approved
	DoorKey    Door = "key"    // an administrator's key
	DoorStaff  Door = "staff"  // staff of the provider, through their company
	DoorMarket Door = "market" // 去使用 in the service market: names a shop, not a human
	DoorMini   Door = "mini"   // in the web-view of a mini program, jscode2session
)

// Identity is how WeChat names a person to one app. (App, OpenID) is the key.
type Identity struct {
	App      string // our app id
	OpenID   string
	UnionID  string // as last answered by WeChat; may be empty and may change
	PersonID string
	SeenAt   time.Time // when WeChat last named this person
}

// Profile is what WeChat tells of a person's face and name. It lives in a row
// of its own that can be deleted.
type Profile struct {
	PersonID  string
	Nickname  string
	AvatarURL string
	UpdatedAt time.Time
}

// Person is a human as others see them: our random id, the profile if there is
// one, and the roles held.
type Person struct {
	ID      string
	Profile Profile
	Members []Member
}

// Session is a login with us. The browser holds a random token; we hold its
// SHA-256.
type Session struct {
	ID        string // public, random; for lists and revocation
	TokenHash []byte
	PersonID  string // one of PersonID, AdminID and ShopID is set
	AdminID   string
	// ShopID and Role are all that is known of somebody who came from the
	// service market.
	ShopID    string
	Role      Role
	App       string // our id of the app that proved the person or named the shop; empty for administrators
	Door      Door
	CreatedAt time.Time
	SeenAt    time.Time // last use, kept to the minute
	ProvedAt  time.Time // when WeChat last named the person
	ExpiresAt time.Time // absolute end
	IdleLimit time.Duration
	EndedAt   time.Time // zero while live
	EndedWhy  string
	Device    string // a short description from the user agent, e.g. "微信 · Android"
	// Parent is the session that it hangs on; it ends with it. Empty: it is a login.
	Parent string
	// Host is the protected host that it is a session of, e.g. "erp.example.com",
	// with its port on loopback. Empty: our own.
	Host    string
	Address string // network prefix of the last use (/24, /48); may be empty
	System  string // family of the system at login, a fixed word; may be empty
	// Previous is the hash of the token before the last rotation, RotatedAt the
	// time of that; both are zero before the first.
	Previous  []byte
	RotatedAt time.Time
	// ReplacedAt is when the token of the last rotation was used first; zero
	// before. Until then the browser may have missed it.
	ReplacedAt time.Time
	// ToldAt is when somebody was told that the device of this login is a new one;
	// zero: the browser was known, or is the person's first.
	ToldAt time.Time
}

// Live tells whether the session counts at now.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Before(s.SeenAt.Add(s.IdleLimit))
}

// Network gives the network that an address is of, as sessions keep it: IPv4 /24 or
// IPv6 /48. An invalid address gives "".
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}

// SessionUse is a use of a session.
type SessionUse struct {
	Session string // its id
	At      time.Time
	Address string // network prefix that it came from; empty: keep what is known
	// Token is the hash of the token of the last rotation, if it was used with that
	// one and nobody said so before; empty otherwise.
	Token []byte
}

// SessionRotation gives a session another token.
type SessionRotation struct {
	Session string // its id
	Current []byte // hash of the token that it has
	Used    []byte // hash of the one that the browser holds: Current, or the one before if the browser missed that
	Token   []byte // hash of the new one
	At      time.Time
}

// SessionFilter picks sessions to end. Fields that are set must all match; a
// filter with no field set matches nothing.
type SessionFilter struct {
	ID       string
	PersonID string
	AdminID  string
	ShopID   string // those that came from the service market into this shop
	Parent   string // those that hang on this session
	// NotID spares one session and those that hang on it, for "end all my other
	// sessions".
	NotID string
	Why   string // recorded with each ended session
}

// Consent records that a person accepted what we ask and why (授权说明).
type Consent struct {
	PersonID string
	App      string
	TenantID string
	Version  string // version of the text that was shown
	At       time.Time
}
