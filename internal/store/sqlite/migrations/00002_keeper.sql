-- +goose Up
-- +goose StatementBegin
-- What the keeper learns between refreshes, and revocations that also end the
-- tokens at WeChat.

-- When WeChat last took the kept token, how many definite refusals came since,
-- and when anybody last used it (kept only if unused grants may sleep).
ALTER TABLE grants ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN doubts    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN used_at   INTEGER NOT NULL DEFAULT 0;
-- Forced refreshes that a revocation still owes.
ALTER TABLE grants ADD COLUMN kills     INTEGER NOT NULL DEFAULT 0;

DROP INDEX grants_due;
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0 AND (state IN ('active', 'stopped') OR kills > 0);

-- The next due time is found through grants_due alone.
DROP INDEX grants_leased;
-- +goose StatementEnd
