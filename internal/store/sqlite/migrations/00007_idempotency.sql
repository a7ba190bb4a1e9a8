-- +goose Up
-- +goose StatementBegin
-- Requests that make something and carry a key of their sender's, with their
-- answers, so that a repeated one makes nothing twice.
CREATE TABLE requests (
    id     BLOB NOT NULL PRIMARY KEY, -- digest of the sender and the key
    digest BLOB NOT NULL,             -- of what is asked for
    at     INTEGER NOT NULL,
    until  INTEGER NOT NULL, -- when an answer that is not there yet will not come any more
    status INTEGER NOT NULL, -- of the answer; 0: there is none yet
    kind   TEXT NOT NULL, -- its content type
    answer BLOB             -- sealed
) STRICT;
CREATE INDEX requests_at ON requests (at);
-- +goose StatementEnd
