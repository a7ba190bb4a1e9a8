-- +goose Up
-- +goose StatementBegin
-- What each client may do beside its mode, as JSON; empty: what is ordinary.
ALTER TABLE clients ADD COLUMN rights TEXT NOT NULL DEFAULT '';

-- How often paths with a daily cap were called. The row of a day is written before
-- the call is sent.
CREATE TABLE uses (
    client_id TEXT NOT NULL,
    shop_id   TEXT NOT NULL,
    path      TEXT NOT NULL,
    day       INTEGER NOT NULL, -- when it began in China
    used      INTEGER NOT NULL,
    PRIMARY KEY (client_id, shop_id, path, day)
) STRICT;
CREATE INDEX uses_day ON uses (day);

-- Which kept tokens a client fetched last, to be named when its key ends.
CREATE TABLE exports (
    client_id  TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id    TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL, -- of the token
    told_at    INTEGER NOT NULL, -- when a human was told of it
    PRIMARY KEY (client_id, shop_id)
) STRICT;
-- +goose StatementEnd
