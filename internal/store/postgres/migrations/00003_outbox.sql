-- +goose Up
-- Notices leave: who takes them, and how far each is on its way to each.

CREATE TABLE channels (
    name        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at     BIGINT NOT NULL, -- when a server last had it configured
    lease_owner TEXT NOT NULL,
    lease_term  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);

CREATE TABLE deliveries (
    notice_id BIGINT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    channel   TEXT COLLATE "C" NOT NULL,
    state     TEXT NOT NULL,
    attempt   BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    done_at   BIGINT NOT NULL,
    reason    TEXT NOT NULL,
    PRIMARY KEY (notice_id, channel)
);
CREATE INDEX deliveries_pending ON deliveries (channel, notice_id) WHERE state = 'pending';
