package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// BeginRequest writes down that a request with a key came. first says that it is to
// be carried out; otherwise kept is the answer to give once more. A request that
// cannot be told from one before is refused: [access.ErrKeyReused] when it asks for
// something else, [access.ErrInFlight] while that one is being answered,
// [access.ErrOutcomeUnknown] when it never was. What is older than
// [access.RequestKept] counts as never sent.
func (s *Store) BeginRequest(ctx context.Context, r access.Request) (kept access.Request, first bool, err error) {
	err = s.write(ctx, "begin request", func(t *tx) error {
		kept, first = access.Request{}, false
		row, err := t.Request(ctx, r.ID)
		switch {
		case err == nil && r.At.Before(fromMillis(row.At).Add(access.RequestKept)):
			kept = toRequest(row)
			return again(kept, r)
		case err == nil:
			err = t.DeleteRequest(ctx, r.ID)
		case errors.Is(err, sql.ErrNoRows):
			err = nil
		}
		if err != nil {
			return err
		}
		first = true
		return t.InsertRequest(ctx, sqlgen.InsertRequestParams{ID: r.ID, Digest: r.Digest, At: millis(r.At), Until: millis(r.Until)})
	})
	if err != nil {
		return access.Request{}, false, err
	}
	return kept, first, nil
}

// again tells whether the answer that is kept is the one to r.
func again(kept, r access.Request) error {
	switch {
	case !bytes.Equal(kept.Digest, r.Digest):
		return access.ErrKeyReused
	case kept.Status != 0:
		return nil
	case r.At.Before(kept.Until):
		return access.ErrInFlight
	}
	return access.ErrOutcomeUnknown
}

// FinishRequest keeps the answer to a request that was begun. [access.ErrStale]
// says that none is waiting for it.
func (s *Store) FinishRequest(ctx context.Context, r access.Request) error {
	return s.write(ctx, "finish request", func(t *tx) error {
		n, err := t.Queries.FinishRequest(ctx, sqlgen.FinishRequestParams{ID: r.ID, Digest: r.Digest, Status: int64(r.Status), Kind: r.Kind, Answer: r.Answer})
		if err == nil && n == 0 {
			err = access.ErrStale
		}
		return err
	})
}

// ForgetRequest has a request that was begun count as never sent: nothing came of
// it. One that has an answer stays as it is.
func (s *Store) ForgetRequest(ctx context.Context, r access.Request) error {
	return s.write(ctx, "forget request", func(t *tx) error {
		return t.Queries.ForgetRequest(ctx, sqlgen.ForgetRequestParams{ID: r.ID, Digest: r.Digest})
	})
}

func toRequest(r sqlgen.Request) access.Request {
	return access.Request{ID: r.ID, Digest: r.Digest, At: fromMillis(r.At), Until: fromMillis(r.Until), Status: int(r.Status), Kind: r.Kind, Answer: r.Answer}
}
