-- name: AuditHead :one
SELECT size, root FROM audit_head WHERE id = 1;

-- name: PutAuditHead :exec
INSERT INTO audit_head (id, size, root) VALUES (1, @size, @root)
ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root;

-- name: InsertAuditEntry :exec
INSERT INTO audit_entries (seq, data, leaf) VALUES (@seq, @data, @leaf);

-- name: AuditEntries :many
SELECT * FROM audit_entries WHERE seq > @after ORDER BY seq LIMIT @max_rows;

-- name: LastAuditEntry :one
SELECT seq FROM audit_entries ORDER BY seq DESC LIMIT 1;

-- name: InsertAuditHash :exec
INSERT INTO audit_hashes (idx, hash) VALUES (@idx, @hash);

-- name: AuditHashes :many
SELECT * FROM audit_hashes WHERE idx >= @first_idx AND idx < @end_idx ORDER BY idx;

-- name: InsertCheckpoint :exec
INSERT INTO audit_checkpoints (size, at, root, note) VALUES (@size, @at, @root, @note);

-- name: CheckpointsAfter :many
SELECT * FROM audit_checkpoints WHERE size > @size ORDER BY size, at LIMIT @max_rows;

-- name: Checkpoints :many
SELECT * FROM audit_checkpoints ORDER BY size, at;

-- name: NewestCheckpoint :one
SELECT * FROM audit_checkpoints ORDER BY size DESC, at DESC LIMIT 1;

-- name: CheckpointBefore :one
SELECT * FROM audit_checkpoints WHERE at <= @before AND size <= @most ORDER BY size DESC, at DESC LIMIT 1;

-- name: DeleteAuditEntries :execrows
DELETE FROM audit_entries WHERE seq >= @first AND seq < @after;

-- name: AuditPlace :one
SELECT * FROM audit_places WHERE name = @name;

-- name: AuditPlaces :many
SELECT * FROM audit_places ORDER BY name;

-- name: PutAuditPlace :exec
INSERT INTO audit_places (name, size, at, note) VALUES (@name, @size, @at, @note)
ON CONFLICT (name) DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note;

-- name: NewestWitnessed :one
SELECT * FROM audit_witnessed WHERE log = @log AND NOT forked ORDER BY size DESC LIMIT 1;

-- name: WitnessedOf :many
SELECT * FROM audit_witnessed WHERE log = @log AND size = @size ORDER BY forked;

-- name: Witnessed :many
SELECT * FROM audit_witnessed WHERE log = @log ORDER BY forked DESC, size DESC LIMIT @max_rows;

-- name: InsertWitnessed :exec
INSERT INTO audit_witnessed (log, size, root, seen_at, note, forked) VALUES (@log, @size, @root, @seen_at, @note, @forked)
ON CONFLICT (log, size, root) DO NOTHING;

-- name: Meta :one
SELECT number, body FROM meta WHERE name = @name;

-- name: PutMeta :exec
INSERT INTO meta (name, number, body) VALUES (@name, @number, @body)
ON CONFLICT (name) DO UPDATE SET number = excluded.number, body = excluded.body;
