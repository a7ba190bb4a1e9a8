-- +goose Up
-- Events leave: who wants to hear what, and how far each is.

CREATE INDEX events_shop ON events (shop_id, id);

CREATE TABLE subscriptions (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id      TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    url            TEXT NOT NULL,
    events         TEXT NOT NULL, -- JSON array
    allow_private  BOOLEAN NOT NULL,
    secret         BYTEA NOT NULL,
    secret_version BIGINT NOT NULL,
    previous       BYTEA,
    previous_ends  BIGINT NOT NULL,
    state          TEXT NOT NULL,
    why            TEXT NOT NULL,
    cursor         BIGINT NOT NULL, -- everything up to it is over, but for shops that are held
    failures       BIGINT NOT NULL,
    pause_until    BIGINT NOT NULL,
    lease_owner    TEXT NOT NULL,
    lease_term     BIGINT NOT NULL,
    lease_until    BIGINT NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX subscriptions_client ON subscriptions (client_id);

-- Shops of a subscription whose events wait behind one that was not taken.
CREATE TABLE held_shops (
    subscription_id TEXT COLLATE "C" NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    shop_id         TEXT COLLATE "C" NOT NULL,
    event_id        BIGINT NOT NULL,
    attempt         BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    reason          TEXT NOT NULL,
    PRIMARY KEY (subscription_id, shop_id)
);
CREATE INDEX held_shops_due ON held_shops (subscription_id, due_at);

-- Events that were given up, whole: the events themselves are kept for a week.
CREATE TABLE dead_letters (
    subscription_id TEXT COLLATE "C" NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    event_id        BIGINT NOT NULL,
    app             TEXT COLLATE "C" NOT NULL,
    shop_id         TEXT COLLATE "C" NOT NULL,
    app_id          TEXT COLLATE "C" NOT NULL,
    name            TEXT NOT NULL,
    at              BIGINT NOT NULL,
    seen_at         BIGINT NOT NULL,
    body            BYTEA,
    attempt         BIGINT NOT NULL,
    reason          TEXT NOT NULL,
    dead_at         BIGINT NOT NULL,
    again_at        BIGINT NOT NULL, -- when somebody wanted it sent once more
    PRIMARY KEY (subscription_id, event_id)
);
CREATE INDEX dead_letters_again ON dead_letters (subscription_id, event_id) WHERE again_at > 0;
CREATE INDEX dead_letters_old ON dead_letters (dead_at);
