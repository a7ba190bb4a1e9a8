-- Holds the client's row until the transaction ends; no row: it is revoked.
-- name: HoldLiveClient :execrows
UPDATE clients SET revoked_at = 0 WHERE id = @id AND revoked_at = 0;

-- name: Export :one
SELECT * FROM exports WHERE client_id = @client_id AND shop_id = @shop_id;

-- name: PutExport :exec
INSERT INTO exports (client_id, shop_id, generation, at, ends_at, told_at)
VALUES (@client_id, @shop_id, @generation, @at, @ends_at, @told_at)
ON CONFLICT (client_id, shop_id) DO UPDATE SET generation = excluded.generation, at = excluded.at, ends_at = excluded.ends_at,
    told_at = excluded.told_at;

-- name: ExportsOf :many
SELECT * FROM exports WHERE client_id = @client_id AND ends_at > @now ORDER BY shop_id;

-- name: ExportsOfShop :many
SELECT * FROM exports WHERE shop_id = @shop_id AND ends_at > @now ORDER BY client_id;

-- name: PurgeExports :exec
DELETE FROM exports WHERE ends_at < @before;
