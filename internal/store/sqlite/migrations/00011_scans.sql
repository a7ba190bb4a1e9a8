-- +goose Up
-- +goose StatementBegin
-- What people answered on their phone to a QR code of ours that a PC shows. A code
-- that nobody answered is kept nowhere.
CREATE TABLE scans (
    id         BLOB NOT NULL PRIMARY KEY, -- digest of what the QR code says
    state      TEXT NOT NULL,             -- approved, refused or taken
    person_id  TEXT NOT NULL,
    session_id TEXT NOT NULL, -- in which it was answered
    at         INTEGER NOT NULL,
    until      INTEGER NOT NULL -- when an approval that was not taken is worth nothing
) STRICT;
CREATE INDEX scans_at ON scans (at);
-- +goose StatementEnd
