-- +goose Up
-- Requests that make something and carry a key of their sender's, with their
-- answers, so that a repeated one makes nothing twice.
CREATE TABLE requests (
    id     BYTEA NOT NULL PRIMARY KEY, -- digest of the sender and the key
    digest BYTEA NOT NULL,             -- of what is asked for
    at     BIGINT NOT NULL,
    until  BIGINT NOT NULL, -- when an answer that is not there yet will not come any more
    status BIGINT NOT NULL, -- of the answer; 0: there is none yet
    kind   TEXT COLLATE "C" NOT NULL, -- its content type
    answer BYTEA             -- sealed
);
CREATE INDEX requests_at ON requests (at);
