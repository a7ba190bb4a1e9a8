-- The tables as the query generator knows them. Each database makes them with
-- migrations of its own; a test compares the two.
-- Times are milliseconds since 1970 in UTC, 0 for none. An empty text stands
-- for no reference. Columns that hold ciphertext are BYTEA and are NULL when
-- there is nothing to hold. Nothing here uses the database's clock.

-- Applications of WeChat that we hold the secret of.
CREATE TABLE apps (
    id             TEXT    NOT NULL PRIMARY KEY,
    kind           TEXT    NOT NULL,
    app_id         TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    secret         BYTEA,
    secret_version BIGINT NOT NULL,
    callback_host  TEXT    NOT NULL,
    verify_name    TEXT    NOT NULL,
    verify_body    TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    egress         TEXT    NOT NULL,
    api_hosts      TEXT    NOT NULL, -- JSON array
    push           BYTEA,            -- what pushes are signed and encrypted with
    push_version   BIGINT NOT NULL DEFAULT 0,
    push_previous  BYTEA,
    push_previous_version BIGINT NOT NULL DEFAULT 0,
    services       TEXT    NOT NULL DEFAULT 'null', -- JSON array; always read with the app
    owner_message  TEXT    NOT NULL DEFAULT '' -- JSON object; empty: it writes to no owners
);

CREATE TABLE tenants (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE shops (
    id                 TEXT    NOT NULL PRIMARY KEY,
    tenant_id          TEXT    NOT NULL REFERENCES tenants (id),
    app                TEXT    NOT NULL REFERENCES apps (id),
    name               TEXT    NOT NULL,
    revoke_on_withdraw BOOLEAN NOT NULL,
    app_id             TEXT    NOT NULL DEFAULT '' -- WeChat's id of the shop
);

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
    err_code        BIGINT NOT NULL,
    generation      BIGINT NOT NULL,
    access          BYTEA,
    access_expires  BIGINT NOT NULL,
    refresh         BYTEA,
    refresh_issued  BIGINT NOT NULL,
    refresh_expires BIGINT NOT NULL,
    digest          TEXT    NOT NULL, -- of the kept tokens; also in the audit log
    due_at          BIGINT NOT NULL,
    attempt         BIGINT NOT NULL,
    lease_owner     TEXT    NOT NULL,
    lease_term      BIGINT NOT NULL,
    lease_until     BIGINT NOT NULL,
    settled_term    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    proved_at       BIGINT NOT NULL DEFAULT 0,
    doubts          BIGINT NOT NULL DEFAULT 0,
    used_at         BIGINT NOT NULL DEFAULT 0,
    kills           BIGINT NOT NULL DEFAULT 0,
    authorizer      TEXT    NOT NULL DEFAULT '', -- WeChat's id of the account, of isv grants
    settled_at      BIGINT NOT NULL DEFAULT 0
);


-- Who asked for a new token ahead of time, and when: the daily budget.
CREATE TABLE forced_refreshes (
    grant_id TEXT    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    at       BIGINT NOT NULL,
    by_whom  TEXT    NOT NULL
);

CREATE TABLE persons (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    messages_off BIGINT NOT NULL DEFAULT 0 -- 1: no messages in WeChat
);

-- Messages to owners in WeChat.
CREATE TABLE owner_messages (
    id          TEXT   NOT NULL PRIMARY KEY,
    person_id   TEXT   NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    kind        TEXT   NOT NULL,
    shop_id     TEXT   NOT NULL, -- one of those that it is about
    shops       BIGINT NOT NULL,
    last_notice BIGINT NOT NULL, -- facts up to this one are in it; 0: none, it did not arrive
    app         TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    again_at    BIGINT NOT NULL -- when the next one of its kind may leave
);

