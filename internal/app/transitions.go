package app

// transitionClasses are the names of the store's transitions that come often, by the
// class that they are counted in. Whoever looks at a slow store wants to know what
// waits: tokens, pushes, people or programs.
var transitionClasses = map[string]string{
	"claim due grants": "claim", "claim grant": "claim", "claim due authorizers": "claim", "take turn": "claim",

	"settle": "settle", "spend forced refresh": "settle", "touch grants": "settle",

	"authorise": "authorise", "revoke": "authorise", "take accounts in": "authorise", "hand grants over": "authorise",

	"record pushes": "push",

	"use state": "login", "log in": "login", "observe time": "login", "link identity": "login", "save profile": "login",
	"take scan": "login", "answer scan": "login", "begin OpenID login": "login", "redeem OpenID code": "login",

	"start session": "session", "rotate session": "session", "touch sessions": "session", "end sessions": "session",
	"start visit": "session", "end visits": "session",

	"claim deliveries": "deliver", "settle deliveries": "deliver", "claim subscription": "deliver", "settle subscription": "deliver",
	"set condition": "deliver",

	"append audit entries": "audit", "save checkpoint": "audit",

	"count use": "call", "record export": "call",
}

// otherTransitions is the class of all that people do now and then.
const otherTransitions = "other"

// transitionClass is the class of a transition, by its name in the store.
func transitionClass(op string) string {
	if class, ok := transitionClasses[op]; ok {
		return class
	}
	return otherTransitions
}
