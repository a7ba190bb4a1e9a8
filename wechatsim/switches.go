package wechatsim

import (
	"slices"
	"strconv"
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
	// OmitErrcodeOnSuccess: stock/get leaves errcode out when all is well, as
	// some official samples do. Strict: true.
	OmitErrcodeOnSuccess bool `json:"omit_errcode_on_success"`
	// ErrcodeAsString: errors of /channels/ec/ carry errcode as a JSON string,
	// as one official sample does. False in both sets: turn it on to probe.
	ErrcodeAsString bool `json:"errcode_as_string"`
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
	// ReviewTakes: how long a product stays in review after listing; until
	// then its edit_status is 2. Strict: 1m.
	ReviewTakes Duration `json:"review_takes"`
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
		OrderSearchField:                    "orders",
		ReviewTakes:                         Duration(60e9),
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
		OrderIDAsNumber:         true,
		OrderSearchField:        "order_id_list",
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
	if w.ConsentDays < 0 {
		ps.add(path+".consent_days", "is negative", "use 0 to ask every time")
	}
	if w.TokenLength < 64 || w.TokenLength > 512 {
		ps.add(path+".token_length", "is "+strconv.Itoa(w.TokenLength), "use 64 to 512")
	}
	if w.CGITokenOverlap < 0 || w.ReviewTakes < 0 {
		ps.add(path, "holds a negative duration", "use \"0s\" or more for cgi_token_overlap and review_takes")
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
