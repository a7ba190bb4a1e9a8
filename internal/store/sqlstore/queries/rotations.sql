-- name: Rotation :one
SELECT * FROM rotations WHERE id = @id;

-- name: LiveRotations :many
SELECT * FROM rotations WHERE state IN ('waits', 'taken', 'overlap') ORDER BY begun_at, id;

-- name: RotationsBefore :many
-- The newest first.
SELECT * FROM rotations WHERE begun_at < @begun_at OR begun_at = @begun_at AND id < @id ORDER BY begun_at DESC, id DESC LIMIT @max_rows;

-- name: PutRotation :exec
INSERT INTO rotations (id, kind, subject, state, by_whom, begun_at, changed_at, due_at, version, next, previous, new_seen, old_seen, why, replaced)
VALUES (@id, @kind, @subject, @state, @by_whom, @begun_at, @changed_at, @due_at, @version, @next, @previous, @new_seen, @old_seen, @why, @replaced)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, due_at = excluded.due_at,
    version = excluded.version, next = excluded.next, previous = excluded.previous, new_seen = excluded.new_seen, old_seen = excluded.old_seen, why = excluded.why, replaced = excluded.replaced;

-- name: RotationThatReplaced :one
SELECT * FROM rotations WHERE subject = @subject AND replaced = @replaced ORDER BY begun_at DESC, id DESC LIMIT 1;

-- name: SeeRotation :exec
UPDATE rotations SET new_seen = CASE WHEN new_seen < @new_seen THEN @new_seen ELSE new_seen END,
    old_seen = CASE WHEN old_seen < @old_seen THEN @old_seen ELSE old_seen END
WHERE id = @id AND state = 'overlap';
