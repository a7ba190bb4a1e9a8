-- +goose Up
-- +goose StatementBegin
-- Notices leave: who takes them, and how far each is on its way to each.

CREATE TABLE channels (
    name        TEXT    NOT NULL PRIMARY KEY,
    seen_at     INTEGER NOT NULL, -- when a server last had it configured
    lease_owner TEXT    NOT NULL,
    lease_term  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE deliveries (
    notice_id INTEGER NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    channel   TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    attempt   INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,
    done_at   INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    PRIMARY KEY (notice_id, channel)
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (channel, notice_id) WHERE state = 'pending';
-- +goose StatementEnd
