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

-- Which kept tokens a client fetched last, to be named when its key ends.
CREATE TABLE exports (
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id    TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL, -- of the token
    told_at    BIGINT NOT NULL, -- when a human was told of it
    PRIMARY KEY (client_id, shop_id)
);
