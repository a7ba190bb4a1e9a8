package wechatsim

import (
	"slices"
	"strconv"
	"time"
)

// Switches names every fact about WeChat that is undocumented, doubtful or
// told in two ways, so that a program can be tried against both sides.
//
// [StrictSwitches] is the side that asks more of a program; where neither side
// does, it is the side of the official sample. [LenientSwitches] is the other
// side of each. Run your tests with both.
type Switches struct {
	// AnyParameterOrder: the parameters of the authorize link may come in any
	// order. An older page says that a strict pattern checks them; several
	// SDKs send another order. Strict: false.
	AnyParameterOrder bool `json:"any_parameter_order"`
	// AcceptConnectRedirect: the undocumented connect_redirect=1, which many
	// SDKs append to the authorize link, is accepted. Strict: false.
	AcceptConnectRedirect bool `json:"accept_connect_redirect"`
	// StateRequired: an authorize link without state shows error 10013.
	// The parameter table calls state optional. Strict: true.
	StateRequired bool `json:"state_required"`
	// StateDashes: '-' and '_' are accepted in state, as some report.
	// The documented set is a-zA-Z0-9. Strict: false.
	StateDashes bool `json:"state_dashes"`
	// RefusalCallback: what a refusal sends to the redirect_uri. "none": the
	// page stays and nobody is told; "state_only": a redirect without code.
	RefusalCallback string `json:"refusal_callback"`
	// ConsentDays: for so many days after a consent, snsapi_userinfo is silent
	// for the same person and app. 0 asks every time. Both sets: 30.
	ConsentDays int `json:"consent_days"`
	// SnapshotOpenIDReal: an answer flagged is_snapshotuser carries the
	// person's real openid and unionid instead of virtual ones. Strict: true,
	// since a program that ignores the flag then logs somebody in.
	SnapshotOpenIDReal bool `json:"snapshot_openid_real"`
	// BaseUnionIDAfterConsent: a snsapi_base exchange carries the unionid if
	// the person consented to snsapi_userinfo before. Strict: false.
	BaseUnionIDAfterConsent bool `json:"base_unionid_after_consent"`
	// BaseLoginEndsUserinfoPair: a snsapi_base exchange ends an earlier
	// snsapi_userinfo pair of the same person, both tokens. Strict: true.
	BaseLoginEndsUserinfoPair bool `json:"base_login_ends_userinfo_pair"`
	// NewAuthorisationEndsOldRefreshToken: any other new exchange ends the
	// person's earlier refresh tokens for the app; their access tokens live
	// on to their own end. Strict: true.
	NewAuthorisationEndsOldRefreshToken bool `json:"new_authorisation_ends_old_refresh_token"`
	// RefreshTokenRotates: each refresh returns a new refresh token and ends
	// the one that was sent. Its 30 days still count from the exchange.
	// Strict: true.
	RefreshTokenRotates bool `json:"refresh_token_rotates"`
	// UsedCode is the errcode for a code that was exchanged: 40163 or 40029.
	UsedCode int `json:"used_code"`
	// ExpiredCode is the errcode for an expired code: 40029 or 42003.
	ExpiredCode int `json:"expired_code"`
	// ExpiredRefreshCode is the errcode for a refresh token after its 30
	// days: 42002 or 40030.
	ExpiredRefreshCode int `json:"expired_refresh_code"`
	// WithdrawnAccessCode answers an access token whose person withdrew:
	// 40001, 42007, 50001 or 50002. Nothing is documented.
	WithdrawnAccessCode int `json:"withdrawn_access_code"`
	// WithdrawnRefreshCode answers a refresh token whose person withdrew:
	// 40030, 42002, 42007 or 50002. Nothing is documented.
	WithdrawnRefreshCode int `json:"withdrawn_refresh_code"`
	// ClosedCode answers any token of a person who closed the account:
	// 50002, 40003 or 42007.
	ClosedCode int `json:"closed_code"`
	// WrongSecretCode is the errcode for a wrong AppSecret: 40001, 40125, or
	// 0 for what each page documents (/cgi-bin/token 40001, others 40125).
	WrongSecretCode int `json:"wrong_secret_code"`
	// SecretResetEndsTokens: the reset of an AppSecret ends the tokens that were
	// had with it. Nothing is documented. False in both sets: turn it on to probe.
	SecretResetEndsTokens bool `json:"secret_reset_ends_tokens"`
	// SNSAllowlist: the IP allowlist of a service account covers /sns/ too.
	// The wording "all server calls" includes it. Strict: true.
	SNSAllowlist bool `json:"sns_allowlist"`
	// ServiceAllowlistCode is the errcode for a service account's unlisted
	// IP: 40164 or 61004.
	ServiceAllowlistCode int `json:"service_allowlist_code"`
	// ShopIPRefusal is how a shop's IP allowlist refuses: "403" (a bare HTTP
	// 403), "45035" or "61004" (an errcode in JSON).
	ShopIPRefusal string `json:"shop_ip_refusal"`
	// CGITokenOverlap: how long the predecessor of a /cgi-bin/token token
	// still works. Documented as about five minutes. Strict: 0s.
	CGITokenOverlap Duration `json:"cgi_token_overlap"`
	// SNSContentType is the Content-Type of /sns/ answers: "text/plain"
	// (observed) or "application/json; encoding=utf-8".
	SNSContentType string `json:"sns_content_type"`
	// RawNickname: control characters in nicknames are sent as raw bytes,
	// which is not valid JSON but has been seen. Strict: true.
	RawNickname bool `json:"raw_nickname"`
	// TokenLength is the length of access and refresh tokens in characters,
	// 64 to 512. Documentation says to reserve 512. Strict: 512.
	TokenLength int `json:"token_length"`
	// LastPageNextKey: the last page of a list still carries a next_key, and
	// the page behind it is empty. Strict: true.
	LastPageNextKey bool `json:"last_page_next_key"`
	// OmitErrcodeOnSuccess: stock/get, funds/getbalance and
	// merchant/address/list leave errcode out when all is well, as some
	// official samples do. Strict: true.
	OmitErrcodeOnSuccess bool `json:"omit_errcode_on_success"`
	// ErrcodeAsString: errors of /channels/ec/ carry errcode as a JSON string,
	// as one official sample does. False in both sets: turn it on to probe.
	ErrcodeAsString bool `json:"errcode_as_string"`
	// QualificationErrcodeAsString: qualification/upload writes errcode as the
	// string "0", as its sample does. Strict: true.
	QualificationErrcodeAsString bool `json:"qualification_errcode_as_string"`
	// ProductIDsSwapped: product/add answers product_id as a string, and
	// product/get writes product_id and qua_id as numbers. Their samples show
	// it the other way round. Strict: false.
	ProductIDsSwapped bool `json:"product_ids_swapped"`
	// BlockStatusAsBool: product/getauditquota writes block_status as false, as
	// an older copy does, instead of 0. Strict: false.
	BlockStatusAsBool bool `json:"block_status_as_bool"`
	// CouponIDsAsNumbers: coupon/get_list writes coupon_id as a number, as its
	// table says, instead of a string. Strict: false.
	CouponIDsAsNumbers bool `json:"coupon_ids_as_numbers"`
	// StockUpdatesPerSecond: more updates of one sku in a clock second answer
	// 10020112; 0 never. What the platform allows is not told. Both sets: 0.
	StockUpdatesPerSecond int `json:"stock_updates_per_second"`
	// OrderIDAsNumber: order/get writes order_id as a JSON number, as the
	// newest table says; the sample shows a string. Strict: false.
	OrderIDAsNumber bool `json:"order_id_as_number"`
	// OrderListNeedsBothRanges: order/list/get wants both time ranges, as its
	// table says, although the text asks for one. False in both sets, because
	// nobody could follow old orders with it: turn it on to probe.
	OrderListNeedsBothRanges bool `json:"order_list_needs_both_ranges"`
	// OrderSearchField is the name of the id list in order/search's answer:
	// "orders" (sample) or "order_id_list" (table).
	OrderSearchField string `json:"order_search_field"`
	// ComponentTokenParameter is the query parameter that carries a component
	// token: "access_token" (newest pages), "component_access_token" (older
	// pages, most SDKs) or "both". Strict: access_token.
	ComponentTokenParameter string `json:"component_token_parameter"`
	// ComponentTokenEndsPrevious: api_component_token ends the token it gave
	// before. Nothing is documented. Strict: true.
	ComponentTokenEndsPrevious bool `json:"component_token_ends_previous"`
	// PreAuthCodeLife is the life of a pre_auth_code: 600s (sample) or 1800s
	// (text); the answer tells it. Strict: 600s.
	PreAuthCodeLife Duration `json:"pre_auth_code_life"`
	// AuthCodeReusable: an authorisation code can be exchanged until its end.
	// Strict: false, once only.
	AuthCodeReusable bool `json:"auth_code_reusable"`
	// AuthCodeExpiryIsMoment: AuthorizationCodeExpiredTime of an event is a
	// moment in Unix seconds, as seen; otherwise a span. Strict: true.
	AuthCodeExpiryIsMoment bool `json:"auth_code_expiry_is_moment"`
	// AuthorizerRefreshTokenRotates: api_authorizer_token gives a new refresh
	// token each time; the old one works 5 more minutes. Pages and reports
	// disagree. Strict: true.
	AuthorizerRefreshTokenRotates bool `json:"authorizer_refresh_token_rotates"`
	// AuthorizerTokenOverlap: how long the predecessor of an authorizer token
	// still works; reported are five minutes. Strict: 0s.
	AuthorizerTokenOverlap Duration `json:"authorizer_token_overlap"`
	// ReauthorisationEndsAccess: when an account authorises again, its present
	// authorizer token ends at once. Strict: true.
	ReauthorisationEndsAccess bool `json:"reauthorisation_ends_access"`
	// AuthURLEditEndsRefreshTokens: an edit of a component's auth_url gives
	// all its accounts new refresh tokens, as one report says. Strict: true.
	AuthURLEditEndsRefreshTokens bool `json:"auth_url_edit_ends_refresh_tokens"`
	// FreshGrantRefusals: after a new authorisation so many calls of
	// api_authorizer_token answer 61003, and so many calls on behalf of the
	// account answer 61007, for no reason. Strict: 1.
	FreshGrantRefusals int `json:"fresh_grant_refusals"`
	// SetNotGrantedCode answers a call on behalf of a shop that did not grant
	// the permission set of the path: 61007 or 48001.
	SetNotGrantedCode int `json:"set_not_granted_code"`
	// ListOmitsRefreshToken: in every so-many-th row of
	// api_get_authorizer_list, counted over all calls, refresh_token is
	// missing. 0: never. Strict: 10.
	ListOmitsRefreshToken int `json:"list_omits_refresh_token"`
	// LoseAuthorized: the event authorized is never sent. False in both sets:
	// turn it on to see a shop that came without a word.
	LoseAuthorized bool `json:"lose_authorized"`
	// MarketCodeLife is the life of the code of 去使用. Nothing is documented.
	// Strict: 5m.
	MarketCodeLife Duration `json:"market_code_life"`
	// MarketCodeReusable: login_auth takes a code more than once. Strict: false.
	MarketCodeReusable bool `json:"market_code_reusable"`
	// MarketIDsAsStrings: the market writes order_id and service_id as
	// strings, as an SDK models them. Strict: false, numbers above 2^53.
	MarketIDsAsStrings bool `json:"market_ids_as_strings"`
	// MarketWrongTokenEmpty: market lists answer errcode 0 and an empty list
	// to a token that is no component's, instead of 48001. Strict: true.
	MarketWrongTokenEmpty bool `json:"market_wrong_token_empty"`
	// TrialBuyersMissing: get_service_buyer and its list leave out packages of
	// price 0, as some report. Strict: true.
	TrialBuyersMissing bool `json:"trial_buyers_missing"`
	// ReviewTakes: how long a product stays in review after listing; until
	// then its edit_status is 2. Strict: 1m.
	ReviewTakes Duration `json:"review_takes"`

	// TicketEvery: how often a platform gets a ticket. Documented as about ten
	// minutes. Both sets: 10m.
	TicketEvery Duration `json:"ticket_every"`
	// TicketStopAfter: after so many bad answers of the authorisation URL in a
	// row the tickets stop. The page on missing tickets tells of an alarm at 15
	// bad answers; when they stop is not told. Both sets: 15.
	TicketStopAfter int `json:"ticket_stop_after"`
	// AuthEventRetries: how often an authorisation event is pushed again after
	// a bad answer, by the first delays of a shop's plan. Nothing is
	// documented. Strict: 0.
	AuthEventRetries int `json:"auth_event_retries"`
	// PushTimeout: how long a server may take to answer a push or a URL check,
	// in real time. Documented as 5 s; suppliers have 3 s. Both sets: 5s.
	PushTimeout Duration `json:"push_timeout"`
	// PushSignedAnew: each try of a push has a timestamp, a nonce and random
	// bytes of its own, so no two tries look alike. Otherwise a retry is the
	// same request again. Nothing is documented. Strict: true.
	PushSignedAnew bool `json:"push_signed_anew"`
	// PushParallel: how many pushes are under way at a time. 1 keeps them in
	// order. Both sets: 1.
	PushParallel int `json:"push_parallel"`
	// ComponentURLCheck: the console checks the URLs of a platform with a GET,
	// as it does for shops. The pages on platforms do not tell. Strict: true.
	ComponentURLCheck bool `json:"component_url_check"`
	// UserEventUnionID: events about a person carry the UnionID where there is
	// one. It may be missing, says the page. Strict: false.
	UserEventUnionID bool `json:"user_event_unionid"`
}

