-- +goose Up
-- The first schema on PostgreSQL: everything that a server keeps. Versions are
-- those of SQLite's migrations, so that one number says the same of both.
--
-- Times are milliseconds since 1970 in UTC, 0 for none. An empty text stands
-- for no reference. Columns that hold ciphertext are BYTEA and are NULL when
-- there is nothing to hold. Keys compare by their bytes, whatever language the
-- database was made for.

-- Applications of WeChat that we hold the secret of.
CREATE TABLE apps (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind           TEXT NOT NULL,
    app_id         TEXT NOT NULL,
    name           TEXT NOT NULL,
    secret         BYTEA,
    secret_version BIGINT NOT NULL,
    callback_host  TEXT NOT NULL,
    verify_name    TEXT NOT NULL,
    verify_body    TEXT NOT NULL,
    scope          TEXT COLLATE "C" NOT NULL,
    egress         TEXT NOT NULL,
    api_hosts      TEXT NOT NULL  -- JSON array
);

CREATE TABLE tenants (
    id   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE shops (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id          TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    app                TEXT COLLATE "C" NOT NULL REFERENCES apps (id),
    name               TEXT NOT NULL,
    revoke_on_withdraw BOOLEAN NOT NULL
);

-- One row for each grant. The due time and the lease live in the row, so that
-- one transaction writes tokens, next time and the end of the lease.
CREATE TABLE grants (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    app             TEXT COLLATE "C" NOT NULL REFERENCES apps (id),
    shop_id         TEXT COLLATE "C" NOT NULL,
    person_id       TEXT COLLATE "C" NOT NULL,
    openid          TEXT COLLATE "C" NOT NULL,
    scope           TEXT COLLATE "C" NOT NULL,
    state           TEXT NOT NULL,
    cause           TEXT NOT NULL,
    err_code        BIGINT NOT NULL,
    generation      BIGINT NOT NULL,
    access          BYTEA,
    access_expires  BIGINT NOT NULL,
    refresh         BYTEA,
    refresh_issued  BIGINT NOT NULL,
    refresh_expires BIGINT NOT NULL,
    digest          TEXT NOT NULL, -- of the kept tokens; also in the audit log
    due_at          BIGINT NOT NULL,
    attempt         BIGINT NOT NULL,
    lease_owner     TEXT NOT NULL,
    lease_term      BIGINT NOT NULL,
    lease_until     BIGINT NOT NULL,
    settled_term    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    proved_at       BIGINT NOT NULL DEFAULT 0,
    doubts          BIGINT NOT NULL DEFAULT 0,
    used_at         BIGINT NOT NULL DEFAULT 0,
    kills           BIGINT NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX grants_self ON grants (shop_id) WHERE kind = 'self';
CREATE UNIQUE INDEX grants_user ON grants (app, openid, scope) WHERE kind = 'user';
CREATE INDEX grants_person ON grants (person_id) WHERE person_id <> '';
-- What the keeper looks for, in the order it looks.
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0 AND (state IN ('active', 'stopped') OR kills > 0);
-- No index knows the lease, so that claiming writes no index (a heap-only tuple)
-- as long as the page has room: hence the fillfactor. A settle moves due_at, which
-- is indexed, so it leaves a dead row and a dead index entry each time. At the
-- default of a fifth, 200,000 of those would pile up at the front of grants_due,
-- which is where every claim begins to read; vacuuming at two hundredths keeps
-- the pile small.
ALTER TABLE grants SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Who asked for a new token ahead of time, and when: the daily budget.
CREATE TABLE forced_refreshes (
    grant_id TEXT COLLATE "C" NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    at       BIGINT NOT NULL,
    by_whom  TEXT NOT NULL
);
CREATE INDEX forced_refreshes_grant ON forced_refreshes (grant_id, at);

CREATE TABLE persons (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- Names and faces, apart from the person so that they can be deleted alone.
CREATE TABLE profiles (
    person_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    nickname   TEXT NOT NULL,
    avatar_url TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE identities (
    app       TEXT COLLATE "C" NOT NULL REFERENCES apps (id),
    openid    TEXT COLLATE "C" NOT NULL,
    unionid   TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (app, openid)
);
CREATE INDEX identities_unionid ON identities (unionid) WHERE unionid <> '';
CREATE INDEX identities_person ON identities (person_id);

CREATE TABLE members (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    shop_id   TEXT COLLATE "C" NOT NULL, -- empty: the whole tenant
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    role      TEXT NOT NULL,
    since     BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, shop_id, person_id)
);
CREATE INDEX members_person ON members (person_id);

CREATE TABLE invitations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    shop_id    TEXT COLLATE "C" NOT NULL,
    role       TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state      TEXT NOT NULL,
    person_id  TEXT COLLATE "C" NOT NULL,
    code       TEXT NOT NULL,
    tries      BIGINT NOT NULL
);

CREATE TABLE sessions (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    person_id  TEXT COLLATE "C" NOT NULL, -- one of person_id and admin_id is set
    admin_id   TEXT COLLATE "C" NOT NULL,
    app        TEXT COLLATE "C" NOT NULL,
    door       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    proved_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    idle_ms    BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    ended_why  TEXT NOT NULL,
    device     TEXT NOT NULL
);
CREATE INDEX sessions_person ON sessions (person_id) WHERE person_id <> '';
CREATE INDEX sessions_admin ON sessions (admin_id) WHERE admin_id <> '';

-- States and codes that were used, so that none is used again.
CREATE TABLE callbacks (
    state_hash BYTEA NOT NULL PRIMARY KEY,
    app        TEXT COLLATE "C" NOT NULL,
    code_hash  BYTEA, -- NULL when WeChat sent none
    at         BIGINT NOT NULL,
    session_id TEXT NOT NULL
);
CREATE UNIQUE INDEX callbacks_code ON callbacks (app, code_hash);

CREATE TABLE consents (
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    app       TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    version   TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (person_id, app, tenant_id, version)
);

CREATE TABLE clients (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    key_hash   BYTEA NOT NULL UNIQUE,
    key_hint   TEXT NOT NULL,
    mode       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);

CREATE TABLE client_shops (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id   TEXT COLLATE "C" NOT NULL REFERENCES shops (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, shop_id)
);

CREATE TABLE admins (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    key_hash   BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);

CREATE TABLE setup_links (
    hash       BYTEA NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);

-- What humans must be told, written with the change that caused it.
CREATE TABLE notices (
    id      BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL, -- JSON object
    sent_at BIGINT NOT NULL
);
CREATE INDEX notices_unsent ON notices (id) WHERE sent_at = 0;

-- The audit log: the entries as they were encoded, the hashes of the tree in
-- stored order, the newest head, and heads that were signed.
CREATE TABLE audit_entries (
    seq  BIGINT NOT NULL PRIMARY KEY,
    data BYTEA NOT NULL,
    leaf BYTEA NOT NULL
);

CREATE TABLE audit_hashes (
    idx  BIGINT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL
);

CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL
);
-- The empty tree, whose root is the hash of nothing: the row is there to be locked
-- before the first entry is.
INSERT INTO audit_head (id, size, root) VALUES (1, 0, sha256(''));

CREATE TABLE audit_checkpoints (
    size BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note BYTEA NOT NULL,
    PRIMARY KEY (size, at)
);

-- Single values: the highest time seen, the keyset, the directory's revision.
CREATE TABLE meta (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    body   BYTEA
);

-- Whose database this is, and the oldest schema whose program may still run on it.
INSERT INTO meta (name, number) VALUES ('application', 2053600617), ('schema_compat', 2);
