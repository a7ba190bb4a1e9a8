package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// GrantCount is how many grants of one kind and state have as much left. The steps
// are names for labels and stand for "up to"; what is longer than the last has "more".
type GrantCount struct {
	Kind  grant.Kind
	State grant.State
	Token string // until the access token ends, one of [TokenLeft]
	Grant string // until the refresh token ends, one of [GrantLeft]
	N     int64
}

// The steps of [GrantCount], as the query has them. "none": there is no such end.
var (
	TokenLeft = []string{"none", "over", "5m", "15m", "30m", "1h", "more"}
	GrantLeft = []string{"none", "over", "1d", "3d", "7d", "14d", "more"}
)

// CountGrants counts all grants as they stand at now. It reads every row, for which a
// million of them take about a second: do not ask often.
func (s *Store) CountGrants(ctx context.Context, now time.Time) ([]GrantCount, error) {
	rows, err := s.q.CountGrants(ctx, millis(now))
	return many(s.Log, "count grants", rows, err, func(r sqlgen.CountGrantsRow) GrantCount {
		return GrantCount{Kind: grant.Kind(r.Kind), State: grant.State(r.State), Token: TokenLeft[r.TokenLeft], Grant: GrantLeft[r.GrantLeft], N: r.N}
	})
}

// DoorCount is how many live sessions began at one door.
type DoorCount struct {
	Door access.Door
	N    int64
}

// CountSessions counts the sessions that live at now; those on protected hosts count
// with the one that they hang on. It reads every row.
func (s *Store) CountSessions(ctx context.Context, now time.Time) ([]DoorCount, error) {
	rows, err := s.q.CountLiveSessions(ctx, millis(now))
	return many(s.Log, "count sessions", rows, err, func(r sqlgen.CountLiveSessionsRow) DoorCount {
		return DoorCount{Door: access.Door(r.Door), N: r.N}
	})
}

// AlertCount is how many alerts of one kind and state there are.
type AlertCount struct {
	Kind  notice.Kind
	State notice.AlertState
	N     int64
}

// CountOpenAlerts counts the alerts that are open or silenced.
func (s *Store) CountOpenAlerts(ctx context.Context) ([]AlertCount, error) {
	rows, err := s.q.CountOpenAlerts(ctx)
	return many(s.Log, "count open alerts", rows, err, func(r sqlgen.CountOpenAlertsRow) AlertCount {
		return AlertCount{Kind: notice.Kind(r.Kind), State: notice.AlertState(r.State), N: r.N}
	})
}

// SchemaVersion gives the number of the newest migration that ran.
func (s *Store) SchemaVersion(ctx context.Context) (n int64, err error) {
	err = s.reader.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&n)
	if err != nil {
		return 0, s.fail("read schema version", err)
	}
	return n, nil
}