// StrictSwitches returns the default set.
func StrictSwitches() Switches {
	return Switches{
		StateRequired:                       true,
		RefusalCallback:                     "none",
		ConsentDays:                         30,
		SnapshotOpenIDReal:                  true,
		BaseLoginEndsUserinfoPair:           true,
		NewAuthorisationEndsOldRefreshToken: true,
		RefreshTokenRotates:                 true,
		UsedCode:                            40163,
		ExpiredCode:                         40029,
		ExpiredRefreshCode:                  42002,
		WithdrawnAccessCode:                 40001,
		WithdrawnRefreshCode:                40030,
		ClosedCode:                          50002,
		SNSAllowlist:                        true,
		ServiceAllowlistCode:                40164,
		ShopIPRefusal:                       "403",
		SNSContentType:                      "text/plain",
		RawNickname:                         true,
		TokenLength:                         512,
		LastPageNextKey:                     true,
		OmitErrcodeOnSuccess:                true,
		QualificationErrcodeAsString:        true,
		OrderSearchField:                    "orders",
		ReviewTakes:                         Duration(60e9),

		ComponentTokenParameter:       "access_token",
		ComponentTokenEndsPrevious:    true,
		PreAuthCodeLife:               Duration(600e9),
		AuthCodeExpiryIsMoment:        true,
		AuthorizerRefreshTokenRotates: true,
		ReauthorisationEndsAccess:     true,
		AuthURLEditEndsRefreshTokens:  true,
		FreshGrantRefusals:            1,
		SetNotGrantedCode:             61007,
		ListOmitsRefreshToken:         10,
		MarketCodeLife:                Duration(300e9),
		MarketWrongTokenEmpty:         true,
		TrialBuyersMissing:            true,

		TicketEvery:       Duration(600e9),
		TicketStopAfter:   15,
		PushTimeout:       Duration(5e9),
		PushSignedAnew:    true,
		PushParallel:      1,
		ComponentURLCheck: true,
	}
}

