package oidc

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// The prefixes of what programs hold.
const (
	codePrefix    = "zgk_"
	accessPrefix  = "zgo_"
	refreshPrefix = "zgr_"
)

// maxText is longer than anything we give out.
const maxText = 128

// An access token and a refresh token name the login that they are of:
//
//	prefix │ login │ "." │ end, or something random │ "." │ MAC
//
// The MAC covers all before it. It tells a refresh token that was replaced from one
// that never was.

func (p *Provider) text(prefix, login, rest string) string {
	text := prefix + login + "." + rest
	return text + "." + p.tag(text)
}

func (p *Provider) tag(text string) string { return short(p.o.MAC("oidc token", []byte(text))) }

// short gives 128 bits of a digest as text.
func short(digest []byte) string { return base64.RawURLEncoding.EncodeToString(digest[:16]) }

// read gives the parts of a text that we made.
func (p *Provider) read(prefix, text string) (login, rest string, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if len(text) > maxText || !strings.HasPrefix(text, prefix) || i < 0 || !hmac.Equal([]byte(text[i+1:]), []byte(p.tag(text[:i]))) {
		return "", "", false
	}
	return strings.Cut(text[len(prefix):i], ".")
}

func (p *Provider) newAccess(login string, ends time.Time) string {
	return p.text(accessPrefix, login, strconv.FormatInt(ends.Unix(), 36))
}

// readAccess gives the login of an access token that is not over.
func (p *Provider) readAccess(text string) (login string, ok bool) {
	login, ends, ok := p.read(accessPrefix, text)
	if !ok {
		return "", false
	}
	at, err := strconv.ParseInt(ends, 36, 64)
	return login, err == nil && p.o.Now().Before(time.Unix(at, 0))
}

func (p *Provider) newRefresh(login string) (text string, hash []byte) {
	text = p.text(refreshPrefix, login, rand.Text())
	return text, access.HashKey(text)
}

// mark says that a login was asked for at a time: whoever comes back with it has
// been sent away for that already.
func (p *Provider) mark(client string, at time.Time) string {
	ms := strconv.FormatInt(at.UnixMilli(), 36)
	return ms + "." + short(p.o.MAC("oidc mark", []byte(client+" "+ms)))
}

// readMark gives the time of a mark; false if it is not ours, or too old.
func (p *Provider) readMark(client, mark string) (time.Time, bool) {
	ms, _, _ := strings.Cut(mark, ".")
	n, err := strconv.ParseInt(ms, 36, 64)
	if err != nil || len(mark) > maxText {
		return time.Time{}, false
	}
	at := time.UnixMilli(n)
	return at, hmac.Equal([]byte(mark), []byte(p.mark(client, at))) && p.o.Now().Sub(at) < markLife
}

// markLife is how long proving oneself may take.
const markLife = 15 * time.Minute

// subject is how a client knows somebody.
func (p *Provider) subject(c access.OIDCClient, l access.OIDCLogin) string {
	whom := l.PersonID
	if whom == "" {
		whom = "shop:" + l.ShopID
	}
	return short(p.o.MAC("oidc subject", []byte(c.Sector+"\x00"+whom)))
}

// sid is how a client knows a session.
func (p *Provider) sid(l access.OIDCLogin) string {
	return short(p.o.MAC("oidc session", []byte(l.ClientID+"\x00"+l.SessionID)))
}
