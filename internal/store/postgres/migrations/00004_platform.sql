-- +goose Up
-- Third-party platforms: what they sell, who authorised them, what WeChat pushes.

-- What an app's pushes are signed and encrypted with, and the services that a
-- platform sells, which are always read with it.
ALTER TABLE apps ADD COLUMN push                  BYTEA;
ALTER TABLE apps ADD COLUMN push_version          BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN push_previous         BYTEA;
ALTER TABLE apps ADD COLUMN push_previous_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN services              TEXT NOT NULL DEFAULT 'null'; -- JSON array

-- A shop's id at WeChat used to be that of its app, which may be a platform now.
ALTER TABLE shops ADD COLUMN app_id TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE shops SET app_id = a.app_id FROM apps a WHERE a.id = shops.app;
CREATE INDEX shops_app ON shops (app);
CREATE INDEX shops_app_id ON shops (app_id) WHERE app_id <> '';

-- A shop may have a grant of its own and one of each platform side by side.
ALTER TABLE grants ADD COLUMN authorizer TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX grants_isv ON grants (app, authorizer) WHERE kind = 'isv';
CREATE UNIQUE INDEX grants_isv_shop ON grants (shop_id, app) WHERE kind = 'isv' AND shop_id <> '';
CREATE UNIQUE INDEX grants_component ON grants (app) WHERE kind = 'component';

-- Sessions that name a shop and no person.
ALTER TABLE sessions ADD COLUMN shop_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN role    TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_shop ON sessions (shop_id) WHERE shop_id <> '';

-- The newest tickets of each platform.
CREATE TABLE tickets (
    app        TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    value      BYTEA NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (app, created_at)
);

-- Accounts that authorised a platform. The due time lives in the row.
CREATE TABLE authorizers (
    app        TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id     TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    state      TEXT NOT NULL,
    account    TEXT NOT NULL,
    name       TEXT NOT NULL,
    shop_id    TEXT COLLATE "C" NOT NULL,
    sets       TEXT NOT NULL, -- JSON array of numbers
    event_at   BIGINT NOT NULL,
    code       BYTEA,
    code_ends  BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    cause      TEXT NOT NULL,
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (app, app_id)
);
CREATE INDEX authorizers_due ON authorizers (due_at) WHERE due_at > 0;
CREATE INDEX authorizers_shop ON authorizers (shop_id) WHERE shop_id <> '';

-- What shops bought, as last told.
CREATE TABLE purchases (
    app      TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id   TEXT COLLATE "C" NOT NULL,
    service  TEXT COLLATE "C" NOT NULL,
    spec     TEXT COLLATE "C" NOT NULL,
    order_id TEXT NOT NULL,
    paid_until BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (app, app_id, service, spec)
);

-- Pushes that were recorded, so that none counts twice.
CREATE TABLE pushes (
    app    TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (app, digest)
);
CREATE INDEX pushes_at ON pushes (at);

-- What clients may hear. The number of the last one is in meta: ids are never
-- used twice, also when the newest rows are gone.
CREATE TABLE events (
    id      BIGINT NOT NULL PRIMARY KEY,
    app     TEXT COLLATE "C" NOT NULL,
    shop_id TEXT COLLATE "C" NOT NULL,
    app_id  TEXT COLLATE "C" NOT NULL,
    name    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    body    BYTEA -- JSON as it is, NULL when there is none
);
CREATE INDEX events_seen ON events (seen_at);
