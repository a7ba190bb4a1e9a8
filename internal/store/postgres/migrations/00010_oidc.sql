-- +goose Up
-- Programs that people are logged into with OpenID Connect.
CREATE TABLE oidc_clients (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name              TEXT COLLATE "C" NOT NULL,
    secret_hash       BYTEA,            -- keyed digest; NULL: a public client
    redirect_uris     TEXT COLLATE "C" NOT NULL, -- JSON array
    post_logout_uris  TEXT COLLATE "C" NOT NULL, -- JSON array
    backchannel_uri   TEXT COLLATE "C" NOT NULL,
    allow_private     BOOLEAN NOT NULL,
    tenant_id         TEXT COLLATE "C" NOT NULL, -- one of tenant_id and shop_id is set
    shop_id           TEXT COLLATE "C" NOT NULL,
    role              TEXT COLLATE "C" NOT NULL,
    doors             TEXT COLLATE "C" NOT NULL, -- JSON array
    claims            TEXT COLLATE "C" NOT NULL, -- JSON array
    sector            TEXT COLLATE "C" NOT NULL, -- clients of one sector know a person by one id
    email_domain      TEXT COLLATE "C" NOT NULL,
    without_pkce      BOOLEAN NOT NULL,
    created_at        BIGINT  NOT NULL
);

-- Logins into them. Each hangs on a session of ours.
CREATE TABLE oidc_logins (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id      TEXT COLLATE "C" NOT NULL REFERENCES oidc_clients (id) ON DELETE CASCADE,
    session_id     TEXT COLLATE "C" NOT NULL,
    person_id      TEXT COLLATE "C" NOT NULL, -- empty: somebody of the shop
    shop_id        TEXT COLLATE "C" NOT NULL,
    scope          TEXT COLLATE "C" NOT NULL,
    nonce          TEXT COLLATE "C" NOT NULL,
    redirect_uri   TEXT COLLATE "C" NOT NULL,
    challenge      TEXT COLLATE "C" NOT NULL,
    code_hash      BYTEA   NOT NULL UNIQUE,
    code_ends      BIGINT  NOT NULL,
    code_used      BIGINT  NOT NULL, -- when; 0: not yet
    refresh_hash   BYTEA,            -- of the token that counts; NULL: there is none
    created_at     BIGINT  NOT NULL,
    ended_at       BIGINT  NOT NULL,
    ended_why      TEXT COLLATE "C" NOT NULL,
    logout_due     BIGINT  NOT NULL, -- when the client is told of the end; 0: not
    logout_attempt BIGINT  NOT NULL
);
CREATE INDEX oidc_logins_session ON oidc_logins (session_id, client_id);
CREATE INDEX oidc_logins_client ON oidc_logins (client_id);
CREATE INDEX oidc_logins_live ON oidc_logins (id) WHERE ended_at = 0;
CREATE INDEX oidc_logins_due ON oidc_logins (logout_due) WHERE logout_due > 0;
