package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// boxVault seals by writing the cell in front. A value opens in its own cell
// only.
type boxVault struct {
	mu       sync.Mutex
	sealFail int // so many seals fail from now on
}

func (v *boxVault) Seal(s secret.Value, c vault.Cell) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sealFail > 0 {
		v.sealFail--
		return nil, errors.New("key service is not there")
	}
	return append([]byte(c.String()+"\x00"), s.Reveal()...), nil
}

func (v *boxVault) Open(sealed []byte, c vault.Cell) (secret.Value, error) {
	value, ok := strings.CutPrefix(string(sealed), c.String()+"\x00")
	if !ok {
		return secret.Value{}, errors.New("does not open here")
	}
	return secret.FromString(value), nil
}

// fakeWeChat behaves as the platform does with stable tokens and persons'
// tokens.
type fakeWeChat struct {
	mu      sync.Mutex
	latency time.Duration
	made    int
	comp    fakeComponents
	stable  map[string]*stableToken
	reset   map[string]string // secrets of apps that somebody reset
	refuses map[string]bool   // tokens that are named as valid and refused all the same
	asks    []ask
	probes  int
	// probing decides about a probe: nil answers.
	probing func() (dead bool, err error)
	// next decides about a request: nil answers; the error comes instead of an
	// answer, before or after the request took effect.
	next func(a ask) (err error, took bool)
}

type stableToken struct {
	value string
	end   time.Time
	force time.Time
	prev  *stableToken // still good until its end
}

type ask struct {
	at    time.Time
	app   string
	force bool
	n     int
	kind  grant.Kind
}

func newFakeWeChat() *fakeWeChat {
	return &fakeWeChat{
		stable: map[string]*stableToken{}, reset: map[string]string{}, refuses: map[string]bool{},
		comp: fakeComponents{tickets: map[string]int{}, tokens: map[string]bool{}, accounts: map[string]*account{}},
	}
}

func (w *fakeWeChat) begin(ctx context.Context, app access.App, kind grant.Kind, force bool) (a ask, err error, took bool) {
	w.mu.Lock()
	a = ask{time.Now(), app.ID, force, len(w.asks) + 1, kind}
	w.asks = append(w.asks, a)
	next, latency := w.next, w.latency
	w.mu.Unlock()
	if next != nil {
		err, took = next(a)
	}
	if latency > 0 && !pause(ctx, latency) {
		return a, &Failure{Outcome: wechat.OutcomeUnknown, Err: ctx.Err()}, took
	}
	return a, err, took
}

func (w *fakeWeChat) Stable(ctx context.Context, app access.App, key secret.Value, force bool) (Answer, error) {
	_, err, took := w.begin(ctx, app, grant.Self, force)
	if err != nil && !took {
		return Answer{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if key.RevealString() != cmp.Or(w.reset[app.ID], "app-secret-"+app.ID) {
		return Answer{}, refused(40125)
	}
	now, t := time.Now(), w.stable[app.ID]
	switch {
	case t == nil || !now.Before(t.end.Add(-5*time.Minute)):
		t = &stableToken{value: w.mint(), end: now.Add(2 * time.Hour), prev: t}
	case force && now.Sub(t.force) >= 30*time.Second:
		t = &stableToken{value: w.mint(), end: now.Add(2 * time.Hour), force: now}
	}
	w.stable[app.ID] = t
	left := t.end.Sub(now).Truncate(time.Second)
	return Answer{Access: secret.FromString(t.value), ExpiresIn: left}, err
}

// Probe accepts the token that holds, and the one before it until its end.
func (w *fakeWeChat) Probe(ctx context.Context, app access.App, token secret.Value) (dead bool, err error) {
	w.mu.Lock()
	w.probes++
	probing, latency := w.probing, w.latency
	w.mu.Unlock()
	if latency > 0 && !pause(ctx, latency) {
		return false, ctx.Err()
	}
	if probing != nil {
		return probing()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.accepts(app.ID, token.RevealString()), nil
}

// ProbeUser accepts any person's token, unless told otherwise.
func (w *fakeWeChat) ProbeUser(ctx context.Context, app access.App, token secret.Value, openid string) (dead bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes++
	if w.probing != nil {
		return w.probing()
	}
	return w.refuses[token.RevealString()] || openid == "", nil
}

func (w *fakeWeChat) accepts(app, token string) bool {
	for _, a := range w.comp.accounts {
		if a.access[token] {
			return true
		}
	}
	t := w.stable[app]
	for t != nil && t.value != token {
		t = t.prev
	}
	return t != nil && time.Now().Before(t.end) && !w.refuses[token]
}

// livesOn tells whether the token that is named is accepted.
func (w *fakeWeChat) livesOn(app string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.stable[app]
	return t != nil && w.accepts(app, t.value)
}

// forgets ends a shop's token: another one is named from now on.
func (w *fakeWeChat) forgets() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stable = map[string]*stableToken{}
}

// refusesNamed has a token refused that is still named.
func (w *fakeWeChat) refusesNamed(token secret.Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses[token.RevealString()] = true
}

// count gives the requests so far: for a token, forced, probes.
func (w *fakeWeChat) count() (asks, forced, probes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asks {
		if a.force {
			forced++
		} else {
			asks++
		}
	}
	return asks, forced, w.probes
}

func (w *fakeWeChat) setProbing(f func() (bool, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probing = f
}

func (w *fakeWeChat) RefreshUser(ctx context.Context, app access.App, refresh secret.Value) (Answer, error) {
	_, err, took := w.begin(ctx, app, grant.User, false)
	if err != nil && !took {
		return Answer{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return Answer{Access: secret.FromString(w.mint()), Refresh: refresh, OpenID: "o_demo_owner_0001", ExpiresIn: 2 * time.Hour}, err
}

func (w *fakeWeChat) mint() string { w.made++; return fmt.Sprintf("token-%06d", w.made) }

func (w *fakeWeChat) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asks)
}

func (w *fakeWeChat) setNext(f func(a ask) (error, bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = f
}

// answer makes every request from now on end with err, before it took effect;
// nil mends it.
func (w *fakeWeChat) answer(err error) {
	w.setNext(func(ask) (error, bool) { return err, false })
}

func refused(code int) error {
	return &Failure{Outcome: wechat.OutcomeAnswered, Code: code, HTTPStatus: 200}
}

func lost() error {
	return &Failure{Outcome: wechat.OutcomeUnknown, Err: errors.New("connection ended before an answer")}
}

func notSent() error {
	return &Failure{Outcome: wechat.OutcomeNotSent, Err: errors.New("no route")}
}

func malformed() error {
	return &Failure{Outcome: wechat.OutcomeAnswered, HTTPStatus: 502, Err: wechat.ErrMalformed}
}
