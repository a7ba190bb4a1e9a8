-- +goose Up
-- +goose StatementBegin
-- Events leave: who wants to hear what, and how far each is.

CREATE INDEX events_shop ON events (shop_id, id);

CREATE TABLE subscriptions (
    id             TEXT    NOT NULL PRIMARY KEY,
    client_id      TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    url            TEXT    NOT NULL,
    events         TEXT    NOT NULL, -- JSON array
    allow_private  INTEGER NOT NULL,
    secret         BLOB    NOT NULL,
    secret_version INTEGER NOT NULL,
    previous       BLOB,
    previous_ends  INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    why            TEXT    NOT NULL,
    cursor         INTEGER NOT NULL, -- everything up to it is over, but for shops that are held
    failures       INTEGER NOT NULL,
    pause_until    INTEGER NOT NULL,
    lease_owner    TEXT    NOT NULL,
    lease_term     INTEGER NOT NULL,
    lease_until    INTEGER NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriptions_client ON subscriptions (client_id);

-- Shops of a subscription whose events wait behind one that was not taken.
CREATE TABLE held_shops (
    subscription_id TEXT    NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    shop_id         TEXT    NOT NULL,
    event_id        INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    due_at          INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    PRIMARY KEY (subscription_id, shop_id)
) STRICT;
CREATE INDEX held_shops_due ON held_shops (subscription_id, due_at);

-- Events that were given up, whole: the events themselves are kept for a week.
CREATE TABLE dead_letters (
    subscription_id TEXT    NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    event_id        INTEGER NOT NULL,
    app             TEXT    NOT NULL,
    shop_id         TEXT    NOT NULL,
    app_id          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    body            BLOB,
    attempt         INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    dead_at         INTEGER NOT NULL,
    again_at        INTEGER NOT NULL, -- when somebody wanted it sent once more
    PRIMARY KEY (subscription_id, event_id)
) STRICT;
CREATE INDEX dead_letters_again ON dead_letters (subscription_id, event_id) WHERE again_at > 0;
CREATE INDEX dead_letters_old ON dead_letters (dead_at);
-- +goose StatementEnd
