package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The bounds of what a client may ask for.
const (
	maxSubscriptions = 20 // of one client
	maxPatterns      = 100
	maxURL           = 2048
)

// Overlap is how long bodies are signed with the secret before as well, after it
// was replaced.
const Overlap = 24 * time.Hour

var pattern = regexp.MustCompile(`^([A-Za-z0-9_.]{1,64}\*?|\*)$`)

// check refuses what cannot be a subscription with a [*grant.Invalid].
func check(a grant.NewSubscription) error {
	u, err := url.Parse(a.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(a.URL) > maxURL {
		return &grant.Invalid{EN: "url must be an absolute https address without a user and without a fragment",
			ZH: "url 必须是完整的 https 地址，不含用户名和片段"}
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !egress.Allowed(ip, a.AllowPrivate) {
		return &grant.Invalid{EN: "url is an address that is not reached: private, of this machine or reserved; use a public one, or ask the operator to allow it",
			ZH: "url 指向内网、本机或保留地址；请使用公网地址，或请管理员放行"}
	}
	return checkEvents(a.Events)
}

func checkEvents(patterns []string) error {
	if len(patterns) == 0 || len(patterns) > maxPatterns {
		return &grant.Invalid{EN: "events must have 1 to 100 names", ZH: "events 须有 1 至 100 项"}
	}
	for _, e := range patterns {
		if !pattern.MatchString(e) {
			return &grant.Invalid{EN: "an event is a name of letters, digits, _ and ., or its beginning with * behind it, or * for all",
				ZH: "事件名由字母、数字、下划线和点组成，或以 * 结尾表示前缀，* 表示全部"}
		}
	}
	return nil
}

// Create makes a subscription that begins with the next event, and gives the
// secret of its webhook, this once.
func (r *Relay) Create(ctx context.Context, by audit.Actor, a grant.NewSubscription) (grant.Subscription, secret.Value, error) {
	if err := check(a); err != nil {
		return grant.Subscription{}, secret.Value{}, err
	}
	now := r.o.Now()
	s := grant.Subscription{ID: access.NewID("sub"), Client: a.Client, URL: a.URL, Events: a.Events, AllowPrivate: a.AllowPrivate,
		SecretVersion: 1, State: grant.SubscriptionOn, CreatedAt: now}
	text := webhook.NewSecret()
	var err error
	if s.Secret, err = r.o.Vault.Seal(text, vault.SubscriptionSecret(s.ID, s.SecretVersion)); err != nil {
		return grant.Subscription{}, secret.Value{}, err
	}
	e := r.entry(by, "subscription.create", s, map[string]string{"client": a.Client, "host": hostOf(a.URL), "private": strconv.FormatBool(a.AllowPrivate)})
	err = r.o.Store.AddSubscription(ctx, s, maxSubscriptions, e)
	if errors.Is(err, grant.ErrTooMany) {
		err = &grant.Invalid{EN: "the client has 20 subscriptions already; remove one first", ZH: "该程序已有 20 个订阅；请先删除一个"}
	}
	if err != nil {
		return grant.Subscription{}, secret.Value{}, err
	}
	return s, text, nil
}

// hostOf is as much of a URL as others may read: its path may be a secret.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

func (r *Relay) entry(by audit.Actor, action string, s grant.Subscription, details map[string]string) audit.Entry {
	return audit.Entry{At: r.o.Now(), Actor: by, Action: action, Subject: "subscription:" + s.ID, Outcome: audit.Done, Details: details}
}

// List gives the subscriptions of a client, or of all for an empty one.
func (r *Relay) List(ctx context.Context, client string) ([]grant.Subscription, error) {
	return r.o.Store.Subscriptions(ctx, client)
}

// Page gives at most limit subscriptions of anybody behind a mark, the oldest first.
func (r *Relay) Page(ctx context.Context, m access.Mark, limit int) ([]grant.Subscription, error) {
	return r.o.Store.SubscriptionsAfter(ctx, m, limit)
}

// Get gives a subscription of a client, or anybody's for an empty one. Somebody
// else's is [access.ErrNotFound], like none.
func (r *Relay) Get(ctx context.Context, client, id string) (grant.Subscription, error) {
	s, err := r.o.Store.Subscription(ctx, id)
	if err == nil && client != "" && s.Client != client {
		err = fmt.Errorf("subscription of another client: %w", access.ErrNotFound)
	}
	if err != nil {
		return grant.Subscription{}, err
	}
	return s, nil
}

// Remove ends a subscription; what waits for it is not sent any more. client is as
// in [Relay.Get], here and below.
func (r *Relay) Remove(ctx context.Context, by audit.Actor, client, id string) error {
	s, err := r.Get(ctx, client, id)
	if err != nil {
		return err
	}
	err = r.o.Store.RemoveSubscription(ctx, id, r.entry(by, "subscription.remove", s, map[string]string{"client": s.Client}))
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.rights, id)
	}
	return err
}

