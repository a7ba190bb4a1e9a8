-- +goose Up
-- What each client may do beside its mode, as JSON; empty: what is ordinary.
ALTER TABLE clients ADD COLUMN rights TEXT NOT NULL DEFAULT '';

-- How often paths with a daily cap were called. The row of a day is written before
-- the call is sent.
CREATE TABLE uses (
    client_id TEXT COLLATE "C" NOT NULL,
    shop_id   TEXT COLLATE "C" NOT NULL,
    path      TEXT COLLATE "C" NOT NULL,
    day       BIGINT NOT NULL, -- when it began in China
    used      BIGINT NOT NULL,
    PRIMARY KEY (client_id, shop_id, path, day)
);
CREATE INDEX uses_day ON uses (day);
