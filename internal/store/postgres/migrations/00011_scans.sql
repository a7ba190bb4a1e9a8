-- +goose Up
-- What people answered on their phone to a QR code of ours that a PC shows. A code
-- that nobody answered is kept nowhere.
CREATE TABLE scans (
    id         BYTEA NOT NULL PRIMARY KEY, -- digest of what the QR code says
    state      TEXT COLLATE "C" NOT NULL,  -- approved, refused or taken
    person_id  TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL, -- in which it was answered
    at         BIGINT NOT NULL,
    until      BIGINT NOT NULL -- when an approval that was not taken is worth nothing
);
CREATE INDEX scans_at ON scans (at);
