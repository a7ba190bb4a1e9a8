-- +goose Up
-- +goose StatementBegin
-- Keys that sign what others verify, private halves sealed. The public half is
-- computed from it, so that nobody who writes here adds a key of theirs.
CREATE TABLE signing_keys (
    id              TEXT    NOT NULL PRIMARY KEY,
    alg             TEXT    NOT NULL,
    private         BLOB    NOT NULL,
    made_at         INTEGER NOT NULL,
    signs_from      INTEGER NOT NULL,
    signs_until     INTEGER NOT NULL,
    published_until INTEGER NOT NULL
) STRICT;
-- +goose StatementEnd
