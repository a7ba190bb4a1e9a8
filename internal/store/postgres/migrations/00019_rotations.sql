-- +goose Up
-- Secrets and keys on their way from one to the next. Ended ones stay as history.
CREATE TABLE rotations (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL, -- an app, or a client
    state      TEXT NOT NULL,
    by_whom    TEXT NOT NULL,
    begun_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL, -- when it goes on by itself
    version    BIGINT NOT NULL, -- of the secret that it replaces
    next       BYTEA, -- sealed; NULL: not here, or in use
    previous   BYTEA, -- sealed; NULL: not replaced yet, or deleted
    new_seen   BIGINT NOT NULL,
    old_seen   BIGINT NOT NULL,
    why        TEXT NOT NULL
);
CREATE INDEX rotations_state ON rotations (state);

-- A second key, from the beginning of a rotation to its end.
ALTER TABLE clients ADD COLUMN next_hash BYTEA;
ALTER TABLE clients ADD COLUMN next_hint TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN key_used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN next_used_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX clients_next ON clients (next_hash);
