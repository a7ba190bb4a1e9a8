-- +goose Up
-- +goose StatementBegin
-- An event for one client alone; empty: for all that hold its shop. Servers of before
-- leave it out.
ALTER TABLE events ADD COLUMN for_client TEXT NOT NULL DEFAULT '';
-- What the API-change radar reads, among very many others.
CREATE INDEX events_api_diff ON events (id) WHERE name = 'api_diff';

-- When the last lease was settled. Servers of before leave it as it is.
ALTER TABLE grants ADD COLUMN settled_at BIGINT NOT NULL DEFAULT 0;

-- How often each client called each path of a shop, by days.
CREATE TABLE path_uses (
    client_id TEXT    NOT NULL,
    shop_id   TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    day       BIGINT NOT NULL, -- when it began in China
    calls     BIGINT NOT NULL,
    PRIMARY KEY (client_id, shop_id, path, day)
);
CREATE INDEX path_uses_path ON path_uses (path, day);

-- What WeChat announced of its APIs.
CREATE TABLE api_changes (
    id         TEXT    NOT NULL PRIMARY KEY, -- made of what it says
    path       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    doc_url    TEXT    NOT NULL,
    log_url    TEXT    NOT NULL,
    changed_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    clients    TEXT    NOT NULL -- JSON array of those that used the path when it was seen
);
CREATE INDEX api_changes_at ON api_changes (changed_at, id);
CREATE INDEX api_changes_path ON api_changes (path, changed_at, id);

-- Tokens that died although they should live, by grant.
CREATE TABLE strangers (
    grant_id TEXT    NOT NULL PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    last_at  BIGINT NOT NULL,
    evidence TEXT    NOT NULL -- JSON
);
-- +goose StatementEnd
