-- +goose Up
-- +goose StatementBegin
-- Programs that people are logged into with OpenID Connect.
CREATE TABLE oidc_clients (
    id                TEXT    NOT NULL PRIMARY KEY,
    name              TEXT    NOT NULL,
    secret_hash       BLOB,             -- keyed digest; NULL: a public client
    redirect_uris     TEXT    NOT NULL, -- JSON array
    post_logout_uris  TEXT    NOT NULL, -- JSON array
    backchannel_uri   TEXT    NOT NULL,
    allow_private     INTEGER NOT NULL,
    tenant_id         TEXT    NOT NULL, -- one of tenant_id and shop_id is set
    shop_id           TEXT    NOT NULL,
    role              TEXT    NOT NULL,
    doors             TEXT    NOT NULL, -- JSON array
    claims            TEXT    NOT NULL, -- JSON array
    sector            TEXT    NOT NULL, -- clients of one sector know a person by one id
    email_domain      TEXT    NOT NULL,
    without_pkce      INTEGER NOT NULL,
    created_at        INTEGER NOT NULL
) STRICT;

-- Logins into them. Each hangs on a session of ours.
CREATE TABLE oidc_logins (
    id             TEXT    NOT NULL PRIMARY KEY,
    client_id      TEXT    NOT NULL REFERENCES oidc_clients (id) ON DELETE CASCADE,
    session_id     TEXT    NOT NULL,
    person_id      TEXT    NOT NULL, -- empty: somebody of the shop
    shop_id        TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    nonce          TEXT    NOT NULL,
    redirect_uri   TEXT    NOT NULL,
    challenge      TEXT    NOT NULL,
    code_hash      BLOB    NOT NULL UNIQUE,
    code_ends      INTEGER NOT NULL,
    code_used      INTEGER NOT NULL, -- when; 0: not yet
    refresh_hash   BLOB,             -- of the token that counts; NULL: there is none
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL,
    ended_why      TEXT    NOT NULL,
    logout_due     INTEGER NOT NULL, -- when the client is told of the end; 0: not
    logout_attempt INTEGER NOT NULL
) STRICT;
CREATE INDEX oidc_logins_session ON oidc_logins (session_id, client_id);
CREATE INDEX oidc_logins_client ON oidc_logins (client_id);
CREATE INDEX oidc_logins_live ON oidc_logins (id) WHERE ended_at = 0;
CREATE INDEX oidc_logins_due ON oidc_logins (logout_due) WHERE logout_due > 0;
-- +goose StatementEnd
