-- name: InsertSession :exec
INSERT INTO sessions (id, token_hash, person_id, admin_id, app, door, created_at, seen_at, proved_at, expires_at, idle_ms,
    ended_at, ended_why, device, shop_id, role, parent, host, address, system, told_at)
VALUES (@id, @token_hash, @person_id, @admin_id, @app, @door, @created_at, @seen_at, @proved_at, @expires_at, @idle_ms,
    0, '', @device, @shop_id, @role, @parent, @host, @address, @system, @told_at);

-- name: Session :one
SELECT * FROM sessions WHERE id = @id;

-- name: SessionByToken :one
SELECT * FROM sessions WHERE token_hash = @token_hash;

-- name: SessionByPrevious :one
SELECT * FROM sessions WHERE previous = @previous AND previous IS NOT NULL ORDER BY created_at DESC, id LIMIT 1;

-- name: SessionsOfParent :many
SELECT * FROM sessions WHERE parent = @parent AND parent <> '' ORDER BY created_at DESC, id;

-- name: Sessions :many
SELECT * FROM sessions ORDER BY created_at DESC, id;

-- name: SessionsOfPerson :many
SELECT * FROM sessions WHERE person_id = @person_id AND person_id <> '' ORDER BY created_at DESC, id;

-- name: SessionsOfAdmin :many
SELECT * FROM sessions WHERE admin_id = @admin_id AND admin_id <> '' ORDER BY created_at DESC, id;

-- name: SessionsOfShop :many
SELECT * FROM sessions WHERE shop_id = @shop_id AND shop_id <> '' ORDER BY created_at DESC, id;

-- name: TouchSession :execrows
UPDATE sessions SET seen_at = @seen_at, address = CASE WHEN @address = '' THEN address ELSE @address END
    WHERE id = @id AND ended_at = 0 AND seen_at < @seen_at;

-- name: ReplaceToken :exec
UPDATE sessions SET replaced_at = @replaced_at WHERE id = @id AND token_hash = @token_hash AND previous IS NOT NULL AND replaced_at = 0;

-- name: RotateSession :execrows
UPDATE sessions SET token_hash = @token_hash, previous = @previous, rotated_at = @rotated_at, replaced_at = 0
    WHERE id = @id AND token_hash = @current AND ended_at = 0;

-- name: EndSession :execrows
UPDATE sessions SET ended_at = @ended_at, ended_why = @ended_why WHERE id = @id AND ended_at = 0;

-- name: MoveSession :exec
-- With those that hang on it.
UPDATE sessions SET person_id = @person_id WHERE id = @id OR (parent = @id AND parent <> '');

-- name: ForgetSessions :exec
-- Those that an app proved, and all of a person whom no app names any more.
DELETE FROM sessions WHERE sessions.person_id = @person_id
    AND (sessions.app = @app OR NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.person_id = @person_id));

-- name: PurgeSessions :exec
DELETE FROM sessions WHERE (ended_at > 0 AND ended_at < @before) OR expires_at < @before;

-- name: CallbackByState :one
SELECT * FROM callbacks WHERE state_hash = @state_hash;

-- name: CallbackByCode :one
SELECT * FROM callbacks WHERE app = @app AND code_hash = @code_hash;

-- name: InsertCallback :exec
INSERT INTO callbacks (state_hash, app, code_hash, at, session_id) VALUES (@state_hash, @app, @code_hash, @at, @session_id);

-- name: FinishCallback :execrows
UPDATE callbacks SET session_id = @session_id WHERE state_hash = @state_hash;

-- name: PurgeCallbacks :exec
DELETE FROM callbacks WHERE at < @before;
