-- +goose Up
-- +goose StatementBegin
-- The newest signed head that each other place took.
CREATE TABLE audit_places (
    name TEXT   NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    note BLOB   NOT NULL
) STRICT;

-- Signed heads of other servers' logs. What contradicts one that was seen before is
-- kept as evidence, and counts for nothing else.
CREATE TABLE audit_witnessed (
    log     TEXT    NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB    NOT NULL,
    seen_at INTEGER NOT NULL,
    note    BLOB    NOT NULL,
    forked  INTEGER NOT NULL,
    PRIMARY KEY (log, size, root)
) STRICT;
-- +goose StatementEnd