// LenientSwitches returns the other side of each doubtful fact.
func LenientSwitches() Switches {
	return Switches{
		AnyParameterOrder:       true,
		AcceptConnectRedirect:   true,
		StateDashes:             true,
		RefusalCallback:         "state_only",
		ConsentDays:             30,
		BaseUnionIDAfterConsent: true,
		UsedCode:                40029,
		ExpiredCode:             42003,
		ExpiredRefreshCode:      40030,
		WithdrawnAccessCode:     50001,
		WithdrawnRefreshCode:    42002,
		ClosedCode:              40003,
		WrongSecretCode:         40125,
		ServiceAllowlistCode:    61004,
		ShopIPRefusal:           "45035",
		CGITokenOverlap:         Duration(300e9),
		SNSContentType:          "application/json; encoding=utf-8",
		TokenLength:             136,
		ProductIDsSwapped:       true,
		BlockStatusAsBool:       true,
		CouponIDsAsNumbers:      true,
		OrderIDAsNumber:         true,
		OrderSearchField:        "order_id_list",

		ComponentTokenParameter: "both",
		PreAuthCodeLife:         Duration(1800e9),
		AuthCodeReusable:        true,
		AuthorizerTokenOverlap:  Duration(300e9),
		SetNotGrantedCode:       48001,
		MarketCodeLife:          Duration(7200e9),
		MarketCodeReusable:      true,
		MarketIDsAsStrings:      true,

		TicketEvery:      Duration(600e9),
		TicketStopAfter:  15,
		AuthEventRetries: 9,
		PushTimeout:      Duration(5e9),
		PushParallel:     1,
		UserEventUnionID: true,
	}
}

