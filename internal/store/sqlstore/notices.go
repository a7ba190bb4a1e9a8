package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// PendingNotices gives at most limit notices that were not sent, the oldest
// first, and the ids to name to [Store.NoticesSent], index by index.
func (s *Store) PendingNotices(ctx context.Context, limit int) (ids []int64, notices []notice.Notice, err error) {
	rows, err := s.q.PendingNotices(ctx, rowLimit(limit))
	if err != nil {
		return nil, nil, s.fail("read notices", err)
	}
	for _, r := range rows {
		ids = append(ids, r.ID)
		notices = append(notices, notice.Notice{
			At: fromMillis(r.At), Kind: notice.Kind(r.Kind), Subject: r.Subject, Details: fromJSON[map[string]string](r.Details),
		})
	}
	return ids, notices, nil
}

// NoticesSent records that notices were delivered.
func (s *Store) NoticesSent(ctx context.Context, ids []int64, at time.Time) error {
	return s.write(ctx, "mark notices sent", func(t *tx) error {
		for _, id := range ids {
			if err := t.SentNotice(ctx, sqlgen.SentNoticeParams{ID: id, SentAt: millis(at)}); err != nil {
				return err
			}
		}
		return nil
	})
}
