-- +goose Up
-- +goose StatementBegin
-- Facts are folded into alerts, and messages are what is told of them. What a
-- server of before writes and owes is folded too, and not told twice. What it owed
-- before this migration is told as it is.
ALTER TABLE notices ADD COLUMN folded_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN alert_id INTEGER NOT NULL DEFAULT 0; -- the alert that counted it
ALTER TABLE notices ADD COLUMN severity TEXT NOT NULL DEFAULT ''; -- of its message; empty: it was told nobody by itself
ALTER TABLE notices ADD COLUMN message TEXT NOT NULL DEFAULT ''; -- JSON object; empty: none
UPDATE notices SET folded_at = at;
CREATE INDEX notices_unfolded ON notices (id) WHERE folded_at = 0;

-- What is wrong, or was, by the notice that began it.
CREATE TABLE alerts (
    id          INTEGER NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    groups_by   TEXT NOT NULL,
    state       TEXT NOT NULL,
    severity    TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    told_at     INTEGER NOT NULL,
    told_count  INTEGER NOT NULL,
    facts       INTEGER NOT NULL,
    members     INTEGER NOT NULL,
    last_notice INTEGER NOT NULL,
    subjects    TEXT NOT NULL, -- JSON array
    details     TEXT NOT NULL, -- JSON object
    shop_id     TEXT NOT NULL,
    silence     TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_open ON alerts (id) WHERE state <> 'over' OR due_at > 0;
CREATE INDEX alerts_ended ON alerts (ended_at) WHERE ended_at > 0;

-- What an open alert is about.
CREATE TABLE alert_subjects (
    alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    PRIMARY KEY (alert_id, subject)
) STRICT;
CREATE INDEX alert_subjects_subject ON alert_subjects (subject);

-- What owners are to be told themselves, and when.
CREATE TABLE escalations (
    notice_id INTEGER NOT NULL PRIMARY KEY REFERENCES notices (id) ON DELETE CASCADE,
    alert_id  INTEGER NOT NULL,
    subject   TEXT NOT NULL,
    owed_at   INTEGER NOT NULL,
    told_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX escalations_owed ON escalations (owed_at) WHERE told_at = 0;
CREATE INDEX escalations_alert ON escalations (alert_id, subject) WHERE told_at = 0;

-- What nobody wants to be told of for a while.
CREATE TABLE silences (
    id       TEXT NOT NULL PRIMARY KEY,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    shop_id  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    made_by  TEXT NOT NULL,
    made_at  INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;

-- Rights that one server at a time holds.
CREATE TABLE leases (
    name     TEXT NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    term     INTEGER NOT NULL,
    until_at INTEGER NOT NULL
) STRICT;

-- What single servers find wrong, until when if they do not say so again.
CREATE TABLE held_conditions (
    name     TEXT NOT NULL,
    server   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (name, server)
) STRICT;
-- +goose StatementEnd
