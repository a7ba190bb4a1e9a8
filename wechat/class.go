package wechat

// Class says what to do about an errcode.
type Class int

// The classes. The zero class is the careful one.
const (
	// ClassUnknown: nobody told us this code. Keep every token and session
	// as it is, tell a human.
	ClassUnknown Class = iota
	// ClassOK: not an error.
	ClassOK
	// ClassRetry: wait and repeat, if repeating is harmless.
	ClassRetry
	// ClassSlow: a limit was reached; wait for the next period.
	ClassSlow
	// ClassRefreshToken: get a newer access token once, then repeat once.
	ClassRefreshToken
	// ClassReauthorise: only a human's new login or grant helps.
	ClassReauthorise
	// ClassRecover: ask WeChat for the state of the authorisation before
	// believing that it ended.
	ClassRecover
	// ClassTicket: the platform needs a newer component_verify_ticket.
	ClassTicket
	// ClassOperator: configuration; a human with console rights is needed.
	ClassOperator
	// ClassUser: the person must do something in WeChat.
	ClassUser
	// ClassCaller: the request is wrong and will stay so.
	ClassCaller
	// ClassScope: a permission is missing, or the wrong kind of token was used.
	ClassScope
	// ClassBlocked: WeChat limits the account or the API; stop trying.
	ClassBlocked
)

// classNames are the words of errcodes.tsv, by class.
var classNames = [...]string{
	ClassUnknown: "unknown", ClassOK: "ok", ClassRetry: "retry", ClassSlow: "slow",
	ClassRefreshToken: "refresh-token", ClassReauthorise: "reauthorise", ClassRecover: "recover",
	ClassTicket: "ticket", ClassOperator: "operator", ClassUser: "user", ClassCaller: "caller",
	ClassScope: "scope", ClassBlocked: "blocked",
}

// classActions say in one sentence what a program does.
var classActions = [...]string{
	ClassUnknown:      "delete nothing, keep tokens and sessions, tell a human",
	ClassOK:           "go on",
	ClassRetry:        "back off and repeat, only if repeating is harmless",
	ClassSlow:         "stop this path until the limit's period is over",
	ClassRefreshToken: "get a newer access token once, then repeat once",
	ClassReauthorise:  "send the human through authorisation again",
	ClassRecover:      "ask WeChat for the state of the authorisation, then decide",
	ClassTicket:       "wait for a newer ticket and ask for the push to start",
	ClassOperator:     "stop repeating and alert the operator",
	ClassUser:         "tell the person what to do in WeChat",
	ClassCaller:       "report the request as wrong, do not repeat it",
	ClassScope:        "report the missing permission, do not repeat it",
	ClassBlocked:      "pause and tell the owner",
}

// String returns a short lower-case name that is stable and fit for a metric
// label.
func (c Class) String() string { return nameOf(classNames[:], int(c), "class") }

// Action returns one English sentence: what a program does about it.
func (c Class) Action() string { return nameOf(classActions[:], int(c), "class") }
