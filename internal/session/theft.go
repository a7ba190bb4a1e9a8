package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// ErrStolen says that a session ended because its token seems to be in two hands. It
// is an [access.ErrNotFound], too.
var ErrStolen = fmt.Errorf("session: the token was copied, or used after it was replaced; log in again: %w", access.ErrNotFound)

// Why a session was taken for stolen: the reason of its audit entry and its notice.
const (
	OldToken    = "old_token"    // a token came that had been replaced
	OtherSystem = "other_system" // the browser runs on quite another system than at the login
)

const (
	// rotateEvery is how old a token gets that a page of ours sees.
	rotateEvery = 24 * time.Hour
	// overlap is how long the token before counts once the new one was used:
	// requests of other tabs are on their way.
	overlap = time.Minute
)

// honours tells whether the token before the last rotation still counts. Memory may
// know of the new one's use before the store does.
func (l *Live) honours(s access.Session, now time.Time) bool {
	at := s.ReplacedAt
	l.mu.RLock()
	defer l.mu.RUnlock()
	if e := l.memory.ids[s.ID]; e != nil && at.IsZero() {
		at = fromMillis(e.replaced.Load())
	}
	return at.IsZero() || now.Before(at.Add(overlap))
}

// Rotate gives the browser of a page of ours, which holds the token of this hash,
// another one if that is due: after a day, after a change of p's roles, and when the
// token that it should hold did not arrive. A session that hangs on another keeps its
// token. ok is false when nothing is to be done, or another request did it: the
// browser goes on with what it has.
func (l *Live) Rotate(ctx context.Context, s access.Session, p access.Person, hash []byte) (token secret.Value, ok bool, err error) {
	now := l.o.Now()
	if s.Parent != "" || !due(s, p, hash, now) {
		return secret.Value{}, false, nil
	}
	token, fresh := access.NewKey(access.SessionPrefix)
	err = l.o.Store.RotateSession(ctx, access.SessionRotation{Session: s.ID, Current: s.TokenHash, Used: hash, Token: fresh, At: now},
		audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "session.rotate", Subject: "session:" + s.ID, Outcome: audit.Done})
	if errors.Is(err, access.ErrStale) || errors.Is(err, access.ErrNotFound) {
		return secret.Value{}, false, nil
	}
	if err != nil {
		return secret.Value{}, false, err
	}
	return token, true, nil
}

// due tells whether a token should be replaced.
func due(s access.Session, p access.Person, hash []byte, now time.Time) bool {
	since := s.CreatedAt
	if s.RotatedAt.After(since) {
		since = s.RotatedAt
	}
	if !bytes.Equal(hash, s.TokenHash) {
		return s.ReplacedAt.IsZero() && now.Sub(since) >= overlap
	}
	if now.Sub(since) >= rotateEvery {
		return true
	}
	return slices.ContainsFunc(p.Members, func(m access.Member) bool {
		return m.Since.After(since) || m.Until.After(since) && !m.Until.After(now)
	})
}

// Strange ends a session whose browser says that it runs on quite another system than
// at the login, both by the words of web.SystemName, and tells so. Not to know a
// system is no sign.
func (l *Live) Strange(ctx context.Context, s access.Session, system string) (bool, error) {
	if s.System == "" || system == "" || family(s.System) == family(system) {
		return false, nil
	}
	err := l.stolen(ctx, s, OtherSystem)
	if errors.Is(err, ErrStolen) {
		err = nil
	}
	return true, err
}

// family joins systems that one device may name itself by: a phone that is asked for
// a site's desktop version says that it is a computer.
func family(system string) string {
	switch system {
	case "iPhone", "iPad", "macOS":
		return "Apple"
	case "Android", "HarmonyOS", "Linux", "ChromeOS":
		return "Linux"
	}
	return system
}

// stolen ends a session, the one that it hangs on, and all that hangs on that. Its
// error is ErrStolen, or says that the end could not be written.
func (l *Live) stolen(ctx context.Context, s access.Session, why string) error {
	root := s.ID
	if s.Parent != "" {
		root = s.Parent
	}
	now := l.o.Now()
	details := map[string]string{"cause": why, "person": s.PersonID, "shop": s.ShopID, "device": s.Device}
	maps.DeleteFunc(details, func(_, v string) bool { return v == "" })
	_, err := l.o.Store.EndSessions(context.WithoutCancel(ctx), grant.Effects{
		At: now, EndSessions: []access.SessionFilter{{ID: root, Why: "theft: " + why}},
		Audit:   []audit.Entry{{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "session.theft", Subject: "session:" + root, Outcome: audit.Done, Reason: why}},
		Notices: []notice.Notice{{At: now, Kind: notice.SessionStolen, Subject: "session:" + root, Details: details}},
	})
	if err != nil {
		return fmt.Errorf("session: end a stolen one: %w", err)
	}
	return ErrStolen
}
