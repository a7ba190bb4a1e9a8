package gateway

import (
	"errors"
	"net/url"
	"strings"
)

// mountedAt is where the gateway's paths begin.
const mountedAt = "/wx/"

// tokenKey is the query key that carries access tokens.
const tokenKey = "access_token"

// target is what a caller asked for, once it can be read one way only.
type target struct {
	shop  string // our id, not yet known to exist
	path  string // WeChat's, e.g. "/channels/ec/order/get"
	query string // canonical, without any access token
}

// What is wrong with a request's target.
var (
	errForm  = errors.New("the request line names a host; write the path only")
	errPath  = errors.New("the path has empty, dotted or encoded parts; write plain segments of letters, digits, '-' and '_'")
	errQuery = errors.New("the query reads in more than one way; separate with '&', encode ';', use plain keys")
)

// parseTarget reads the target of a request. It refuses whatever another
// program on the way might read differently, instead of repairing it.
func parseTarget(u *url.URL) (target, error) {
	if u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil {
		return target{}, errForm
	}
	rest, ok := strings.CutPrefix(u.Path, mountedAt)
	// RawPath is set when the path was not written in its plain form.
	if !ok || u.RawPath != "" {
		return target{}, errPath
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if !plain(segment) {
			return target{}, errPath
		}
	}
	shop, _, ok := strings.Cut(rest, "/")
	if !ok {
		return target{}, errPath
	}
	query, err := rebuildQuery(u.RawQuery)
	if err != nil {
		return target{}, err
	}
	return target{shop: shop, path: rest[len(shop):], query: query}, nil
}

// plain tells whether s is one or more of the characters that every program
// reads alike. All of WeChat's paths are made of them.
func plain(s string) bool {
	for i := range len(s) {
		if b := s[i]; !isAlnum(b) && b != '_' && b != '-' {
			return false
		}
	}
	return s != ""
}

func isAlnum(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// rebuildQuery writes a query anew, in the order of the caller, without access
// tokens in any spelling.
func rebuildQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	if strings.Contains(raw, ";") {
		return "", errQuery
	}
	var b strings.Builder
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, err := splitPair(pair)
		if err != nil {
			return "", err
		}
		if isTokenKey(key) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	return b.String(), nil
}

// splitPair decodes one "key=value". Keys are of a few characters only: square
// brackets, spaces and dots make some programs see another key.
func splitPair(pair string) (key, value string, err error) {
	key, value, _ = strings.Cut(pair, "=")
	key, kerr := url.QueryUnescape(key)
	value, verr := url.QueryUnescape(value)
	if kerr != nil || verr != nil || !plain(key) {
		return "", "", errQuery
	}
	return key, value, nil
}

// separators removes what joins words in keys.
var separators = strings.NewReplacer("_", "", "-", "")

// isTokenKey tells whether some program may take key for that of an access
// token: access_token, Access-Token, component_access_token.
func isTokenKey(key string) bool {
	return strings.Contains(separators.Replace(strings.ToLower(key)), "accesstoken")
}

// withToken adds the one access token to a canonical query.
func withToken(query, token string) string {
	own := tokenKey + "=" + url.QueryEscape(token)
	if query == "" {
		return own
	}
	return query + "&" + own
}
