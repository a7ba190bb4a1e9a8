package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// claims are what a program learns. Those of ours begin with zhanggui_.
type claims struct {
	Subject string `json:"sub"`
	Tenant  string `json:"zhanggui_tenant"`
	Shop    string `json:"zhanggui_shop"`
	Role    string `json:"zhanggui_role"`
	Door    string `json:"zhanggui_door"`
	OpenID  string `json:"zhanggui_openid,omitempty"`
	UnionID string `json:"zhanggui_unionid,omitempty"`
	Name    string `json:"name,omitempty"`
	Picture string `json:"picture,omitempty"`
	// Email is made of the subject: it is a name in the form of an address.
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

// idToken is an ID token (OIDC Core 1.0, section 2).
type idToken struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
	AuthTime int64  `json:"auth_time"` // when WeChat last named the person
	Nonce    string `json:"nonce,omitempty"`
	Session  string `json:"sid"`
	// AccessHash binds the access token that comes with it.
	AccessHash string `json:"at_hash,omitempty"`
	claims
}

// claims gives what a client may know of a login.
func (p *Provider) claims(ctx context.Context, c access.OIDCClient, l access.OIDCLogin, s standing) (claims, error) {
	out := claims{
		Subject: p.subject(c, l), Tenant: s.shop.TenantID, Shop: s.shop.ID, Role: string(s.role), Door: string(s.session.Door),
	}
	scope := strings.Fields(l.Scope)
	if slices.Contains(scope, scopeProfile) {
		out.Name, out.Picture = s.person.Profile.Nickname, s.person.Profile.AvatarURL
	}
	if c.EmailDomain != "" && slices.Contains(scope, scopeEmail) {
		// Case does not count in many programs' addresses, as it does in subjects.
		sum := sha256.Sum256([]byte(out.Subject))
		out.Email, out.EmailVerified = hex.EncodeToString(sum[:10])+"@"+c.EmailDomain, new(false)
	}
	return out, p.names(ctx, c, l, s, &out)
}

// names adds WeChat's names of a person, where they were declared.
func (p *Provider) names(ctx context.Context, c access.OIDCClient, l access.OIDCLogin, s standing, out *claims) error {
	if l.PersonID == "" || len(c.Claims) == 0 {
		return nil
	}
	identity, err := p.o.Store.IdentityOfPerson(ctx, s.session.App, l.PersonID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return err
	}
	if slices.Contains(c.Claims, "openid") {
		out.OpenID = identity.OpenID
	}
	if slices.Contains(c.Claims, "unionid") {
		out.UnionID = identity.UnionID
	}
	return nil
}

// idToken gives the claims of an ID token beside an access token.
func (p *Provider) idToken(c claims, l access.OIDCLogin, s standing, access string, now time.Time) idToken {
	sum := sha256.Sum256([]byte(access))
	return idToken{
		Issuer: p.issuer, Audience: l.ClientID, Expires: p.ends(s, now).Unix(), Issued: now.Unix(), AuthTime: s.session.ProvedAt.Unix(),
		Session: p.sid(l), AccessHash: base64.RawURLEncoding.EncodeToString(sum[:16]), claims: c,
	}
}

// ends is when tokens that are given out at now end: with the session at the latest.
func (p *Provider) ends(s standing, now time.Time) time.Time {
	ends := now.Add(tokenLife)
	if s.session.ExpiresAt.Before(ends) {
		return s.session.ExpiresAt
	}
	return ends
}
