-- name: SigningKeys :many
SELECT * FROM signing_keys ORDER BY alg, signs_from, id;

-- name: NewestSigningKey :one
SELECT id FROM signing_keys WHERE alg = @alg ORDER BY signs_from DESC, id DESC LIMIT 1;

-- name: InsertSigningKey :exec
INSERT INTO signing_keys (id, alg, private, made_at, signs_from, signs_until, published_until)
VALUES (@id, @alg, @private, @made_at, @signs_from, @signs_until, @published_until);

-- name: EndSigningKeys :exec
UPDATE signing_keys SET published_until = @now WHERE alg = @alg;

-- name: PurgeSigningKeys :exec
DELETE FROM signing_keys WHERE published_until <= @before;
