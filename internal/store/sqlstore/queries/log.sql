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

-- name: Meta :one
SELECT number, body FROM meta WHERE name = @name;

-- name: PutMeta :exec
INSERT INTO meta (name, number, body) VALUES (@name, @number, @body)
ON CONFLICT (name) DO UPDATE SET number = excluded.number, body = excluded.body;
