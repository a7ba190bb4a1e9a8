-- +goose Up
-- When somebody was told of a login that its device was a new one; 0: it was known.
ALTER TABLE sessions ADD COLUMN told_at BIGINT NOT NULL DEFAULT 0;