-- Names and faces, apart from the person so that they can be deleted alone.
CREATE TABLE profiles (
    person_id  TEXT    NOT NULL PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    nickname   TEXT    NOT NULL,
    avatar_url TEXT    NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE identities (
    app       TEXT    NOT NULL REFERENCES apps (id),
    openid    TEXT    NOT NULL,
    unionid   TEXT    NOT NULL,
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (app, openid)
);

CREATE TABLE members (
    tenant_id TEXT    NOT NULL REFERENCES tenants (id),
    shop_id   TEXT    NOT NULL, -- empty: the whole tenant
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    role      TEXT    NOT NULL,
    since     BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, shop_id, person_id)
);

CREATE TABLE invitations (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_hash BYTEA    NOT NULL UNIQUE,
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    shop_id    TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    invited_by TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state      TEXT    NOT NULL,
    person_id  TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    tries      BIGINT NOT NULL,
    member_until BIGINT NOT NULL DEFAULT 0 -- end of the role that it gives
);

-- Ownership on its way from one person to another.
CREATE TABLE transfers (
    id          TEXT   NOT NULL PRIMARY KEY,
    tenant_id   TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    shop_id     TEXT   NOT NULL, -- empty: the whole tenant
    from_person TEXT   NOT NULL, -- empty: nobody stops being an owner
    to_person   TEXT   NOT NULL,
    made_by     TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL
);

CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_hash BYTEA    NOT NULL UNIQUE,
    person_id  TEXT    NOT NULL, -- one of person_id, admin_id and shop_id is set
    admin_id   TEXT    NOT NULL,
    app        TEXT    NOT NULL,
    door       TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    proved_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    idle_ms    BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    ended_why  TEXT    NOT NULL,
    device     TEXT    NOT NULL,
    shop_id    TEXT    NOT NULL DEFAULT '',
    role       TEXT    NOT NULL DEFAULT '', -- in that shop
    parent      TEXT   NOT NULL DEFAULT '', -- the session that it hangs on
    host        TEXT   NOT NULL DEFAULT '', -- the protected host that it is of
    address     TEXT   NOT NULL DEFAULT '', -- network prefix of the last use
    system      TEXT   NOT NULL DEFAULT '', -- family of the system at login
    previous    BYTEA, -- hash of the token before the last rotation
    rotated_at  BIGINT NOT NULL DEFAULT 0,
    replaced_at BIGINT NOT NULL DEFAULT 0, -- when the token after it was used first
    told_at     BIGINT NOT NULL DEFAULT 0 -- when somebody was told that its device is a new one
);

-- States and codes that were used, so that none is used again.
CREATE TABLE callbacks (
    state_hash BYTEA    NOT NULL PRIMARY KEY,
    app        TEXT    NOT NULL,
    code_hash  BYTEA, -- NULL when WeChat sent none
    at         BIGINT NOT NULL,
    session_id TEXT    NOT NULL
);

CREATE TABLE scans (
    id         BYTEA NOT NULL PRIMARY KEY, -- digest of what the QR code says
    state      TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    session_id TEXT NOT NULL,
    at         BIGINT NOT NULL,
    until      BIGINT NOT NULL
);

CREATE TABLE consents (
    person_id TEXT    NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    app       TEXT    NOT NULL,
    tenant_id TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (person_id, app, tenant_id, version)
);

CREATE TABLE clients (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    key_hash   BYTEA    NOT NULL UNIQUE,
    key_hint   TEXT    NOT NULL,
    mode       TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    rights     TEXT    NOT NULL DEFAULT '', -- JSON; empty: what is ordinary, and what servers write that do not know it
    made_by    TEXT    NOT NULL DEFAULT '',
    next_hash  BYTEA, -- of a second key, which follows the first; NULL: there is none
    next_hint  TEXT    NOT NULL DEFAULT '',
    next_at    BIGINT  NOT NULL DEFAULT 0, -- when it was made
    key_used_at  BIGINT NOT NULL DEFAULT 0,
    next_used_at BIGINT NOT NULL DEFAULT 0
);

