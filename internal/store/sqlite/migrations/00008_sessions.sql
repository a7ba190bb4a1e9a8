-- +goose Up
-- +goose StatementBegin
-- A session may hang on another one, whose end is its end: those of protected hosts
-- do, one for each host.
ALTER TABLE sessions ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN host   TEXT NOT NULL DEFAULT ''; -- empty: our own
-- What is shown of the last use, and what a stolen token would change.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT ''; -- network prefix
ALTER TABLE sessions ADD COLUMN system  TEXT NOT NULL DEFAULT ''; -- family of the system at login
-- The token before the last rotation.
ALTER TABLE sessions ADD COLUMN previous    BLOB;
ALTER TABLE sessions ADD COLUMN rotated_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN replaced_at INTEGER NOT NULL DEFAULT 0; -- when the new one was used first
CREATE INDEX sessions_parent   ON sessions (parent) WHERE parent <> '';
CREATE INDEX sessions_previous ON sessions (previous) WHERE previous IS NOT NULL;
-- +goose StatementEnd
