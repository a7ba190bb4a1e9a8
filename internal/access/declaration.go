package access

import "time"

// Declaration is a wished-for state of the directory, as a whole or in part:
// what it names is made or changed, what it does not name stays. Secrets in it
// are sealed already.
//
// Every shop that its own app serves gets a self grant, due at At, unless it has
// one; an empty AppID of such a shop is its app's. A shop that a third-party platform
// serves gets none here: that is made when the shop's authorisation is known. Every
// platform gets a grant of its own. A self grant, or a platform's own, has a new start
// when its app has a higher SecretVersion than before: it is made active and due at
// At. When a shop goes over from its own app to a platform, or back, both grants stay.
//
// An app whose Push.Keys are nil keeps the push keys that it has.
type Declaration struct {
	// Revision is the directory's revision that this was planned against; the
	// store refuses another with [ErrStale].
	Revision int64
	At       time.Time
	Apps     []App
	Tenants  []Tenant
	Shops    []Shop
	Clients  []Client
	Members  []Member
	// OIDCClients are written as they are, secrets included.
	OIDCClients []OIDCClient
	// Channels have the version that they get.
	Channels []Channel
	// Keys are the keys that clients have from now on.
	Keys []ClientKeys
	// Rotations are written as they are.
	Rotations []Rotation
	// Remove lists what to delete, planned by prune: ids by kind. A shop's
	// removal revokes its grant; an app with grants that are not revoked is
	// refused.
	Remove Removal
}

// Removal names what a declaration deletes.
type Removal struct {
	Apps, Tenants, Shops, Clients, OIDCClients, Channels []string
}

// Empty tells whether nothing is to be removed.
func (r Removal) Empty() bool {
	return len(r.Apps)+len(r.Tenants)+len(r.Shops)+len(r.Clients)+len(r.OIDCClients)+len(r.Channels) == 0
}
