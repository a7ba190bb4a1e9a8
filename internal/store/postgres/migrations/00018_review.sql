-- +goose Up
-- Reports of who may do what that somebody signed.
CREATE TABLE reviews (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL, -- empty: the whole house
    shop_id   TEXT COLLATE "C" NOT NULL, -- empty: the whole tenant
    digest    TEXT COLLATE "C" NOT NULL, -- of the report
    lines     BIGINT NOT NULL, -- of the report
    marked    BIGINT NOT NULL, -- lines that stood out
    note      TEXT COLLATE "C" NOT NULL,
    made_by   TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX reviews_at ON reviews (tenant_id, shop_id, at);

-- Authorisations that somebody is asked to give anew, and when they last did.
CREATE TABLE renewals (
    grant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    why      TEXT COLLATE "C" NOT NULL, -- asked or max_age
    made_by  TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    due_at   BIGINT NOT NULL, -- 0: none
    renewed_at BIGINT NOT NULL, -- when it was given anew last; 0: not since it was asked for first
    closed_at BIGINT NOT NULL, -- when it was over, for whatever reason; 0: somebody is asked
    told     BIGINT NOT NULL  -- 1: a human was told, and is told when it is over
);
CREATE INDEX renewals_open ON renewals (due_at) WHERE closed_at = 0;
