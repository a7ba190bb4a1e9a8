package wechat

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSanitiseLeavesGoodJSONAlone(t *testing.T) {
	for _, body := range []string{
		`{"a":"b"}`, "{\n\t\"a\": \"掌柜 \\n \\\" \\u0001\"\r\n}", `[1,2]`, "",
	} {
		if got := string(sanitise([]byte(body))); got != body {
			t.Errorf("%q became %q", body, got)
		}
	}
}

func TestLifetime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`7200`: 2 * time.Hour, `"7200"`: 2 * time.Hour, `" 1 "`: time.Second, `2678400`: maxLifetime,
		`2678401`: 0, `0`: 0, `-1`: 0, `"soon"`: 0, `""`: 0, `null`: 0, `true`: 0, `7200.0`: 0, `1e3`: 0,
		`[7200]`: 0, `9223372036854775807`: 0, `9223372036854775808`: 0,
	} {
		got, err := object{"expires_in": json.RawMessage(text)}.lifetime("expires_in")
		if got != want || (want == 0) != errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := (object{}).lifetime("expires_in"); !errors.Is(err, ErrMalformed) {
		t.Errorf("missing: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"o","scope":"a,b"}`,
		`{"errcode":"40029","errmsg":"invalid code"}`, "\xef\xbb\xbf{\"nickname\":\"\x01\xff\"}", `{"openid":12345678901234567890}`,
		`{"a":"\` + "\x02" + `"}`, `null`, `[]`, ``, `{"is_snapshotuser":true}`, `{"expires_in":"1e3","errcode":null}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		clean := sanitise(body)
		if !utf8.Valid(clean) {
			t.Fatalf("%q is not UTF-8 after cleaning", clean)
		}
		if json.Valid(body) && !json.Valid(clean) {
			t.Fatalf("good JSON %q was broken: %q", body, clean)
		}
		o, err := parseObject(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v is not marked as malformed", err)
			}
			return
		}
		checkGrant(t, o)
	})
}

// checkGrant holds what every accepted grant promises.
func checkGrant(t *testing.T, o object) {
	t.Helper()
	g, err := readUserGrant(o)
	if err != nil || g.Snapshot {
		return
	}
	if g.AccessToken.IsZero() || g.RefreshToken.IsZero() || g.OpenID == "" {
		t.Fatalf("a grant without its parts was accepted: %v", o)
	}
	if g.ExpiresIn <= 0 || g.ExpiresIn > maxLifetime {
		t.Fatalf("a lifetime of %v was accepted", g.ExpiresIn)
	}
}

func FuzzID(f *testing.F) {
	for _, s := range []string{`1`, `"1"`, `18446744073709551615`, `null`, `1.0`, `"\u0031"`, `-`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var id ID
		if err := json.Unmarshal(b, &id); err != nil {
			return
		}
		again, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var second ID
		if err := json.Unmarshal(again, &second); err != nil || second != id {
			t.Fatalf("%q came back as %q, %v", id, second, err)
		}
	})
}
