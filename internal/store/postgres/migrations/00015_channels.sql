-- +goose Up
-- Channels hear of what they are for, those that are made while the server runs keep
-- what they are made of, and one that takes nothing is known by the time it began. A
-- server of before registers its own channels beside them, which hear of everything.
ALTER TABLE channels ADD COLUMN tenant_id TEXT COLLATE "C" NOT NULL DEFAULT ''; -- whose shops it hears of; empty: of everything
ALTER TABLE channels ADD COLUMN severity TEXT COLLATE "C" NOT NULL DEFAULT ''; -- the least it hears of; empty: all
ALTER TABLE channels ADD COLUMN kinds TEXT COLLATE "C" NOT NULL DEFAULT '[]'; -- JSON array; empty: all
ALTER TABLE channels ADD COLUMN failing_at BIGINT NOT NULL DEFAULT 0; -- since when it takes nothing
ALTER TABLE channels ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT ''; -- empty: a server has it in its configuration
ALTER TABLE channels ADD COLUMN settings TEXT COLLATE "C" NOT NULL DEFAULT '{}'; -- JSON object
ALTER TABLE channels ADD COLUMN sealed BYTEA; -- the address and the secret
ALTER TABLE channels ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN made_by TEXT COLLATE "C" NOT NULL DEFAULT '';
