// Package notice says what a human must be told, as values. A notice is
// written in the transaction of the change that caused it, so that none is
// lost and none is told of a change that did not happen. Each notice is owed to
// each channel that is configured: a [Delivery]. Sending is somebody else's work.
//
// A notice holds no prose, no secret and no personal data. Its words are in one
// table, in English and Chinese, by its [Kind]: see [Kind.Words].
package notice

import (
	"slices"
	"time"
)

// Kind names a cause, one for each thing a human can do something about.
type Kind string

// The kinds of notice.
const (
	GrantNeedsOwner  Kind = "grant.needs_owner"       // an owner must authorise again
	GrantStopped     Kind = "grant.stopped"           // an operator must mend a setting
	GrantFailing     Kind = "grant.failing"           // a token was not renewed several times; it is asked for again
	GrantHealed      Kind = "grant.healed"            // a grant told of before works again
	GrantExpiring    Kind = "grant.expiring"          // a user grant nears the end of its 30 days
	GrantRevoked     Kind = "grant.revoked"           // somebody ended a grant
	GrantDoubtful    Kind = "grant.doubtful"          // WeChat renews a token and refuses it in calls
	GrantKilled      Kind = "grant.killed"            // the tokens of a revoked grant are ended at WeChat too
	GrantNotKilled   Kind = "grant.not_killed"        // they could not be ended so far
	ClockBack        Kind = "clock.back"              // the clock runs behind what the store has seen
	ClockSkew        Kind = "clock.skew"              // the clock differs from WeChat's
	ClockHealed      Kind = "clock.healed"            // the clock is right again
	AuditBroken      Kind = "audit.broken"            // the log does not verify
	OwnerClaim       Kind = "member.claim"            // somebody asks to become an owner beside others
	NewOwner         Kind = "member.owner"            // somebody became an owner
	OwnerTransfer    Kind = "member.transfer"         // the server's operator makes somebody the owner, a day from now
	StaffVisit       Kind = "staff.visit"             // somebody of the provider entered a tenant
	TicketMissing    Kind = "platform.ticket_missing" // WeChat pushed no ticket for half an hour
	TicketBack       Kind = "platform.ticket_back"    // tickets come again
	SetsMissing      Kind = "shop.sets_missing"       // a shop did not grant what is needed
	AccountState     Kind = "shop.account_state"      // WeChat froze, banned, warned or closed a shop's account
	NotAdopted       Kind = "shop.not_adopted"        // a shop authorised the platform, and its tokens are not here
	SubscriptionOff  Kind = "subscription.off"        // a client's webhook said that it is gone
	NamedCall        Kind = "client.named_call"       // a client calls a path that moves money or shows personal data
	TokenExported    Kind = "client.token_export"     // a client fetched a shop's access token itself
	SessionStolen    Kind = "session.stolen"          // a login ended because its token seems to be in two hands
	NewDevice        Kind = "session.new_device"      // a person logged in with a browser that was not seen before
	QuotaLow         Kind = "quota.low"               // a daily quota of a shop runs dry today
	LoginDenied      Kind = "login.denied"            // somebody was asked to approve a login that they did not begin
	RefreshFailing   Kind = "refresh.failing"         // WeChat renews no tokens of an app, or few
	PushRefused      Kind = "push.refused"            // what WeChat pushes is refused more than now and then
	EndpointErrors   Kind = "endpoint.errors"         // a group of paths fails much more than usual
	LoginFailing     Kind = "login.failing"           // logins fail much more than usual
	CallbackRefused  Kind = "callback.refused"        // callbacks are refused much more than usual
	TokenStranger    Kind = "token.stranger"          // somebody else refreshes a token of ours
	KeyOld           Kind = "key.old"                 // a key or secret should be rotated
	APIChanged       Kind = "api.changed"             // WeChat changes an API that a client uses
	ReviewDue        Kind = "review.due"              // the review of who may do what is due
	GrantOld         Kind = "grant.old"               // an authorisation is older than it may become
	WeChatAway       Kind = "wechat.away"             // WeChat cannot be reached
	StoreFailing     Kind = "store.failing"           // tokens cannot be stored
	DiskLow          Kind = "disk.low"                // the disk of the data directory is nearly full
	ChannelFailing   Kind = "channel.failing"         // a channel takes no messages
	CheckpointUnsent Kind = "audit.unsent"            // signed heads of the audit log do not reach their other place
	AlertOver        Kind = "alert.over"              // what was told of before is over
	Test             Kind = "notice.test"             // an operator tries the channels
)

// Kinds lists every kind.
func Kinds() []Kind {
	all := make([]Kind, 0, len(words))
	for k := range words {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// Notice is one thing to tell. Text is written by whoever sends it, from Kind
// and Details.
type Notice struct {
	At      time.Time
	Kind    Kind
	Subject string            // e.g. "grant:g_x"
	Details map[string]string // errcode, cause, day…
}
