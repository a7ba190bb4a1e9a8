-- +goose Up
-- Keys that sign what others verify, private halves sealed. The public half is
-- computed from it, so that nobody who writes here adds a key of theirs.
CREATE TABLE signing_keys (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    alg             TEXT COLLATE "C" NOT NULL,
    private         BYTEA   NOT NULL,
    made_at         BIGINT  NOT NULL,
    signs_from      BIGINT  NOT NULL,
    signs_until     BIGINT  NOT NULL,
    published_until BIGINT  NOT NULL
);
