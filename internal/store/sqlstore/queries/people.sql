-- name: Person :one
SELECT * FROM persons WHERE id = @id;

-- name: InsertPerson :exec
INSERT INTO persons (id, created_at) VALUES (@id, @created_at);

-- name: Profile :one
SELECT * FROM profiles WHERE person_id = @person_id;

-- name: PutProfile :exec
INSERT INTO profiles (person_id, nickname, avatar_url, updated_at)
VALUES (@person_id, @nickname, @avatar_url, @updated_at)
ON CONFLICT (person_id) DO UPDATE SET nickname = excluded.nickname, avatar_url = excluded.avatar_url,
    updated_at = excluded.updated_at;

-- name: Identity :one
SELECT * FROM identities WHERE app = @app AND openid = @openid;

-- name: IdentitiesByUnionID :many
SELECT * FROM identities WHERE unionid = @unionid AND unionid <> '' ORDER BY app, openid;

-- name: PutIdentity :exec
INSERT INTO identities (app, openid, unionid, person_id, seen_at)
VALUES (@app, @openid, @unionid, @person_id, @seen_at)
ON CONFLICT (app, openid) DO UPDATE SET unionid = excluded.unionid, person_id = excluded.person_id,
    seen_at = excluded.seen_at;

-- name: DeleteIdentity :exec
DELETE FROM identities WHERE app = @app AND openid = @openid;

-- name: DeleteProfile :exec
DELETE FROM profiles WHERE person_id = @person_id;

-- name: Member :one
SELECT * FROM members WHERE tenant_id = @tenant_id AND shop_id = @shop_id AND person_id = @person_id;

-- name: MembersOfTenant :many
SELECT * FROM members WHERE tenant_id = @tenant_id ORDER BY shop_id, person_id;

-- name: MembersOfPerson :many
SELECT * FROM members WHERE person_id = @person_id ORDER BY tenant_id, shop_id;

-- name: PutMember :exec
INSERT INTO members (tenant_id, shop_id, person_id, role, since, until)
VALUES (@tenant_id, @shop_id, @person_id, @role, @since, @until)
ON CONFLICT (tenant_id, shop_id, person_id) DO UPDATE SET role = excluded.role, since = excluded.since,
    until = excluded.until;

-- name: InsertInvitation :exec
INSERT INTO invitations (id, token_hash, tenant_id, shop_id, role, invited_by, created_at, expires_at, state, person_id, code, tries, member_until)
VALUES (@id, @token_hash, @tenant_id, @shop_id, @role, @invited_by, @created_at, @expires_at, @state, @person_id, @code, @tries, @member_until);

-- name: Invitation :one
SELECT * FROM invitations WHERE id = @id;

-- name: InvitationByToken :one
SELECT * FROM invitations WHERE token_hash = @token_hash;

-- name: Invitations :many
SELECT * FROM invitations ORDER BY created_at DESC, id;

-- name: MoveInvitation :exec
UPDATE invitations SET state = @state, person_id = @person_id, code = @code, tries = @tries WHERE id = @id;

-- name: PurgeInvitations :exec
DELETE FROM invitations WHERE expires_at < @before AND state <> 'confirmed';

-- name: PutConsent :exec
INSERT INTO consents (person_id, app, tenant_id, version, at)
VALUES (@person_id, @app, @tenant_id, @version, @at)
ON CONFLICT (person_id, app, tenant_id, version) DO UPDATE SET at = excluded.at;

-- name: ForgetConsents :exec
-- Those for an app, and all of a person whom no app names any more.
DELETE FROM consents WHERE consents.person_id = @person_id
    AND (consents.app = @app OR NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.person_id = @person_id));

-- name: Consents :many
SELECT * FROM consents WHERE person_id = @person_id ORDER BY at, app, tenant_id, version;

-- name: IdentitiesOfPerson :many
SELECT * FROM identities WHERE person_id = @person_id ORDER BY app, openid;

-- name: OwnersOfTenant :many
-- Those who can still log in.
SELECT * FROM members WHERE tenant_id = @tenant_id AND role = 'owner'
    AND EXISTS (SELECT 1 FROM identities AS i WHERE i.person_id = members.person_id) ORDER BY shop_id, person_id;

-- name: InvitationsMadeBy :many
SELECT * FROM invitations WHERE invited_by = @invited_by AND state IN ('open', 'taken') AND expires_at > @now
    AND tenant_id = @tenant_id AND (shop_id = @shop_id OR @shop_id = '') ORDER BY id;

-- name: InvitationsOfPerson :many
SELECT * FROM invitations WHERE person_id = @person_id OR invited_by = @invited_by ORDER BY created_at, id;

-- name: InsertTransfer :exec
INSERT INTO transfers (id, tenant_id, shop_id, from_person, to_person, made_by, state, created_at, due_at, ended_at)
VALUES (@id, @tenant_id, @shop_id, @from_person, @to_person, @made_by, @state, @created_at, @due_at, 0);

-- name: Transfer :one
SELECT * FROM transfers WHERE id = @id;

-- name: TransfersOfTenant :many
SELECT * FROM transfers WHERE tenant_id = @tenant_id ORDER BY created_at DESC, id;

-- name: TransfersOfPerson :many
SELECT * FROM transfers WHERE from_person = @person_id OR to_person = @person_id ORDER BY created_at, id;

-- name: DueTransfers :many
SELECT * FROM transfers WHERE ended_at = 0 AND due_at <= @now ORDER BY due_at, id;

-- name: EndTransfer :exec
UPDATE transfers SET state = @state, ended_at = @ended_at WHERE id = @id;
