package access

import "time"

// OIDCClient is a program that people are logged into with OpenID Connect.
type OIDCClient struct {
	ID   string // ours, a slug; its client_id
	Name string
	// SecretHash is the keyed digest of its secret. Nil: it is a public client, which
	// keeps no secret.
	SecretHash     []byte
	RedirectURIs   []string // where codes are sent, compared letter by letter
	PostLogoutURIs []string // where browsers go after a logout
	BackchannelURI string   // where it is told of the end of sessions; may be empty
	AllowPrivate   bool     // BackchannelURI may lead to a private address
	TenantID       string   // whose shops it is for, unless it is for one shop
	ShopID         string
	Role           Role     // the least that opens it
	Doors          []Door   // those that count; empty: all that name a person
	Claims         []string // beyond the usual ones: openid, unionid
	// Sector is what pairwise subjects are of: clients of one sector know a person by
	// one id, those of another by another.
	Sector string
	// EmailDomain makes an address of each person, for programs that want one. It
	// is nobody's mailbox. Empty: there is none.
	EmailDomain string
	// WithoutPKCE lets a client that has a secret do without a code challenge.
	WithoutPKCE bool
	CreatedAt   time.Time
}

// Public tells whether the client keeps no secret.
func (c OIDCClient) Public() bool { return len(c.SecretHash) == 0 }

// OIDCLogin is a login of a session into a client: a code, then the tokens that
// it was exchanged for. It ends with the session at the latest.
type OIDCLogin struct {
	ID          string
	ClientID    string
	SessionID   string
	PersonID    string // empty: somebody whom the service market sent
	ShopID      string
	Scope       string // words with spaces between them, as granted
	Nonce       string
	RedirectURI string
	Challenge   string // PKCE, S256; empty: there was none
	CodeHash    []byte
	CodeEnds    time.Time
	CodeUsed    time.Time // zero: not yet
	RefreshHash []byte    // of the token that counts; nil: there is none
	CreatedAt   time.Time
	EndedAt     time.Time
	EndedWhy    string
	// LogoutDue is when the client is told of the end, or told again; zero: it was
	// told, or is not to be.
	LogoutDue     time.Time
	LogoutAttempt int
}

// OIDCSecretHash gives what is kept of a client's secret. Operators choose secrets, and
// may choose ones that can be guessed; without the key of the digest nobody can try.
func OIDCSecretHash(mac func(purpose string, data []byte) []byte, client, secret string) []byte {
	return mac("oidc client secret", []byte(client+"\x00"+secret))
}
