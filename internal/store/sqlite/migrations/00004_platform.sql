-- +goose Up
-- +goose StatementBegin
-- Third-party platforms: what they sell, who authorised them, what WeChat pushes.

-- What an app's pushes are signed and encrypted with, and the services that a
-- platform sells, which are always read with it.
ALTER TABLE apps ADD COLUMN push                  BLOB;
ALTER TABLE apps ADD COLUMN push_version          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN push_previous         BLOB;
ALTER TABLE apps ADD COLUMN push_previous_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN services              TEXT    NOT NULL DEFAULT 'null'; -- JSON array

-- A shop's id at WeChat used to be that of its app, which may be a platform now.
ALTER TABLE shops ADD COLUMN app_id TEXT NOT NULL DEFAULT '';
UPDATE shops SET app_id = (SELECT a.app_id FROM apps a WHERE a.id = shops.app);
CREATE INDEX shops_app ON shops (app);
CREATE INDEX shops_app_id ON shops (app_id) WHERE app_id <> '';

-- A shop may have a grant of its own and one of each platform side by side.
ALTER TABLE grants ADD COLUMN authorizer TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX grants_isv ON grants (app, authorizer) WHERE kind = 'isv';
CREATE UNIQUE INDEX grants_isv_shop ON grants (shop_id, app) WHERE kind = 'isv' AND shop_id <> '';
CREATE UNIQUE INDEX grants_component ON grants (app) WHERE kind = 'component';

-- Sessions that name a shop and no person.
ALTER TABLE sessions ADD COLUMN shop_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN role    TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_shop ON sessions (shop_id) WHERE shop_id <> '';

-- The newest tickets of each platform.
CREATE TABLE tickets (
    app        TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    value      BLOB    NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (app, created_at)
) STRICT;

-- Accounts that authorised a platform. The due time lives in the row.
CREATE TABLE authorizers (
    app        TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    shop_id    TEXT    NOT NULL,
    sets       TEXT    NOT NULL, -- JSON array of numbers
    event_at   INTEGER NOT NULL,
    code       BLOB,
    code_ends  INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    cause      TEXT    NOT NULL,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (app, app_id)
) STRICT;
CREATE INDEX authorizers_due ON authorizers (due_at) WHERE due_at > 0;
CREATE INDEX authorizers_shop ON authorizers (shop_id) WHERE shop_id <> '';

-- What shops bought, as last told.
CREATE TABLE purchases (
    app      TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id   TEXT    NOT NULL,
    service  TEXT    NOT NULL,
    spec     TEXT    NOT NULL,
    order_id TEXT    NOT NULL,
    paid_until INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (app, app_id, service, spec)
) STRICT;

-- Pushes that were recorded, so that none counts twice.
CREATE TABLE pushes (
    app    TEXT    NOT NULL,
    digest BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (app, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX pushes_at ON pushes (at);

-- What clients may hear. The number of the last one is in meta: ids are never
-- used twice, also when the newest rows are gone.
CREATE TABLE events (
    id      INTEGER NOT NULL PRIMARY KEY,
    app     TEXT    NOT NULL,
    shop_id TEXT    NOT NULL,
    app_id  TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    body    BLOB -- JSON as it is, NULL when there is none
) STRICT;
CREATE INDEX events_seen ON events (seen_at);
-- +goose StatementEnd
