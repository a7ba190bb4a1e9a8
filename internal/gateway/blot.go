package gateway

import (
	"encoding/base64"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// blot hides the token where WeChat repeats it in a header: as it is, as in the
// Location of a redirect, percent-encoded to any depth, or within base64 of either
// alphabet. A value that hides it in another shape than plain or percent-encoded once
// is not worth keeping and goes as a whole.
//
// What WeChat would have to make of it on purpose (a digest, hex, a cipher) is not
// looked for: it is WeChat who knows the token anyway, and callers hold no key to it.
func blot(name string, values []string, token secret.Value) []string {
	plain := token.RevealString()
	for i, v := range values {
		// Nearly every value is shorter than a token, so none of it is in there. A
		// Location may be cut off within it.
		if name != "Location" && len(v) < len(plain) {
			continue
		}
		if name == "Location" || strings.Contains(v, plain) {
			v = secret.Mask(v, token)
		}
		if encodes(v, plain) {
			v = secret.Redacted
		}
		values[i] = v
	}
	return values
}

// encodes tells whether s holds plain in a shape that anybody can read.
func encodes(s, plain string) bool {
	for range maxEncodings {
		if strings.Contains(s, plain) || inBase64(s, plain) {
			return true
		}
		next := web.DecodeLoosely(s)
		if next == s {
			return false
		}
		s = next
	}
	return true // nobody encodes so often who has nothing to hide
}

// maxEncodings bounds how often a value is decoded.
const maxEncodings = 6

// inBase64 tells whether a run of base64 in s decodes to what holds plain.
func inBase64(s, plain string) bool {
	least := base64.RawStdEncoding.EncodedLen(len(plain))
	for from, i := 0, 0; i <= len(s); i++ {
		if i < len(s) && isBase64(s[i]) {
			continue
		}
		if i-from >= least && decodes(s[from:i], plain) {
			return true
		}
		from = i + 1
	}
	return false
}

// oneAlphabet writes base64 for URLs as the other kind.
var oneAlphabet = strings.NewReplacer("-", "+", "_", "/")

// decodes tells whether run decodes to what holds plain. What else stands in the run
// is not known, so it is tried from its first four places.
func decodes(run, plain string) bool {
	run = oneAlphabet.Replace(run)
	for from := range 4 {
		whole := run[from:]
		if len(whole)%4 == 1 {
			whole = whole[:len(whole)-1] // what stands behind it, and no base64
		}
		b, err := base64.RawStdEncoding.DecodeString(whole)
		if err == nil && strings.Contains(string(b), plain) {
			return true
		}
	}
	return false
}

func isBase64(c byte) bool { return isAlnum(c) || strings.IndexByte("+/-_", c) >= 0 }
