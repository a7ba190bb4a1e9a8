-- +goose Up
-- +goose StatementBegin
-- Who made a key, how long a role lasts that an invitation gives, and what somebody
-- of the provider may do. Servers of before leave them out.
ALTER TABLE clients ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE invitations ADD COLUMN member_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE admins ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX admins_subject ON admins (subject) WHERE subject <> '';

-- Ownership on its way from one person to another.
CREATE TABLE transfers (
    id          TEXT NOT NULL PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    shop_id     TEXT NOT NULL, -- empty: the whole tenant
    from_person TEXT NOT NULL, -- empty: nobody stops being an owner
    to_person   TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    state       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX transfers_tenant ON transfers (tenant_id);
CREATE INDEX transfers_due ON transfers (due_at) WHERE ended_at = 0;

-- Who of the provider entered a tenant, and why.
CREATE TABLE visits (
    id        TEXT NOT NULL PRIMARY KEY,
    admin_id  TEXT NOT NULL REFERENCES admins (id),
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX visits_tenant ON visits (tenant_id, at);
-- +goose StatementEnd