-- Secrets and keys on their way from one to the next. Ended ones stay as history.
CREATE TABLE rotations (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    subject    TEXT   NOT NULL, -- an app, or a client
    state      TEXT   NOT NULL,
    by_whom    TEXT   NOT NULL,
    begun_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL, -- when it goes on by itself
    version    BIGINT NOT NULL, -- of the secret that it replaces
    next       BYTEA, -- sealed; NULL: not here, or in use
    previous   BYTEA, -- sealed; NULL: not replaced yet, or deleted
    new_seen   BIGINT NOT NULL,
    old_seen   BIGINT NOT NULL,
    why        TEXT   NOT NULL,
    replaced   BYTEA -- keyed digest of the AppSecret that it replaced; NULL: of none
);

CREATE TABLE client_shops (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id   TEXT NOT NULL REFERENCES shops (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, shop_id)
);

-- How often paths with a daily cap were called. The row of a day is written before
-- the call is sent.
CREATE TABLE uses (
    client_id TEXT    NOT NULL,
    shop_id   TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    day       BIGINT NOT NULL, -- when it began in China
    used      BIGINT NOT NULL,
    PRIMARY KEY (client_id, shop_id, path, day)
);

-- Which kept tokens a client fetched last, to be named when its key ends.
CREATE TABLE exports (
    client_id  TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    shop_id    TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL, -- of the token
    told_at    BIGINT NOT NULL, -- when a human was told of it
    PRIMARY KEY (client_id, shop_id)
);

-- Requests that make something and carry a key of their sender's, with their
-- answers, so that a repeated one makes nothing twice.
CREATE TABLE requests (
    id     BYTEA  NOT NULL PRIMARY KEY, -- digest of the sender and the key
    digest BYTEA  NOT NULL,             -- of what is asked for
    at     BIGINT NOT NULL,
    until  BIGINT NOT NULL, -- when an answer that is not there yet will not come any more
    status BIGINT NOT NULL, -- of the answer; 0: there is none yet
    kind   TEXT   NOT NULL, -- its content type
    answer BYTEA            -- sealed
);

CREATE TABLE admins (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    key_hash   BYTEA    NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    kind       TEXT    NOT NULL DEFAULT '', -- empty: may everything
    subject    TEXT    NOT NULL DEFAULT '' -- what the company's server calls them
);

-- Who of the provider entered a tenant, and why.
CREATE TABLE visits (
    id        TEXT   NOT NULL PRIMARY KEY,
    admin_id  TEXT   NOT NULL REFERENCES admins (id),
    tenant_id TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    reason    TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL
);

CREATE TABLE setup_links (
    hash       BYTEA    NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);

-- What humans must be told, written with the change that caused it.
CREATE TABLE notices (
    id      BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    details TEXT    NOT NULL, -- JSON object
    sent_at BIGINT NOT NULL,
    folded_at BIGINT NOT NULL DEFAULT 0,
    alert_id  BIGINT NOT NULL DEFAULT 0, -- the alert that counted it
    severity  TEXT   NOT NULL DEFAULT '', -- of its message; empty: it was told nobody by itself
    message   TEXT   NOT NULL DEFAULT '', -- JSON object; empty: none
    shop_id   TEXT   NOT NULL DEFAULT '', -- whom it concerns; empty: no shop
    tenant_id TEXT   NOT NULL DEFAULT ''
);

-- What is wrong, or was, by the notice that began it.
CREATE TABLE alerts (
    id          BIGINT NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    groups_by   TEXT NOT NULL,
    state       TEXT NOT NULL,
    severity    TEXT NOT NULL,
    opened_at   BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    told_at     BIGINT NOT NULL,
    told_count  BIGINT NOT NULL,
    facts       BIGINT NOT NULL,
    members     BIGINT NOT NULL,
    last_notice BIGINT NOT NULL,
    subjects    TEXT NOT NULL, -- JSON array
    details     TEXT NOT NULL, -- JSON object
    shop_id     TEXT NOT NULL,
    silence     TEXT NOT NULL
);

