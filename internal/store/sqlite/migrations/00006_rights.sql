-- +goose Up
-- What each client may do beside its mode, as JSON; empty: what is ordinary.
ALTER TABLE clients ADD COLUMN rights TEXT NOT NULL DEFAULT '';
