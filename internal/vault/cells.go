package vault

import (
	"encoding/hex"
	"time"
)

// Every place of the program where something sealed is kept. The words are part
// of what is sealed: a changed word makes stored values unreadable.

// AppSecret is the AppSecret of an app. version counts changes of the secret.
func AppSecret(appID string, version int64) Cell {
	return Cell{Table: "apps", Column: "secret", Row: appID, Kind: "app_secret", Generation: version}
}

// Ticket is a ticket of a third-party platform, by our id of it. createdAt is
// WeChat's CreateTime.
func Ticket(app string, createdAt time.Time) Cell {
	return Cell{Table: "tickets", Column: "value", Row: app, Kind: "ticket", Generation: createdAt.UnixMilli()}
}

// AuthorizationCode is the code that an account's authorisation of a platform is
// exchanged with. appID is WeChat's of the account, eventAt the CreateTime of the
// event that brought it.
func AuthorizationCode(app, appID string, eventAt time.Time) Cell {
	return Cell{Table: "authorizers", Column: "code", Row: app + "/" + appID, Kind: "authorization_code", Generation: eventAt.UnixMilli()}
}

// GrantAccess is the access token of a grant. kind is the grant's kind.
func GrantAccess(grantID, kind string, generation int64) Cell {
	return Cell{Table: "grants", Column: "access", Row: grantID, Kind: kind, Generation: generation}
}

// GrantRefresh is the refresh token of a grant. kind is the grant's kind.
func GrantRefresh(grantID, kind string, generation int64) Cell {
	return Cell{Table: "grants", Column: "refresh", Row: grantID, Kind: kind, Generation: generation}
}

// SubscriptionSecret is what the bodies of a subscription are signed with. version
// counts changes of the secret.
func SubscriptionSecret(id string, version int64) Cell {
	return Cell{Table: "subscriptions", Column: "secret", Row: id, Kind: "webhook_secret", Generation: version}
}

// Channel is the address of a channel that was made while the server runs, and its
// secret. version counts changes of it.
func Channel(name string, version int64) Cell {
	return Cell{Table: "channels", Column: "sealed", Row: name, Kind: "channel", Generation: version}
}

// Cookie is a sealed cookie, by its name.
func Cookie(name string) Cell {
	return Cell{Table: "cookie", Column: name, Kind: "cookie"}
}

// AccountLink is what stands sealed in the address of a link on which an account
// authorises a platform.
func AccountLink() Cell {
	return Cell{Table: "address", Column: "link", Kind: "account_link"}
}

// MiniTicket is what stands sealed in the address that a mini program opens.
func MiniTicket() Cell {
	return Cell{Table: "address", Column: "mini", Kind: "mini_ticket"}
}

// Scan is what a QR code of ours says to the phone.
func Scan() Cell {
	return Cell{Table: "address", Column: "scan", Kind: "scan"}
}

// Standby is a row of the local copy that serves while the database is gone. kind
// is the kind of row, id its name in there.
func Standby(kind, id string) Cell {
	return Cell{Table: "standby", Column: kind, Row: id, Kind: "row"}
}

// Spooled is a credential that waits in the local copy for the database.
// generation is the one that it becomes.
func Spooled(grantID string, generation int64) Cell {
	return Cell{Table: "standby", Column: "spool", Row: grantID, Kind: "effects", Generation: generation}
}

// PushKeys is what pushes to an app are signed and encrypted with. version counts
// changes of it.
func PushKeys(appID string, version int64) Cell {
	return Cell{Table: "apps", Column: "push", Row: appID, Kind: "push_keys", Generation: version}
}

// Answer is the answer to a request with a key, by the digest of the request's
// sender and key.
func Answer(request []byte) Cell {
	return Cell{Table: "requests", Column: "answer", Row: hex.EncodeToString(request), Kind: "answer"}
}

// HandOff is the ticket with which somebody who is logged in with us gets a session on
// a protected host.
func HandOff(host string) Cell {
	return Cell{Table: "address", Column: "ticket", Row: host, Kind: "handoff"}
}

// SigningKey is the private half of a key that signs, by its id.
func SigningKey(id string) Cell {
	return Cell{Table: "signing_keys", Column: "private", Row: id, Kind: "signing_key"}
}

// RotationNext is the new secret of a rotation that is not in use yet, by the
// rotation's id.
func RotationNext(id string) Cell {
	return Cell{Table: "rotations", Column: "next", Row: id, Kind: "rotation_next"}
}

// RotationPrevious is the secret that a rotation replaced, while there is a way back.
func RotationPrevious(id string) Cell {
	return Cell{Table: "rotations", Column: "previous", Row: id, Kind: "rotation_previous"}
}
