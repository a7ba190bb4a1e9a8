-- name: Channel :one
SELECT * FROM channels WHERE name = @name;

-- name: DeclaredChannels :many
SELECT * FROM channels WHERE kind <> '' ORDER BY name;

-- name: InsertChannel :exec
INSERT INTO channels (name, seen_at, lease_owner, lease_term, lease_until, tenant_id, severity, kinds, failing_at, kind, settings, sealed, version, created_at, made_by)
VALUES (@name, @seen_at, '', 0, 0, @tenant_id, @severity, @kinds, 0, '', '{}', NULL, 0, 0, '')
ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, tenant_id = excluded.tenant_id, severity = excluded.severity, kinds = excluded.kinds
    WHERE channels.kind = '';

-- name: PutChannel :exec
INSERT INTO channels (name, seen_at, lease_owner, lease_term, lease_until, tenant_id, severity, kinds, failing_at, kind, settings, sealed, version, created_at, made_by)
VALUES (@name, 0, '', 0, 0, @tenant_id, @severity, @kinds, 0, @kind, @settings, @sealed, @version, @created_at, @made_by)
ON CONFLICT (name) DO UPDATE SET tenant_id = excluded.tenant_id, severity = excluded.severity, kinds = excluded.kinds, kind = excluded.kind,
    settings = excluded.settings, sealed = excluded.sealed, version = excluded.version, made_by = excluded.made_by;

-- name: ChannelsOfTenant :many
SELECT * FROM channels WHERE tenant_id = @tenant_id AND kind <> '' ORDER BY name;

-- name: InsertDelivery :exec
INSERT INTO deliveries (notice_id, channel, state, attempt, due_at, done_at, reason)
VALUES (@notice_id, @channel, 'pending', 0, @due_at, 0, '')
ON CONFLICT (notice_id, channel) DO NOTHING;

-- name: ChannelTakes :exec
UPDATE channels SET failing_at = 0 WHERE name = @name AND failing_at > 0;

-- name: ChannelFails :exec
UPDATE channels SET failing_at = @failing_at WHERE name = @name AND failing_at = 0;

-- name: FailingChannels :many
SELECT name, failing_at FROM channels WHERE failing_at > 0 ORDER BY name;