// check adds a problem for every switch with a value outside its list.
func (w *Switches) check(path string, ps *problems) {
	oneOf(ps, path+".refusal_callback", w.RefusalCallback, "none", "state_only")
	oneOf(ps, path+".used_code", w.UsedCode, 40163, 40029)
	oneOf(ps, path+".expired_code", w.ExpiredCode, 40029, 42003)
	oneOf(ps, path+".expired_refresh_code", w.ExpiredRefreshCode, 42002, 40030)
	oneOf(ps, path+".withdrawn_access_code", w.WithdrawnAccessCode, 40001, 42007, 50001, 50002)
	oneOf(ps, path+".withdrawn_refresh_code", w.WithdrawnRefreshCode, 40030, 42002, 42007, 50002)
	oneOf(ps, path+".closed_code", w.ClosedCode, 50002, 40003, 42007)
	oneOf(ps, path+".wrong_secret_code", w.WrongSecretCode, 0, 40001, 40125)
	oneOf(ps, path+".service_allowlist_code", w.ServiceAllowlistCode, 40164, 61004)
	oneOf(ps, path+".shop_ip_refusal", w.ShopIPRefusal, "403", "45035", "61004")
	oneOf(ps, path+".sns_content_type", w.SNSContentType, "text/plain", "application/json; encoding=utf-8")
	oneOf(ps, path+".order_search_field", w.OrderSearchField, "orders", "order_id_list")
	w.checkPlatform(path, ps)
	if w.ConsentDays < 0 {
		ps.add(path+".consent_days", "is negative", "use 0 to ask every time")
	}
	if w.TokenLength < 64 || w.TokenLength > 512 {
		ps.add(path+".token_length", "is "+strconv.Itoa(w.TokenLength), "use 64 to 512")
	}
	if w.CGITokenOverlap < 0 || w.ReviewTakes < 0 {
		ps.add(path, "holds a negative duration", "use \"0s\" or more for cgi_token_overlap and review_takes")
	}
	w.checkPush(path, ps)
}

