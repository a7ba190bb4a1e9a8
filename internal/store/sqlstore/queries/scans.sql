-- name: Scan :one
SELECT * FROM scans WHERE id = @id;

-- name: InsertScan :exec
INSERT INTO scans (id, state, person_id, session_id, at, until) VALUES (@id, @state, @person_id, @session_id, @at, @until);

-- name: TakeScan :execrows
UPDATE scans SET state = 'taken' WHERE id = @id AND state = 'approved' AND until > @now;

-- name: PurgeScans :exec
DELETE FROM scans WHERE at < @before;