// Rotate replaces the secret and gives the new one, this once. For a day bodies are
// signed with both.
func (r *Relay) Rotate(ctx context.Context, by audit.Actor, client, id string) (secret.Value, error) {
	s, err := r.Get(ctx, client, id)
	if err != nil {
		return secret.Value{}, err
	}
	text := webhook.NewSecret()
	sealed, err := r.o.Vault.Seal(text, vault.SubscriptionSecret(id, s.SecretVersion+1))
	if err != nil {
		return secret.Value{}, err
	}
	e := r.entry(by, "subscription.rotate", s, map[string]string{"client": s.Client})
	if err := r.o.Store.RotateSubscription(ctx, id, s.SecretVersion, sealed, r.o.Now().Add(Overlap), e); err != nil {
		return secret.Value{}, err
	}
	return text, nil
}

// Start switches a subscription on again, and ends its pause.
func (r *Relay) Start(ctx context.Context, by audit.Actor, client, id string) error {
	s, err := r.Get(ctx, client, id)
	if err != nil {
		return err
	}
	err = r.o.Store.StartSubscription(ctx, id, r.o.Now(), r.entry(by, "subscription.start", s, map[string]string{"client": s.Client}))
	if err == nil {
		r.Wake()
	}
	return err
}

// testName is the type of a test event.
const testName = "subscription.test"

// Test sends an event of its own kind at once, and tells what came of it. Nothing
// is written down.
func (r *Relay) Test(ctx context.Context, client, id string) (notice.Tried, error) {
	s, err := r.Get(ctx, client, id)
	if err != nil {
		return notice.Tried{}, err
	}
	now := r.o.Now()
	keys, err := r.keysOf(s, now)
	if err != nil {
		return notice.Tried{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	begin := time.Now()
	b := r.encode(grant.Event{Name: testName, At: now})
	out := r.posters[s.AllowPrivate].Post(ctx, webhook.Message{ID: access.NewID("test"), Body: b, URL: s.URL, Keys: keys})
	return notice.Tried{Channel: hostOf(s.URL), Taken: out.Verdict == webhook.Taken, Reason: out.Reason, Took: time.Since(begin)}, nil
}

// Dead gives at most limit events that were given up, behind the one with an id.
func (r *Relay) Dead(ctx context.Context, client, id string, after int64, limit int) ([]grant.DeadLetter, error) {
	if _, err := r.Get(ctx, client, id); err != nil {
		return nil, err
	}
	return r.o.Store.DeadLetters(ctx, id, after, limit)
}

// Replay has dead letters sent once more, all when no event is named, and gives
// how many.
func (r *Relay) Replay(ctx context.Context, by audit.Actor, client, id string, events []int64) (int, error) {
	s, err := r.Get(ctx, client, id)
	if err != nil {
		return 0, err
	}
	e := r.entry(by, "subscription.replay", s, map[string]string{"client": s.Client, "named": strconv.Itoa(len(events))})
	n, err := r.o.Store.ReplayDeadLetters(ctx, id, events, r.o.Now(), e)
	if err == nil && n > 0 {
		r.Wake()
	}
	return n, err
}

// errEventID is for what is no id of an event.
var errEventID = errors.New(`relay: not the id of an event; write it as it came, like "ev_123"`)

// ParseMessageID gives the number behind [MessageID], or a plain number.
func ParseMessageID(text string) (int64, error) {
	digits := text
	if len(text) > 3 && text[:3] == "ev_" {
		digits = text[3:]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, errEventID
	}
	return n, nil
}