func (w *Switches) checkPush(path string, ps *problems) {
	if w.TicketEvery.Std() < time.Second {
		ps.add(path+".ticket_every", "is shorter than a second", "write at least \"1s\"; WeChat takes \"10m\"")
	}
	if w.PushTimeout.Std() <= 0 || w.PushTimeout.Std() > time.Minute {
		ps.add(path+".push_timeout", "is out of range", "write more than \"0s\" and at most \"1m\"; WeChat waits \"5s\"")
	}
	if w.TicketStopAfter < 1 || w.PushParallel < 1 || w.PushParallel > maxParallel || w.AuthEventRetries < 0 || w.AuthEventRetries > 9 {
		ps.add(path, "holds a number out of range", "use 1 or more for ticket_stop_after, 1 to 256 for push_parallel and 0 to 9 for auth_event_retries")
	}
}

func (w *Switches) checkPlatform(path string, ps *problems) {
	oneOf(ps, path+".component_token_parameter", w.ComponentTokenParameter, "access_token", "component_access_token", "both")
	oneOf(ps, path+".set_not_granted_code", w.SetNotGrantedCode, 61007, 48001)
	if w.PreAuthCodeLife.Std() < time.Second || w.MarketCodeLife.Std() < time.Second || w.AuthorizerTokenOverlap < 0 {
		ps.add(path, "holds a life that is too short", "use \"1s\" or more for pre_auth_code_life and market_code_life, and \"0s\" or more for authorizer_token_overlap")
	}
	if min(w.FreshGrantRefusals, w.ListOmitsRefreshToken, w.StockUpdatesPerSecond) < 0 {
		ps.add(path, "holds a negative number", "use 0 or more for fresh_grant_refusals, list_omits_refresh_token and stock_updates_per_second")
	}
}

// oneOf adds a problem unless got is one of allowed.
func oneOf[T string | int](ps *problems, path string, got T, allowed ...T) {
	if !slices.Contains(allowed, got) {
		ps.addf(path, "is %v", "use one of %v", got, allowed)
	}
}

// Switches returns the switches in force.
func (s *Sim) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sw
}

// SetSwitches changes the switches: change receives a copy of those in force
// and must not call the Sim. A value outside a switch's list is an error and changes nothing.
func (s *Sim) SetSwitches(change func(*Switches)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.sw
	change(&next)
	var ps problems
	next.check("$", &ps)
	if err := ps.err(); err != nil {
		return err
	}
	s.sw = next
	return nil
}
