package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Names of the events that decide over credentials and people.
const (
	// NameTicket brings a platform its ticket, about every ten minutes.
	NameTicket = "component_verify_ticket"
	// NameAuthorized says that an account authorised the platform.
	NameAuthorized = "authorized"
	// NameUpdateAuthorized says that the permission sets changed. The access
	// token of before may end at once.
	NameUpdateAuthorized = "updateauthorized"
	// NameUnauthorized says that an account withdrew.
	NameUnauthorized = "unauthorized"
	// NameUserModified says that WeChat reset a person's name or picture.
	NameUserModified = "user_info_modified"
	// NameUserRevoked says that a person withdrew what they had agreed to:
	// what was revoked must be deleted.
	NameUserRevoked = "user_authorization_revoke"
	// NameUserCancelled says that a person closed the WeChat account: all that
	// is known of them must be deleted.
	NameUserCancelled = "user_authorization_cancellation"
)

// Ticket is a component_verify_ticket. It lives for 12 hours.
type Ticket struct {
	// ComponentAppID is the platform.
	ComponentAppID string
	// CreateTime is in seconds since 1970. The newest ticket is the one to use;
	// pushes are doubled and late.
	CreateTime int64
	// Value is the ticket.
	Value secret.Value
}

// Ticket returns the ticket of an event of that name, which must have been
// decoded from its message. The errors are [ErrOtherEvent] and [ErrIncomplete].
func (e *Event) Ticket() (Ticket, error) {
	t := Ticket{ComponentAppID: e.AppID, CreateTime: e.CreateTime, Value: e.secrets["ComponentVerifyTicket"]}
	if e.Name != NameTicket {
		return Ticket{}, ErrOtherEvent
	}
	if t.ComponentAppID == "" || t.CreateTime == 0 || t.Value.IsZero() {
		return Ticket{}, ErrIncomplete
	}
	return t, nil
}

// Authorization is an authorized or updateauthorized event. Apply it only if it
// is newer than what is known: events come doubled and out of order.
type Authorization struct {
	// ComponentAppID is the platform, AuthorizerAppID the account.
	ComponentAppID, AuthorizerAppID string
	// CreateTime is in seconds since 1970.
	CreateTime int64
	// Updated says that the account had authorised the platform before.
	Updated bool
	// Code is exchanged for the tokens, once.
	Code secret.Value
	// CodeExpires is when Code ends, the zero time if the event does not say
	// it in a form that can be read.
	CodeExpires time.Time
	// PreAuthCode is the platform's own code that the link carried; empty after
	// a purchase in the service market.
	PreAuthCode secret.Value
}

// Authorization returns what an event of these two names says. It must have
// been decoded from its message: the code is nowhere else. The errors are
// [ErrOtherEvent] and [ErrIncomplete].
func (e *Event) Authorization() (Authorization, error) {
	if e.Name != NameAuthorized && e.Name != NameUpdateAuthorized {
		return Authorization{}, ErrOtherEvent
	}
	m, err := e.members()
	if err != nil {
		return Authorization{}, err
	}
	a := Authorization{
		ComponentAppID: e.AppID, AuthorizerAppID: m["AuthorizerAppid"],
		CreateTime: e.CreateTime, Updated: e.Name == NameUpdateAuthorized,
		Code: e.secrets["AuthorizationCode"], PreAuthCode: e.secrets["PreAuthCode"],
		CodeExpires: e.expiry(m["AuthorizationCodeExpiredTime"]),
	}
	if a.ComponentAppID == "" || a.AuthorizerAppID == "" || a.CreateTime == 0 || a.Code.IsZero() {
		return Authorization{}, ErrIncomplete
	}
	return a, nil
}

// expiry reads a time that the page calls "seconds" and nothing more: a number
// beyond 10^9 can only be a moment, a smaller one only a span.
func (e *Event) expiry(text string) time.Time {
	sec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || sec <= 0 || sec > lastSecond {
		return time.Time{}
	}
	if sec <= 1e9 {
		sec += e.CreateTime
	}
	return time.Unix(sec, 0).UTC()
}

// Withdrawal is an unauthorized event.
type Withdrawal struct {
	// ComponentAppID is the platform, AuthorizerAppID the account.
	ComponentAppID, AuthorizerAppID string
	// CreateTime is in seconds since 1970.
	CreateTime int64
}

// Withdrawal returns what an event of that name says. The errors are
// [ErrOtherEvent] and [ErrIncomplete].
func (e *Event) Withdrawal() (Withdrawal, error) {
	if e.Name != NameUnauthorized {
		return Withdrawal{}, ErrOtherEvent
	}
	m, err := e.members()
	if err != nil {
		return Withdrawal{}, err
	}
	w := Withdrawal{ComponentAppID: e.AppID, AuthorizerAppID: m["AuthorizerAppid"], CreateTime: e.CreateTime}
	if w.ComponentAppID == "" || w.AuthorizerAppID == "" || w.CreateTime == 0 {
		return Withdrawal{}, ErrIncomplete
	}
	return w, nil
}

// UserChange is an event about a person who agreed to something. FromUserName
// of such an event is not the person.
type UserChange struct {
	// Name is one of the three: NameUserModified, NameUserRevoked,
	// NameUserCancelled.
	Name string
	// AppID is the app that the person used.
	AppID string
	// OpenID is the person in that app. Some user_info_modified events have
	// been seen without it.
	OpenID string
	// UnionID is the person across apps; often absent.
	UnionID string
	// RevokeInfo says what was revoked, by a number of the app's kind: 301 is
	// everything (websites and apps), 201 to 207 single items (pages in WeChat),
	// 1 to 20 single items (mini programs).
	RevokeInfo string
	// PluginID and OpenPID are set instead of OpenID if the person used a
	// plugin of a mini program.
	PluginID, OpenPID string
}

// UserChange returns what an event of these three names says. The errors are
// [ErrOtherEvent] and [ErrIncomplete].
func (e *Event) UserChange() (UserChange, error) {
	switch e.Name {
	case NameUserModified, NameUserRevoked, NameUserCancelled:
	default:
		return UserChange{}, ErrOtherEvent
	}
	m, err := e.members()
	if err != nil {
		return UserChange{}, err
	}
	c := UserChange{
		Name: e.Name, AppID: e.AppID, OpenID: m["OpenID"], UnionID: m["UnionID"],
		RevokeInfo: m["RevokeInfo"], PluginID: m["PluginID"], OpenPID: m["OpenPID"],
	}
	if c.OpenID == "" && c.OpenPID == "" && c.Name != NameUserModified {
		return UserChange{}, ErrIncomplete
	}
	return c, nil
}

// members returns the scalars of the body.
func (e *Event) members() (map[string]string, error) {
	var all map[string]any
	if err := json.Unmarshal(e.Body, &all); err != nil {
		return nil, fmt.Errorf("%w (its body is no JSON object)", ErrIncomplete)
	}
	m := make(map[string]string, len(all))
	for name, v := range all {
		if s, ok := v.(string); ok {
			m[name] = s
		}
	}
	return m, nil
}
