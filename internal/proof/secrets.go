package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// shortest is the shortest text that is looked for: anything shorter may stand
// somewhere by chance.
const shortest = 16

// tokensSealed: nothing that opens a door stands readable in any file that the
// story left, in none of the forms that programs write such things in. The
// ledger and the world are what it is compared with; each key file may hold its
// own key.
func (c *checker) tokensSealed() {
	needles := c.secrets()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if name == ledgerFile || name == worldFile {
			continue
		}
		c.searchKnown(name, needles)
		c.searchShapes(name)
	}
	for _, g := range c.rows.grants {
		c.sealedPair(g)
	}
}

// secret is a value that must not be readable, except in the file it is kept in.
type secret struct{ name, home string }

// secrets gives every secret that is known, by its value.
func (c *checker) secrets() map[string]secret {
	all := map[string]secret{}
	for _, a := range c.world.Apps {
		all[a.Secret] = secret{name: "the AppSecret of " + a.AppID}
	}
	for _, r := range c.ledger {
		for _, field := range []string{"access_token", "refresh_token", "code", "state", "secret"} {
			for _, v := range append(r.query()[field], jsonText(r.RawBody, field)) {
				all[v] = secret{name: fmt.Sprintf("%s of request %d", field, r.Seq)}
			}
		}
	}
	master := string(bytes.TrimSpace(c.files[dataDir+"/master.key"]))
	all[master] = secret{"the master key", dataDir + "/master.key"}
	if raw, err := base64.StdEncoding.DecodeString(master); err == nil {
		all[string(raw)] = secret{"the master key, raw,", dataDir + "/master.key"}
	}
	if parts := strings.SplitN(string(bytes.TrimSpace(c.files[dataDir+"/audit.key"])), "+", 5); len(parts) == 5 {
		all[parts[4]] = secret{"the key that signs heads", dataDir + "/audit.key"}
	}
	for _, g := range c.rows.grants {
		for _, token := range c.keptTokens(g) {
			all[token] = secret{name: "a kept token of grant " + g.id}
		}
	}
	maps.DeleteFunc(all, func(v string, _ secret) bool { return len(v) < shortest })
	return all
}

// keptTokens opens what a grant keeps; what does not open is left out.
func (c *checker) keptTokens(g grantRow) []string {
	var all []string
	for column, sealed := range map[string][]byte{"access": g.access, "refresh": g.refresh} {
		if plain, err := c.vault.open(sealed, place{"grants", column, g.id, g.kind, g.generation}); err == nil {
			all = append(all, string(plain))
		}
	}
	return all
}

// jsonText gives a text field of a JSON body, or nothing.
func jsonText(body, field string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil {
		return ""
	}
	s, _ := fields[field].(string)
	return s
}

func (c *checker) searchKnown(file string, needles map[string]secret) {
	for _, value := range slices.Sorted(maps.Keys(needles)) {
		n := needles[value]
		if n.home == file {
			continue
		}
		if form, ok := standsIn(c.files[file], value); ok {
			c.find("%s stands in %s, %s", n.name, file, form)
		}
	}
}

// standsIn looks for a value in all its forms.
func standsIn(b []byte, value string) (form string, ok bool) {
	for _, f := range forms(value) {
		if bytes.Contains(b, []byte(f.text)) {
			return f.name, true
		}
	}
	return "", false
}

type form struct{ name, text string }

// forms gives the ways in which programs write a value down. Base64 looks
// different by where in its input the value begins, so there are three of each.
func forms(value string) []form {
	all := []form{
		{"in the clear", value},
		{"escaped for a URL", url.QueryEscape(value)},
		{"in hexadecimal", hex.EncodeToString([]byte(value))},
		{"in hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(value)))},
	}
	for offset := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, form{"in base64", inner64(e, value, offset)})
		}
	}
	return all
}

// inner64 gives the letters of base64 that value alone decides when it stands
// offset bytes behind a multiple of three.
func inner64(e *base64.Encoding, value string, offset int) string {
	text := e.EncodeToString(append(make([]byte, offset), value...))
	from, to := (offset*8+5)/6, (offset+len(value))*8/6
	return text[from:to]
}

// shapes are what secrets look like whose values nobody wrote down: keys of
// ours, and tokens and codes of the emulator that were never sent back to it.
var shapes = []struct {
	name   string
	prefix []string
	clear  *regexp.Regexp
}{
	{"a session token", []string{"zgs_"}, regexp.MustCompile(`zgs_[A-Z2-7]{26}`)},
	{"a client key", []string{"zgc_"}, regexp.MustCompile(`zgc_[A-Z2-7]{26}`)},
	{"an invitation's link", []string{"zgi_"}, regexp.MustCompile(`zgi_[A-Z2-7]{26}`)},
	{"another key of ours", nil, regexp.MustCompile(`zg[abd-hj-rt-z]_[A-Z2-7]{26}`)},
	{"a token of WeChat", []string{"SIM_AT_", "SIM_RT_", "SIM_stable_", "SIM_cgi_"}, regexp.MustCompile(`SIM_[A-Za-z]+_[A-Z2-7]{32}`)},
	{"a code of WeChat", nil, regexp.MustCompile(`0[A-Z2-7]{26}SIM`)},
}

// encodedShapes are the prefixes of shapes in base64 and hexadecimal, with
// enough behind them to be no accident.
var encodedShapes = func() [][]*regexp.Regexp {
	all := make([][]*regexp.Regexp, len(shapes))
	for i, s := range shapes {
		for _, p := range s.prefix {
			for _, f := range forms(p)[2:] {
				all[i] = append(all[i], regexp.MustCompile(regexp.QuoteMeta(f.text)+`[A-Za-z0-9+/_-]{30}`))
			}
		}
	}
	return all
}()

func (c *checker) searchShapes(file string) {
	b := c.files[file]
	for i, s := range shapes {
		if s.clear.Match(b) {
			c.find("%s stands in %s, in the clear", s.name, file)
		}
		for _, encoded := range encodedShapes[i] {
			if encoded.Match(b) {
				c.find("%s stands in %s, encoded", s.name, file)
				break
			}
		}
	}
}

// sealedPair: the tokens that a grant still keeps open in their places, and are
// the ones that the audit log names.
func (c *checker) sealedPair(g grantRow) {
	for column, sealed := range map[string][]byte{"access": g.access, "refresh": g.refresh} {
		if len(sealed) == 0 {
			continue
		}
		if _, err := c.vault.open(sealed, place{"grants", column, g.id, g.kind, g.generation}); err != nil {
			c.find("the %s token of grant %s does not open in its place: %v", column, g.id, err)
		}
	}
	if len(g.access) > 0 && g.digest != g.digest16() {
		c.find("the tokens of grant %s are not the ones that its digest names", g.id)
	}
}
