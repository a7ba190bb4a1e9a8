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

-- name: DeleteCheckpoint :exec
DELETE FROM audit_checkpoints WHERE size = @size AND at = @at;

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

-- name: WitnessedToThin :many
-- Those that the next head of their log follows on the same day.
SELECT w.log, w.size, w.root FROM audit_witnessed w
WHERE NOT w.forked AND w.seen_at < @before
    AND w.seen_at / 86400000 = (SELECT n.seen_at / 86400000 FROM audit_witnessed n
        WHERE n.log = w.log AND NOT n.forked AND n.size > w.size ORDER BY n.size LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM audit_witnessed f WHERE f.log = w.log AND f.forked)
ORDER BY w.log, w.size LIMIT @max_rows;

-- name: DeleteWitnessed :execrows
-- A fork may have been seen since, and its evidence stays whole.
DELETE FROM audit_witnessed WHERE audit_witnessed.log = @log AND audit_witnessed.size = @size AND audit_witnessed.root = @root
    AND NOT EXISTS (SELECT 1 FROM audit_witnessed f WHERE f.log = audit_witnessed.log AND f.forked);

-- name: InsertWitnessed :exec
INSERT INTO audit_witnessed (log, size, root, seen_at, note, forked) VALUES (@log, @size, @root, @seen_at, @note, @forked)
ON CONFLICT (log, size, root) DO NOTHING;

-- name: Meta :one
SELECT number, body FROM meta WHERE name = @name;

-- name: PutMeta :exec
INSERT INTO meta (name, number, body) VALUES (@name, @number, @body)
ON CONFLICT (name) DO UPDATE SET number = excluded.number, body = excluded.body;
