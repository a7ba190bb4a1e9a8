package provider

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Platform is the part of WeChat that knows authorisers. Its calls must end when
// ctx ends. Failures are [*wechat.Error]; any other error counts as an unknown
// outcome.
type Platform interface {
	// Info tells who an account is and what it granted. Its errcode 61003 says that
	// the account did not authorise the platform.
	Info(ctx context.Context, app access.App, token secret.Value, appID string) (Info, error)
	// Exchange turns the code of an event into tokens. It is sent at most once.
	Exchange(ctx context.Context, app access.App, token, code secret.Value) (Pair, error)
	// LinkURL gives the page on which an account authorises the platform, with a
	// pre-authorisation code that it asks for.
	LinkURL(ctx context.Context, app access.App, token secret.Value, l grant.Link, back string, phone bool) (string, error)
	// List gives count authorisers from offset on.
	List(ctx context.Context, app access.App, token secret.Value, offset, count int) (Page, error)
	// StartTickets has WeChat push tickets again, and tells whether it did anyway.
	StartTickets(ctx context.Context, app access.App, appSecret secret.Value) (on bool, err error)
}

// Market is the part of WeChat that knows what was bought in the service market.
// An empty answer of either proves nothing.
type Market interface {
	// Bought tells until when an account has paid for a service, by specification.
	Bought(ctx context.Context, app access.App, token secret.Value, serviceID, appID string) ([]Paid, error)
	// Orders tells the newest orders of an account for a service.
	Orders(ctx context.Context, app access.App, token secret.Value, serviceID, appID string) ([]Paid, error)
}

// Info is what WeChat tells of an account.
type Info struct {
	Name    string // the account's own words: text of strangers
	Kind    Kind
	Status  Status
	Refresh secret.Value // may be empty, which proves nothing
	Sets    []int64      // permission sets granted, sorted; nil: not told
}

// Kind is what an account is, as far as it matters here.
type Kind int

// The kinds.
const (
	KindUnknown Kind = iota // WeChat did not say
	KindShop                // 微信小店
	KindOther               // something else
)

// Status is WeChat's word for the state of an account, e.g. "frozen"; "normal" or
// empty when there is nothing to say.
type Status string

// ordinary says that nobody need be told.
func (s Status) ordinary() bool { return s == "" || s == "normal" || s == "unknown" }

// Pair is what an exchange brings.
type Pair struct {
	AppID   string
	Access  secret.Value
	Expires time.Time
	Refresh secret.Value // empty when WeChat named none
	Sets    []int64      // nil: not told
}

// Page is a part of the list of authorisers.
type Page struct {
	Total    int // accounts on the whole list
	Rows     int // entries of this page, also those that name no account
	Accounts []Listed
}

// Listed is an account on the list.
type Listed struct {
	AppID        string
	Refresh      secret.Value // sometimes missing
	AuthorisedAt time.Time    // zero: not told
}

// Paid is a specification of a service, paid for until a time.
type Paid struct {
	Spec    string
	OrderID string    // of [Market.Orders]
	Until   time.Time // zero: not told
}