-- What an open alert is about.
CREATE TABLE alert_subjects (
    alert_id BIGINT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,
    since_at BIGINT NOT NULL,
    PRIMARY KEY (alert_id, subject)
);

-- What tenants were told of alerts that others share.
CREATE TABLE alert_parts (
    alert_id   BIGINT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    tenant_id  TEXT   NOT NULL,
    told_count BIGINT NOT NULL,
    told_over  BIGINT NOT NULL, -- 1: also that it is over
    PRIMARY KEY (alert_id, tenant_id)
);

-- What owners are to be told themselves, and when.
CREATE TABLE escalations (
    notice_id BIGINT NOT NULL PRIMARY KEY REFERENCES notices (id) ON DELETE CASCADE,
    alert_id  BIGINT NOT NULL,
    subject   TEXT NOT NULL,
    owed_at   BIGINT NOT NULL,
    told_at   BIGINT NOT NULL
);

-- What nobody wants to be told of for a while.
CREATE TABLE silences (
    id       TEXT NOT NULL PRIMARY KEY,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    shop_id  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    made_by  TEXT NOT NULL,
    made_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);

-- Rights that one server at a time holds.
CREATE TABLE leases (
    name     TEXT NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    term     BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);

-- What single servers find wrong, until when if they do not say so again.
CREATE TABLE held_conditions (
    name     TEXT NOT NULL,
    server   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (name, server)
);

-- Where notices go, with the right to send there, which one server at a time
-- holds.
CREATE TABLE channels (
    name        TEXT   NOT NULL PRIMARY KEY,
    seen_at     BIGINT NOT NULL,
    lease_owner TEXT   NOT NULL,
    lease_term  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    tenant_id   TEXT   NOT NULL DEFAULT '', -- whose shops it hears of; empty: of everything
    severity    TEXT   NOT NULL DEFAULT '', -- the least it hears of; empty: all
    kinds       TEXT   NOT NULL DEFAULT '[]', -- JSON array; empty: all
    failing_at  BIGINT NOT NULL DEFAULT 0, -- since when it takes nothing
    kind        TEXT   NOT NULL DEFAULT '', -- empty: a server has it in its configuration
    settings    TEXT   NOT NULL DEFAULT '{}', -- JSON object
    sealed      BYTEA,           -- the address and the secret
    version     BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL DEFAULT 0,
    made_by     TEXT   NOT NULL DEFAULT ''
);

-- One row for each notice and channel. The times and the state live in the row,
-- so that a restart goes on where it was.
CREATE TABLE deliveries (
    notice_id BIGINT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    channel   TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    attempt   BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    done_at   BIGINT NOT NULL,
    reason    TEXT   NOT NULL,
    PRIMARY KEY (notice_id, channel)
);

-- The newest tickets of each platform.
CREATE TABLE tickets (
    app        TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    value      BYTEA    NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (app, created_at)
);

-- Accounts that authorised a platform. The due time lives in the row.
CREATE TABLE authorizers (
    app        TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id     TEXT    NOT NULL,
    version    BIGINT NOT NULL,
    state      TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    shop_id    TEXT    NOT NULL,
    sets       TEXT    NOT NULL, -- JSON array of numbers
    event_at   BIGINT NOT NULL,
    code       BYTEA,
    code_ends  BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    cause      TEXT    NOT NULL,
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (app, app_id)
);

-- What shops bought, as last told.
CREATE TABLE purchases (
    app      TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_id   TEXT    NOT NULL,
    service  TEXT    NOT NULL,
    spec     TEXT    NOT NULL,
    order_id TEXT    NOT NULL,
    paid_until BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (app, app_id, service, spec)
);

-- Pushes that were recorded, so that none counts twice.
CREATE TABLE pushes (
    app    TEXT    NOT NULL,
    digest BYTEA    NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (app, digest)
);

