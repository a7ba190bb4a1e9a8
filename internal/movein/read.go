package movein

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Format is how a file of refresh tokens is written.
type Format string

// The formats. The names of columns and fields may be those of WeChat's answers
// (authorizer_appid, authorizer_refresh_token), in any spelling of case and
// separators; shop, tenant and name are optional.
const (
	Auto  Format = "auto"       // by what the file begins with
	CSV   Format = "csv"        // a line of names, then one account a line; comma, semicolon or tab
	JSON  Format = "json"       // objects, in a list or one after another
	Redis Format = "redis-dump" // {"key":…,"value":…} objects, or one object of keys and values
)

// Formats are the names of all formats.
func Formats() []Format { return []Format{Auto, CSV, JSON, Redis} }

// File is what was found in a file.
type File struct {
	Rows    []Row    // usable, each account once
	Refused []Result // what looked like an account and is not usable
	Skipped int      // entries about something else
}

// Read finds the accounts of the platform with the appid component in r. An error
// says that the file is not what it should be; the rows before it are not given.
// It holds no content of the file.
func Read(r io.Reader, f Format, component string) (File, error) {
	in := bufio.NewReader(r)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		in.Discard(3) //nolint:errcheck // it was just seen
	}
	if f == Auto {
		f = sniff(in)
	}
	g := &gather{component: component, at: map[string]int{}}
	var err error
	switch f {
	case CSV:
		err = g.csv(in)
	case JSON, Redis, anyJSON:
		err = g.json(in, f)
	default:
		err = fmt.Errorf("there is no format %q; use one of %q", f, Formats())
	}
	if err != nil {
		return File{}, fmt.Errorf("movein: %w", err)
	}
	return g.file, nil
}

// anyJSON is what a file is taken for that begins like JSON: each object shows
// which of the two it is.
const anyJSON Format = "any json"

func sniff(in *bufio.Reader) Format {
	head, _ := in.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return anyJSON
	}
	return CSV
}

// gather collects accounts, each once.
type gather struct {
	component string
	file      File
	at        map[string]int // index of a row by its appid
}

// add takes a row in. The same account with the same token again says nothing;
// with another token nobody can tell which is newer.
func (g *gather) add(r Row) {
	if cause := r.Check(); cause != "" {
		g.refuse(r.AppID, cause)
		return
	}
	i, known := g.at[r.AppID]
	switch {
	case !known:
		g.at[r.AppID] = len(g.file.Rows)
		g.file.Rows = append(g.file.Rows, r)
	case !g.file.Rows[i].Refresh.Equal(r.Refresh):
		g.refuse(r.AppID, CauseTwice)
	}
}

// refuse reports an account by its id, if that is one: what stands in its place
// may be anything, a token too.
func (g *gather) refuse(appID, cause string) {
	if !appIDForm.MatchString(appID) {
		appID = "?"
	}
	g.file.Refused = append(g.file.Refused, Result{AppID: appID, Outcome: Refused, Cause: cause})
}

// fieldOf is which of our fields a name of theirs is; empty for none.
func fieldOf(name string) string {
	return fields[plainName(name)]
}

// fields leads from names without case and separators.
var fields = map[string]string{
	"appid": "appid", "authorizerappid": "appid", "authappid": "appid",
	"refreshtoken": "token", "authorizerrefreshtoken": "token",
	"shop": "shop", "shopid": "shop",
	"tenant": "tenant", "tenantid": "tenant",
	"name": "name", "nickname": "name", "shopname": "name",
}

func plainName(name string) string {
	b := make([]byte, 0, len(name))
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c == '_', c == '-', c == ' ', c == '.':
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// rowOf makes a row of named texts.
func rowOf(named map[string]string) Row {
	return Row{AppID: named["appid"], Refresh: secret.FromString(named["token"]), Shop: named["shop"], Tenant: named["tenant"], Name: named["name"]}
}
