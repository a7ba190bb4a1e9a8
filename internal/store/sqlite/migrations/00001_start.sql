-- +goose Up
-- +goose StatementBegin
-- Each file is one statement to goose: looking for the end of every single one
-- takes longer than to make the tables.
-- The first schema: everything that a server keeps.
--
-- Times are milliseconds since 1970 in UTC, 0 for none. An empty text stands
-- for no reference. Columns that hold ciphertext are BLOB and are NULL when
-- there is nothing to hold. Nothing here uses the database's clock.

-- Applications of WeChat that we hold the secret of.
CREATE TABLE apps (
    id             TEXT    NOT NULL PRIMARY KEY,
    kind           TEXT    NOT NULL,
    app_id         TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    secret         BLOB,
    secret_version INTEGER NOT NULL,
    callback_host  TEXT    NOT NULL,
    verify_name    TEXT    NOT NULL,
    verify_body    TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    egress         TEXT    NOT NULL,
    api_hosts      TEXT    NOT NULL  -- JSON array
) STRICT;

CREATE TABLE tenants (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE shops (
    id                 TEXT    NOT NULL PRIMARY KEY,
    tenant_id          TEXT    NOT NULL REFERENCES tenants (id),
    app                TEXT    NOT NULL REFERENCES apps (id),
    name               TEXT    NOT NULL,
    revoke_on_withdraw INTEGER NOT NULL
) STRICT;

-- One row for each grant. The due time and the lease live in the row, so that
-- one transaction writes tokens, next time and the end of the lease.
CREATE TABLE grants (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    app             TEXT    NOT NULL REFERENCES apps (id),
    shop_id         TEXT    NOT NULL,
    person_id       TEXT    NOT NULL,
    openid          TEXT    NOT NULL,
    scope           TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    cause           TEXT    NOT NULL,
    err_code        INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    access          BLOB,
    access_expires  INTEGER NOT NULL,
    refresh         BLOB,
    refresh_issued  INTEGER NOT NULL,
    refresh_expires INTEGER NOT NULL,
    digest          TEXT    NOT NULL, -- of the kept tokens; also in the audit log
    due_at          INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    lease_owner     TEXT    NOT NULL,
    lease_term      INTEGER NOT NULL,
    lease_until     INTEGER NOT NULL,
    settled_term    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX grants_self ON grants (shop_id) WHERE kind = 'self';
CREATE UNIQUE INDEX grants_user ON grants (app, openid, scope) WHERE kind = 'user';
CREATE INDEX grants_person ON grants (person_id) WHERE person_id <> '';
-- What the keeper looks for, in the order it looks.
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0 AND state IN ('active', 'stopped');
-- The few that are leased now, for the next time anything is due.
CREATE INDEX grants_leased ON grants (lease_until) WHERE lease_term > settled_term;

-- Who asked for a new token ahead of time, and when: the daily budget.
CREATE TABLE forced_refreshes (
    grant_id TEXT    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    by_whom  TEXT    NOT NULL
) STRICT;
CREATE INDEX forced_refreshes_grant ON forced_refreshes (grant_id, at);

CREATE TABLE persons (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;

-- Names and faces, apart from the person so that they can be deleted alone.
CREATE TABLE profiles (
    person_id  TEXT    NOT NULL PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    nickname   TEXT    NOT NULL,
    avatar_url TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
    app       TEXT    NOT NULL REFERENCES apps (id),
    openid    TEXT    NOT NULL,
    unionid   TEXT    NOT NULL,
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (app, openid)
) STRICT;
CREATE INDEX identities_unionid ON identities (unionid) WHERE unionid <> '';
CREATE INDEX identities_person ON identities (person_id);

CREATE TABLE members (
    tenant_id TEXT    NOT NULL REFERENCES tenants (id),
    shop_id   TEXT    NOT NULL, -- empty: the whole tenant
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    role      TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, shop_id, person_id)
) STRICT;
CREATE INDEX members_person ON members (person_id);

CREATE TABLE invitations (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_hash BLOB    NOT NULL UNIQUE,
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    shop_id    TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    invited_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    person_id  TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    tries      INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_hash BLOB    NOT NULL UNIQUE,
    person_id  TEXT    NOT NULL, -- one of person_id and admin_id is set
    admin_id   TEXT    NOT NULL,
    app        TEXT    NOT NULL,
    door       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    proved_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    idle_ms    INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    ended_why  TEXT    NOT NULL,
    device     TEXT    NOT NULL
) STRICT;
CREATE INDEX sessions_person ON sessions (person_id) WHERE person_id <> '';
CREATE INDEX sessions_admin ON sessions (admin_id) WHERE admin_id <> '';

-- States and codes that were used, so that none is used again.
CREATE TABLE callbacks (
    state_hash BLOB    NOT NULL PRIMARY KEY,
    app        TEXT    NOT NULL,
    code_hash  BLOB, -- NULL when WeChat sent none
    at         INTEGER NOT NULL,
    session_id TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX callbacks_code ON callbacks (app, code_hash);

CREATE TABLE consents (
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    app       TEXT    NOT NULL,
    tenant_id TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (person_id, app, tenant_id, version)
) STRICT;

CREATE TABLE clients (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL UNIQUE,
    key_hint   TEXT    NOT NULL,
    mode       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;

CREATE TABLE client_shops (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id   TEXT NOT NULL REFERENCES shops (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, shop_id)
) STRICT;

CREATE TABLE admins (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;

CREATE TABLE setup_links (
    hash       BLOB    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

-- What humans must be told, written with the change that caused it.
CREATE TABLE notices (
    id      INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    details TEXT    NOT NULL, -- JSON object
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_unsent ON notices (id) WHERE sent_at = 0;

-- The audit log: the entries as they were encoded, the hashes of the tree in
-- stored order, the newest head, and heads that were signed.
CREATE TABLE audit_entries (
    seq  INTEGER NOT NULL PRIMARY KEY,
    data BLOB    NOT NULL,
    leaf BLOB    NOT NULL
) STRICT;

CREATE TABLE audit_hashes (
    idx  INTEGER NOT NULL PRIMARY KEY,
    hash BLOB    NOT NULL
) STRICT;

CREATE TABLE audit_head (
    id   INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB    NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
    size INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    root BLOB    NOT NULL,
    note BLOB    NOT NULL,
    PRIMARY KEY (size, at)
) STRICT;

-- Single values: the highest time seen, the keyset, the directory's revision.
CREATE TABLE meta (
    name   TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    body   BLOB
) STRICT;
-- +goose StatementEnd
