-- +goose Up
-- +goose StatementBegin
-- Reports of who may do what that somebody signed.
CREATE TABLE reviews (
    id        TEXT    NOT NULL PRIMARY KEY,
    tenant_id TEXT    NOT NULL, -- empty: the whole house
    shop_id   TEXT    NOT NULL, -- empty: the whole tenant
    digest    TEXT    NOT NULL, -- of the report
    lines     INTEGER NOT NULL, -- of the report
    marked    INTEGER NOT NULL, -- lines that stood out
    note      TEXT    NOT NULL,
    made_by   TEXT    NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
CREATE INDEX reviews_at ON reviews (tenant_id, shop_id, at);

-- Authorisations that somebody is asked to give anew, and when they last did.
CREATE TABLE renewals (
    grant_id TEXT    NOT NULL PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    why      TEXT    NOT NULL, -- asked or max_age
    made_by  TEXT    NOT NULL,
    asked_at INTEGER NOT NULL,
    due_at   INTEGER NOT NULL, -- 0: none
    renewed_at INTEGER NOT NULL, -- when it was given anew last; 0: not since it was asked for first
    closed_at INTEGER NOT NULL, -- when it was over, for whatever reason; 0: somebody is asked
    told     INTEGER NOT NULL  -- 1: a human was told, and is told when it is over
) STRICT;
CREATE INDEX renewals_open ON renewals (due_at) WHERE closed_at = 0;
-- +goose StatementEnd