-- What clients may hear. The number of the last one is in meta: ids are never
-- used twice, also when the newest rows are gone.
CREATE TABLE events (
    id      BIGINT NOT NULL PRIMARY KEY,
    app     TEXT    NOT NULL,
    shop_id TEXT    NOT NULL,
    app_id  TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    at      BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    body    BYTEA, -- JSON as it is, NULL when there is none
    for_client TEXT NOT NULL DEFAULT '' -- empty: for all clients that hold the shop
);

-- Who wants to hear which events, and how far each is.
CREATE TABLE subscriptions (
    id             TEXT    NOT NULL PRIMARY KEY,
    client_id      TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    url            TEXT    NOT NULL,
    events         TEXT    NOT NULL, -- JSON array
    allow_private  BOOLEAN NOT NULL,
    secret         BYTEA   NOT NULL,
    secret_version BIGINT  NOT NULL,
    previous       BYTEA,
    previous_ends  BIGINT  NOT NULL,
    state          TEXT    NOT NULL,
    why            TEXT    NOT NULL,
    cursor         BIGINT  NOT NULL,
    failures       BIGINT  NOT NULL,
    pause_until    BIGINT  NOT NULL,
    lease_owner    TEXT    NOT NULL,
    lease_term     BIGINT  NOT NULL,
    lease_until    BIGINT  NOT NULL,
    created_at     BIGINT  NOT NULL
);

-- Shops of a subscription whose events wait behind one that was not taken.
CREATE TABLE held_shops (
    subscription_id TEXT   NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    shop_id         TEXT   NOT NULL,
    event_id        BIGINT NOT NULL,
    attempt         BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    reason          TEXT   NOT NULL,
    PRIMARY KEY (subscription_id, shop_id)
);

-- Events that were given up for a subscription, whole.
CREATE TABLE dead_letters (
    subscription_id TEXT   NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    event_id        BIGINT NOT NULL,
    app             TEXT   NOT NULL,
    shop_id         TEXT   NOT NULL,
    app_id          TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    seen_at         BIGINT NOT NULL,
    body            BYTEA,
    attempt         BIGINT NOT NULL,
    reason          TEXT   NOT NULL,
    dead_at         BIGINT NOT NULL,
    again_at        BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, event_id)
);

-- The audit log: the entries as they were encoded, the hashes of the tree in
-- stored order, the newest head, and heads that were signed.
CREATE TABLE audit_entries (
    seq  BIGINT NOT NULL PRIMARY KEY,
    data BYTEA    NOT NULL,
    leaf BYTEA    NOT NULL
);

CREATE TABLE audit_hashes (
    idx  BIGINT NOT NULL PRIMARY KEY,
    hash BYTEA    NOT NULL
);

CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    root BYTEA    NOT NULL
);

CREATE TABLE audit_checkpoints (
    size BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    root BYTEA    NOT NULL,
    note BYTEA    NOT NULL,
    PRIMARY KEY (size, at)
);

-- The newest signed head that each other place took.
CREATE TABLE audit_places (
    name TEXT   NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    note BYTEA  NOT NULL
);

-- Signed heads of other servers' logs. What contradicts one that was seen before is
-- kept as evidence, and counts for nothing else.
CREATE TABLE audit_witnessed (
    log     TEXT    NOT NULL,
    size    BIGINT  NOT NULL,
    root    BYTEA   NOT NULL,
    seen_at BIGINT  NOT NULL,
    note    BYTEA   NOT NULL,
    forked  BOOLEAN NOT NULL,
    PRIMARY KEY (log, size, root)
);

-- Keys that sign what others verify, private halves sealed. The public half is
-- computed from it, so that nobody who writes here adds a key of theirs.
CREATE TABLE signing_keys (
    id              TEXT   NOT NULL PRIMARY KEY,
    alg             TEXT   NOT NULL,
    private         BYTEA  NOT NULL,
    made_at         BIGINT NOT NULL,
    signs_from      BIGINT NOT NULL,
    signs_until     BIGINT NOT NULL,
    published_until BIGINT NOT NULL
);

