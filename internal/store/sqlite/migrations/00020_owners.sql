-- +goose Up
-- +goose StatementBegin
-- Whom facts concern, so that tenants and owners are told of their own alone.
ALTER TABLE notices ADD COLUMN shop_id TEXT NOT NULL DEFAULT '';
ALTER TABLE notices ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '';
CREATE INDEX notices_alert ON notices (alert_id) WHERE alert_id > 0;

-- What tenants were told of alerts that others share.
CREATE TABLE alert_parts (
    alert_id   INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    tenant_id  TEXT   NOT NULL,
    told_count INTEGER NOT NULL,
    told_over  INTEGER NOT NULL, -- 1: also that it is over
    PRIMARY KEY (alert_id, tenant_id)
) STRICT;

-- How an app writes to owners in WeChat. JSON object; empty: it does not.
ALTER TABLE apps ADD COLUMN owner_message TEXT NOT NULL DEFAULT '';

-- Owners who want no messages in WeChat.
ALTER TABLE persons ADD COLUMN messages_off INTEGER NOT NULL DEFAULT 0;

-- Messages to owners in WeChat.
CREATE TABLE owner_messages (
    id          TEXT   NOT NULL PRIMARY KEY,
    person_id   TEXT   NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    kind        TEXT   NOT NULL,
    shop_id     TEXT   NOT NULL, -- one of those that it is about
    shops       INTEGER NOT NULL,
    last_notice INTEGER NOT NULL, -- facts up to this one are in it; 0: none, it did not arrive
    app         TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          INTEGER NOT NULL,
    again_at    INTEGER NOT NULL -- when the next one of its kind may leave
) STRICT;
CREATE INDEX owner_messages_person ON owner_messages (person_id, kind, at);
CREATE INDEX owner_messages_at ON owner_messages (at);
-- +goose StatementEnd
