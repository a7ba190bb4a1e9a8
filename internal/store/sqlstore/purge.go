package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// How long things are kept after they are over.
const (
	callbackKept = 24 * time.Hour // a state lives ten minutes, a code five
	overKept     = 30 * 24 * time.Hour
	// WeChat repeats a push for 3.6 hours; whoever repeats one later is refused by
	// its time stamp.
	pushKept  = 24 * time.Hour
	eventKept = 7 * 24 * time.Hour
	usesKept  = 90 * 24 * time.Hour
	// The change log of WeChat's APIs is of use as long as programs are slow to follow.
	changesKept = 2 * 365 * 24 * time.Hour
)

// Purge deletes what is over for long enough: used states, answered QR codes and the marks of pushes
// after a day, and so the answers to requests with keys; keys that are published no more at
// once; events after seven; ended and expired sessions, invitations that came to nothing, sent notices, alerts, silences and letters, set-up
// links, dead letters, logins of OpenID Connect, the counts of capped paths, what left of tokens and the ledger of forced refreshes after thirty days; the counts of all paths and what is
// known of tokens that died after ninety; changes of WeChat's APIs after two years. The audit log is
// never purged. An entry there counts the events that a subscription waited for.
func (s *Store) Purge(ctx context.Context, now time.Time) error {
	over := millis(now.Add(-overKept))
	return s.write(ctx, "purge", func(t *tx) error {
		if err := t.PurgeCallbacks(ctx, millis(now.Add(-callbackKept))); err != nil {
			return err
		}
		if err := t.PurgeScans(ctx, millis(now.Add(-callbackKept))); err != nil {
			return err
		}
		if err := t.PurgePushes(ctx, millis(now.Add(-pushKept))); err != nil {
			return err
		}
		if err := t.PurgeRequests(ctx, millis(now.Add(-access.RequestKept))); err != nil {
			return err
		}
		if err := t.PurgeSigningKeys(ctx, millis(now)); err != nil {
			return err
		}
		if err := t.PurgeOIDCCodes(ctx, millis(now.Add(-callbackKept))); err != nil {
			return err
		}
		if err := t.purgeEvents(ctx, now.Add(-eventKept), now); err != nil {
			return err
		}
		for _, purge := range []func(context.Context, int64) error{
			t.PurgeSessions, t.PurgeInvitations, t.PurgeNotices, t.PurgeSetupLinks, t.PurgeForcedRefreshes, t.PurgeDeadLetters, t.PurgeUses, t.PurgeExports, t.PurgeOIDCLogins,
			t.PurgeAlerts, t.PurgeSilences, t.PurgeOwnerMessages,
		} {
			if err := purge(ctx, over); err != nil {
				return err
			}
		}
		return t.purgeLate(ctx, now)
	})
}

// purgeLate deletes what is kept for longer than the rest.
func (t *tx) purgeLate(ctx context.Context, now time.Time) error {
	uses := millis(now.Add(-usesKept))
	if err := t.PurgePathUses(ctx, uses); err != nil {
		return err
	}
	if err := t.PurgeStrangers(ctx, uses); err != nil {
		return err
	}
	return t.PurgeAPIChanges(ctx, millis(now.Add(-changesKept)))
}
