package grant

// Cause says why a grant is not active, or why the last try to renew it failed. It is
// kept with the grant, told in notices and shown, so the words stay as they are. The
// alias keeps it a text in rows, details and answers.
type Cause = string

// What became of a request.
const (
	CauseUnknown    Cause = "outcome_unknown"   // asked, and no answer was read
	CauseNotSent    Cause = "not_sent"          // nothing left this machine
	CauseMalformed  Cause = "malformed_answer"  // the answer makes no sense
	CauseOddCode    Cause = "unknown_errcode"   // nobody knows WeChat's errcode
	CauseUnreadable Cause = "secret_unreadable" // the vault cannot open what is kept
	CauseUnsealed   Cause = "seal_failed"       // the vault cannot seal the answer
	CauseStranger   Cause = "other_person"      // the answer names another openid
)

// Limits of WeChat's, and its being busy: they end by themselves.
const (
	CauseBusy        Cause = "busy"
	CauseSecondLimit Cause = "second_limit"
	CauseMinuteLimit Cause = "minute_limit"
	CauseDayLimit    Cause = "day_limit"
	CauseLimit       Cause = "limit" // another one
)

// What an operator, or the account's administrator, mends at WeChat.
const (
	CauseSecretWrong    Cause = "secret_wrong"
	CauseSecretFrozen   Cause = "secret_frozen"
	CauseAppIDWrong     Cause = "appid_wrong"
	CauseIPNotListed    Cause = "ip_not_listed"
	CauseIPUnconfirmed  Cause = "ip_unconfirmed" // the administrator is asked whether our address is good
	CauseIPRefused      Cause = "ip_refused"     // and said no
	CauseAccountLimited Cause = "account_limited"
	CauseAPIForbidden   Cause = "api_forbidden"
	CauseSetting        Cause = "setting"       // an errcode of which only the class is known
	CauseBlocked        Cause = "blocked"       // likewise
	CauseRequestWrong   Cause = "request_wrong" // likewise
	CauseAwaitsSecret   Cause = "awaits_secret" // somebody replaces the AppSecret; the new one is still to come
)

// What a third-party platform lacks, and the grants that rest on it.
const (
	CauseAwaitsTicket         Cause = "awaits_ticket" // the platform is new; WeChat pushes every ten minutes
	CauseNoTicket             Cause = "no_ticket"     // WeChat has pushed none so far
	CauseTicketExpired        Cause = "ticket_expired"
	CauseTicketInvalid        Cause = "ticket_invalid"
	CausePlatform             Cause = "platform_token"         // the platform's token cannot be had
	CausePlatformTokenRefused Cause = "platform_token_refused" // WeChat does not take it
	CausePlatformIP           Cause = "platform_ip"            // the platform's own list lacks our address
)

// How an authorisation ends, or is found again.
const (
	CauseEnded           Cause = "refresh_expired" // the 30 days are over
	CauseInvalid         Cause = "refresh_invalid" // WeChat knows no other refresh token
	CauseFound           Cause = "refresh_found"   // WeChat named another refresh token; it is kept
	CausePasswordChanged Cause = "password_changed"
	CauseUnauthorized    Cause = "unauthorized"             // the account withdrew
	CauseUnconfirmed     Cause = "unauthorized_unconfirmed" // WeChat says so, and elsewhere the contrary
)

// What the keeper itself holds back, or finds out by asking.
const (
	CauseAsleep      Cause = "asleep"                 // active, and not renewed until somebody uses it
	CauseForcesSpent Cause = "forced_refreshes_spent" // a revoked grant waits for the ledger
	CauseDoubtful    Cause = "token_refused"          // a proof of the kept token failed
)
