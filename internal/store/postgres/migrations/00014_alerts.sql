-- +goose Up
-- Facts are folded into alerts, and messages are what is told of them. What a
-- server of before writes and owes is folded too, and not told twice. What it owed
-- before this migration is told as it is.
ALTER TABLE notices ADD COLUMN folded_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN alert_id BIGINT NOT NULL DEFAULT 0; -- the alert that counted it
ALTER TABLE notices ADD COLUMN severity TEXT COLLATE "C" NOT NULL DEFAULT ''; -- of its message; empty: it was told nobody by itself
ALTER TABLE notices ADD COLUMN message TEXT COLLATE "C" NOT NULL DEFAULT ''; -- JSON object; empty: none
UPDATE notices SET folded_at = at;
CREATE INDEX notices_unfolded ON notices (id) WHERE folded_at = 0;

-- What is wrong, or was, by the notice that began it.
CREATE TABLE alerts (
    id          BIGINT NOT NULL PRIMARY KEY,
    kind        TEXT COLLATE "C" NOT NULL,
    groups_by   TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    severity    TEXT COLLATE "C" NOT NULL,
    opened_at   BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    told_at     BIGINT NOT NULL,
    told_count  BIGINT NOT NULL,
    facts       BIGINT NOT NULL,
    members     BIGINT NOT NULL,
    last_notice BIGINT NOT NULL,
    subjects    TEXT COLLATE "C" NOT NULL, -- JSON array
    details     TEXT COLLATE "C" NOT NULL, -- JSON object
    shop_id     TEXT COLLATE "C" NOT NULL,
    silence     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX alerts_open ON alerts (id) WHERE state <> 'over' OR due_at > 0;
CREATE INDEX alerts_ended ON alerts (ended_at) WHERE ended_at > 0;

-- What an open alert is about.
CREATE TABLE alert_subjects (
    alert_id BIGINT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    subject  TEXT COLLATE "C" NOT NULL,
    since_at BIGINT NOT NULL,
    PRIMARY KEY (alert_id, subject)
);
CREATE INDEX alert_subjects_subject ON alert_subjects (subject);

-- What owners are to be told themselves, and when.
CREATE TABLE escalations (
    notice_id BIGINT NOT NULL PRIMARY KEY REFERENCES notices (id) ON DELETE CASCADE,
    alert_id  BIGINT NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    owed_at   BIGINT NOT NULL,
    told_at   BIGINT NOT NULL
);
CREATE INDEX escalations_owed ON escalations (owed_at) WHERE told_at = 0;
CREATE INDEX escalations_alert ON escalations (alert_id, subject) WHERE told_at = 0;

-- What nobody wants to be told of for a while.
CREATE TABLE silences (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind     TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    shop_id  TEXT COLLATE "C" NOT NULL,
    reason   TEXT COLLATE "C" NOT NULL,
    made_by  TEXT COLLATE "C" NOT NULL,
    made_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);

-- Rights that one server at a time holds.
CREATE TABLE leases (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner    TEXT COLLATE "C" NOT NULL,
    term     BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);

-- What single servers find wrong, until when if they do not say so again.
CREATE TABLE held_conditions (
    name     TEXT COLLATE "C" NOT NULL,
    server   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (name, server)
);
