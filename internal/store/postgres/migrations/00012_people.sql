-- +goose Up
-- Who made a key, how long a role lasts that an invitation gives, and what somebody
-- of the provider may do. Servers of before leave them out.
ALTER TABLE clients ADD COLUMN made_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE invitations ADD COLUMN member_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE admins ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN subject TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX admins_subject ON admins (subject) WHERE subject <> '';

-- Ownership on its way from one person to another.
CREATE TABLE transfers (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    shop_id     TEXT COLLATE "C" NOT NULL, -- empty: the whole tenant
    from_person TEXT COLLATE "C" NOT NULL, -- empty: nobody stops being an owner
    to_person   TEXT COLLATE "C" NOT NULL,
    made_by     TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL
);
CREATE INDEX transfers_tenant ON transfers (tenant_id);
CREATE INDEX transfers_due ON transfers (due_at) WHERE ended_at = 0;

-- Who of the provider entered a tenant, and why.
CREATE TABLE visits (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    admin_id  TEXT COLLATE "C" NOT NULL REFERENCES admins (id),
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    reason    TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL
);
CREATE INDEX visits_tenant ON visits (tenant_id, at);
