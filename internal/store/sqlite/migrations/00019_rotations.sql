-- +goose Up
-- +goose StatementBegin
-- Secrets and keys on their way from one to the next. Ended ones stay as history.
CREATE TABLE rotations (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL, -- an app, or a client
    state      TEXT NOT NULL,
    by_whom    TEXT NOT NULL,
    begun_at   INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL, -- when it goes on by itself
    version    INTEGER NOT NULL, -- of the secret that it replaces
    next       BLOB, -- sealed; NULL: not here, or in use
    previous   BLOB, -- sealed; NULL: not replaced yet, or deleted
    new_seen   INTEGER NOT NULL,
    old_seen   INTEGER NOT NULL,
    why        TEXT NOT NULL
);
CREATE INDEX rotations_state ON rotations (state);

-- A second key, from the beginning of a rotation to its end.
ALTER TABLE clients ADD COLUMN next_hash BLOB;
ALTER TABLE clients ADD COLUMN next_hint TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN key_used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN next_used_at INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX clients_next ON clients (next_hash);
-- +goose StatementEnd