-- Programs that people are logged into with OpenID Connect.
CREATE TABLE oidc_clients (
    id                TEXT    NOT NULL PRIMARY KEY,
    name              TEXT    NOT NULL,
    secret_hash       BYTEA,            -- keyed digest; NULL: a public client
    redirect_uris     TEXT    NOT NULL, -- JSON array
    post_logout_uris  TEXT    NOT NULL, -- JSON array
    backchannel_uri   TEXT    NOT NULL,
    allow_private     BOOLEAN NOT NULL,
    tenant_id         TEXT    NOT NULL, -- one of tenant_id and shop_id is set
    shop_id           TEXT    NOT NULL,
    role              TEXT    NOT NULL,
    doors             TEXT    NOT NULL, -- JSON array
    claims            TEXT    NOT NULL, -- JSON array
    sector            TEXT    NOT NULL, -- clients of one sector know a person by one id
    email_domain      TEXT    NOT NULL,
    without_pkce      BOOLEAN NOT NULL,
    created_at        BIGINT  NOT NULL
);

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
    code_hash      BYTEA   NOT NULL UNIQUE,
    code_ends      BIGINT  NOT NULL,
    code_used      BIGINT  NOT NULL, -- when; 0: not yet
    refresh_hash   BYTEA,            -- of the token that counts; NULL: there is none
    created_at     BIGINT  NOT NULL,
    ended_at       BIGINT  NOT NULL,
    ended_why      TEXT    NOT NULL,
    logout_due     BIGINT  NOT NULL, -- when the client is told of the end; 0: not
    logout_attempt BIGINT  NOT NULL
);

-- Reports of who may do what that somebody signed.
CREATE TABLE reviews (
    id        TEXT   NOT NULL PRIMARY KEY,
    tenant_id TEXT   NOT NULL, -- empty: the whole house
    shop_id   TEXT   NOT NULL, -- empty: the whole tenant
    digest    TEXT   NOT NULL, -- of the report
    lines     BIGINT NOT NULL, -- of the report
    marked    BIGINT NOT NULL, -- lines that stood out
    note      TEXT   NOT NULL,
    made_by   TEXT   NOT NULL,
    at        BIGINT NOT NULL
);

-- Authorisations that somebody is asked to give anew, and when they last did.
CREATE TABLE renewals (
    grant_id   TEXT   NOT NULL PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    why        TEXT   NOT NULL, -- asked or max_age
    made_by    TEXT   NOT NULL,
    asked_at   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL, -- 0: none
    renewed_at BIGINT NOT NULL, -- when it was given anew last; 0: not since it was asked for first
    closed_at  BIGINT NOT NULL, -- when it was over, for whatever reason; 0: somebody is asked
    told       BIGINT NOT NULL  -- 1: a human was told, and is told when it is over
);

-- Single values: the highest time seen, the keyset, the directory's revision,
-- what is wrong since when.
CREATE TABLE meta (
    name   TEXT    NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    body   BYTEA
);

-- How often each client called each path of a shop, by days.
CREATE TABLE path_uses (
    client_id TEXT   NOT NULL,
    shop_id   TEXT   NOT NULL,
    path      TEXT   NOT NULL,
    day       BIGINT NOT NULL, -- when it began in China
    calls     BIGINT NOT NULL,
    PRIMARY KEY (client_id, shop_id, path, day)
);

-- What WeChat announced of its APIs.
CREATE TABLE api_changes (
    id         TEXT   NOT NULL PRIMARY KEY, -- made of what it says
    path       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    doc_url    TEXT   NOT NULL,
    log_url    TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    clients    TEXT   NOT NULL -- JSON array of those that used the path when it was seen
);

-- Tokens that died although they should live, by grant.
CREATE TABLE strangers (
    grant_id TEXT   NOT NULL PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    last_at  BIGINT NOT NULL,
    evidence TEXT   NOT NULL -- JSON
);
