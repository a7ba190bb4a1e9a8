package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// Limits of states.
const (
	stateLife  = 10 * time.Minute
	maxStates  = 5           // outstanding in one browser; the oldest is dropped
	loopWindow = time.Minute // so many begun within it are a loop
	stateBytes = 32
	maxCookie  = 4 << 10
)

// pending is a login that has begun. It lives in a sealed cookie only.
type pending struct {
	Version    int         `json:"v"`
	StateHash  []byte      `json:"h"`
	App        string      `json:"a"`
	Door       access.Door `json:"d"`
	Scope      string      `json:"s"`
	Return     string      `json:"r"` // checked before; where to go back to
	Shop       string      `json:"p,omitempty"`
	Invitation string      `json:"i,omitempty"` // its id
	Tenant     string      `json:"t,omitempty"` // of the invitation
	Consent    string      `json:"c,omitempty"` // version of the text accepted
	Link       *linkClaim  `json:"l,omitempty"` // of an account that authorises a platform; then nobody logs in
	Begun      int64       `json:"b"`           // Unix milliseconds
}

const pendingVersion = 1

func (p pending) begun() time.Time { return time.UnixMilli(p.Begun) }

// live tells whether the login may still be finished. One that begins in the future
// was made under another clock; replicas' may differ a little.
func (p pending) live(now time.Time) bool {
	return !now.Before(p.begun().Add(-clockSlack)) && now.Before(p.begun().Add(stateLife))
}

// Why a state is refused. The words are for the audit log and the tests; what
// is told is one page for all.
var (
	errStateForm    = errors.New("state-form")
	errStateMissing = errors.New("state-missing") // another browser, or expired there
	errStateForged  = errors.New("state-forged")
	errStateExpired = errors.New("state-expired")
	errStateForeign = errors.New("state-foreign") // of another app or door
)

// newState makes a state: 256 random bits as 64 hex digits, the safe shape of
// WeChat's charset and length rules.
func newState() string {
	b := make([]byte, stateBytes)
	rand.Read(b) //nolint:errcheck // never fails
	return hex.EncodeToString(b)
}

// validState tells whether s looks like a state of ours.
func validState(s string) bool {
	if len(s) != 2*stateBytes {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func digest(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// stateName gives the cookie of a state. It tells nothing of the state itself.
func stateName(hash []byte) string { return stateCookie + hex.EncodeToString(hash[:8]) }

// sealCookie makes the value of a sealed cookie, bound to its name.
func (l *Login) sealCookie(name string, v any) (string, error) {
	value, err := vault.SealText(l.o.Vault, vault.Cookie(name), v)
	if err != nil {
		return "", fmt.Errorf("login: seal cookie %s: %w", name, err)
	}
	return value, nil
}

// openCookie reads what sealCookie made for the same name.
func (l *Login) openCookie(name, value string, v any) error {
	if !vault.OpenText(l.o.Vault, vault.Cookie(name), value, maxCookie, v) {
		return errStateForged
	}
	return nil
}

// openState reads the cookie of a state.
func (l *Login) openState(name, value string) (pending, error) {
	var p pending
	if err := l.openCookie(name, value, &p); err != nil {
		return pending{}, err
	}
	if p.Version != pendingVersion || len(p.StateHash) != sha256.Size || stateName(p.StateHash) != name {
		return pending{}, errStateForged
	}
	return p, nil
}

// pendingOf finds the login that this browser began with state, and checks
// that it belongs to app.
func (l *Login) pendingOf(r *http.Request, state string, app access.App) (pending, error) {
	if !validState(state) {
		return pending{}, errStateForm
	}
	hash := digest(state)
	value, ok := l.jar.Get(r, stateName(hash))
	if !ok {
		return pending{}, errStateMissing
	}
	p, err := l.openState(stateName(hash), value)
	switch {
	case err != nil:
		return pending{}, err
	case subtle.ConstantTimeCompare(p.StateHash, hash) != 1:
		return pending{}, errStateForged
	case p.App != app.ID || p.Door != doorOf(app.Kind):
		return pending{}, errStateForeign
	case !p.live(l.o.Now()):
		return pending{}, errStateExpired
	}
	return p, nil
}

// outstanding gives the logins that this browser has begun, oldest first, and
// the names of cookies that are of no use any more.
func (l *Login) outstanding(r *http.Request) (live []pending, dead []string) {
	now := l.o.Now()
	for name, value := range l.jar.List(r, stateCookie) {
		p, err := l.openState(name, value)
		if err != nil || !p.live(now) {
			dead = append(dead, name)
			continue
		}
		live = append(live, p)
	}
	slices.SortFunc(live, func(a, b pending) int { return a.begun().Compare(b.begun()) })
	return live, dead
}

// makeRoom drops useless states and the oldest ones, so that one more fits.
func (l *Login) makeRoom(w http.ResponseWriter, live []pending, dead []string) {
	for len(live) >= maxStates {
		dead = append(dead, stateName(live[0].StateHash))
		live = live[1:]
	}
	for _, name := range dead {
		l.jar.Drop(w, name)
	}
}

// looping tells whether this browser began so many logins just now that it
// must be going in circles.
func looping(live []pending, now time.Time) bool {
	return len(live) >= maxStates && now.Sub(live[len(live)-maxStates].begun()) < loopWindow
}
