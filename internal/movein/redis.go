package movein

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Common SDKs keep a refresh token under a key that has the word in it, then the
// platform's appid, as a rule, and then the account's:
//
//	wechat_authorizer_refresh_token:wxPLATFORM:wxACCOUNT               WxJava
//	easywechat.open_platform.authorizer_refresh_token.wxPLATFORM.wxACCOUNT
//	authorizer_refresh_token_wxACCOUNT                                 own programs
//
// with prefixes of their own before it. The value is the token as it is, or in
// the quotes of JSON or of PHP's serialize.

// redis takes an entry {"key":…,"value":…}, or every key of an object.
func (g *gather) redis(object map[string]json.RawMessage) {
	var key string
	if v, ok := object["value"]; ok && json.Unmarshal(object["key"], &key) == nil {
		g.entry(key, v)
		return
	}
	for key, v := range object {
		g.entry(key, v)
	}
}

// entry takes one key of a Redis. A hash is as many keys.
func (g *gather) entry(key string, v json.RawMessage) {
	var hash map[string]json.RawMessage
	if v[0] == '{' && json.Unmarshal(v, &hash) == nil {
		for field, one := range hash {
			g.scalar(key+":"+field, one)
		}
		return
	}
	g.scalar(key, v)
}

var appIDs = regexp.MustCompile(`wx[0-9a-f]{16}`)

func (g *gather) scalar(key string, v json.RawMessage) {
	account, cause, found := g.account(key)
	if !found {
		g.file.Skipped++
		return
	}
	var text string
	if cause == "" && json.Unmarshal(v, &text) != nil {
		cause = CauseBadToken
	}
	if cause != "" {
		g.refuse(account, cause)
		return
	}
	g.add(Row{AppID: account, Refresh: secret.FromString(Unwrap(text))})
}

// account finds whose refresh token a key holds, if it holds one.
func (g *gather) account(key string) (appID, cause string, found bool) {
	plain := plainName(key)
	if !strings.Contains(plain, "refreshtoken") && !strings.Contains(plain, "refreshauthorizeraccesstoken") {
		return "", "", false
	}
	ids := appIDs.FindAllString(key, -1)
	if len(ids) == 0 || ids[len(ids)-1] == g.component {
		return "", "", false
	}
	appID = ids[len(ids)-1]
	for _, id := range ids[:len(ids)-1] {
		if id != g.component && id != appID {
			return appID, CauseOtherSystem, true
		}
	}
	return appID, "", true
}

// Unwrap takes a token out of what an SDK put around it. What it does not know
// stays, and is no token then.
func Unwrap(text string) string {
	text = strings.TrimSpace(text)
	var inner string
	if strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &inner) == nil {
		return inner
	}
	if inner, ok := phpString(text); ok {
		return inner
	}
	var object map[string]json.RawMessage
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &object) == nil {
		return texts(object)["token"]
	}
	return text
}

// phpString reads s:5:"token";.
func phpString(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "s:")
	length, rest, found := strings.Cut(rest, `:"`)
	inner, ended := strings.CutSuffix(rest, `";`)
	n, err := strconv.Atoi(length)
	return inner, ok && found && ended && err == nil && n == len(inner)
}
