-- +goose Up
-- +goose StatementBegin
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
-- +goose StatementEnd
