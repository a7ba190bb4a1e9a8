-- Tables in pages, for readers that may take their time: a page begins behind the
-- last row of the page before, so that what is added meanwhile moves nothing.

-- name: AppsAfter :many
SELECT * FROM apps WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: ShopsAfter :many
SELECT * FROM shops WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: GrantsAfter :many
SELECT * FROM grants WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: TenantsAfter :many
SELECT * FROM tenants WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: ClientsAfter :many
SELECT * FROM clients WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: ClientShopsWithin :many
SELECT * FROM client_shops WHERE client_id >= @first AND client_id <= @last ORDER BY client_id, shop_id;

-- name: PersonsAfter :many
SELECT * FROM persons WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: MembersAfter :many
SELECT * FROM members WHERE tenant_id = @tenant_id AND (shop_id > @shop_id OR (shop_id = @shop_id AND person_id > @person_id))
ORDER BY shop_id, person_id LIMIT @max_rows;

-- name: AdminsAfter :many
SELECT * FROM admins WHERE created_at > @at OR (created_at = @at AND id > @id) ORDER BY created_at, id LIMIT @max_rows;

-- name: SubscriptionsAfter :many
SELECT * FROM subscriptions WHERE created_at > @at OR (created_at = @at AND id > @id) ORDER BY created_at, id LIMIT @max_rows;

-- name: InvitationsBefore :many
SELECT * FROM invitations WHERE created_at < @at OR (created_at = @at AND id > @id) ORDER BY created_at DESC, id LIMIT @max_rows;

-- name: SessionsBefore :many
SELECT * FROM sessions WHERE created_at < @at OR (created_at = @at AND id > @id) ORDER BY created_at DESC, id LIMIT @max_rows;

-- name: SessionsOfPersonBefore :many
SELECT * FROM sessions WHERE person_id = @person_id AND person_id <> '' AND (created_at < @at OR (created_at = @at AND id > @id))
ORDER BY created_at DESC, id LIMIT @max_rows;

-- name: SessionsOfAdminBefore :many
SELECT * FROM sessions WHERE admin_id = @admin_id AND admin_id <> '' AND (created_at < @at OR (created_at = @at AND id > @id))
ORDER BY created_at DESC, id LIMIT @max_rows;

-- name: SessionsOfShopBefore :many
SELECT * FROM sessions WHERE shop_id = @shop_id AND shop_id <> '' AND (created_at < @at OR (created_at = @at AND id > @id))
ORDER BY created_at DESC, id LIMIT @max_rows;

-- name: NoticesBefore :many
SELECT * FROM notices WHERE id < @before ORDER BY id DESC LIMIT @max_rows;

-- name: PendingNoticesBefore :many
SELECT * FROM notices WHERE sent_at = 0 AND id < @before ORDER BY id DESC LIMIT @max_rows;

-- name: Notice :one
SELECT * FROM notices WHERE id = @id;
