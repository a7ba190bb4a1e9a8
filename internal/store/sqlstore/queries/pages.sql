-- Whole tables in pages, in the order of their keys, for copies that may take
-- their time.

-- name: AppsAfter :many
SELECT * FROM apps WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: ShopsAfter :many
SELECT * FROM shops WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: GrantsAfter :many
SELECT * FROM grants WHERE id > @after ORDER BY id LIMIT @max_rows;
