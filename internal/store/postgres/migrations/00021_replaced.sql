-- +goose Up
-- +goose StatementBegin
-- A keyed digest of the AppSecret that a rotation replaced, so that a manifest cannot
-- bring it back unnoticed. NULL: none was replaced.
ALTER TABLE rotations ADD COLUMN replaced BYTEA;
-- +goose StatementEnd
