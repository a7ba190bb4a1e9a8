package trace

// Key names a value of a span. These are all that there are.
type Key string

// The keys. Those without our name in front are OpenTelemetry's.
const (
	Method  Key = "http.request.method"
	Route   Key = "http.route"
	Status  Key = "http.response.status_code"
	Path    Key = "url.template"         // of WeChat's, as the catalogue has it
	Request Key = "zhanggui.request"     // id of the request, as in the log
	Code    Key = "zhanggui.code"        // of a problem document
	Shop    Key = "zhanggui.shop"        // our id
	Group   Key = "zhanggui.group"       // of the path
	Errcode Key = "wechat.errcode"       // WeChat's
	Class   Key = "wechat.errcode_class" // what it means
	Tries   Key = "zhanggui.attempts"    // how often WeChat was asked
	Grant   Key = "zhanggui.grant_kind"
	Outcome Key = "zhanggui.outcome"
	Change  Key = "zhanggui.transition" // of the store
)

// maxWord bounds the words of spans.
const maxWord = 128

// IsWord tells whether a text can be a value: up to 128 letters, digits and signs that
// stand in routes and ids. Nothing that has a query, a scheme or a blank line passes.
func IsWord(s string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	for i := range len(s) {
		if !wordByte(s[i]) {
			return false
		}
	}
	return true
}

func wordByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return true
	}
	switch b {
	case '/', '_', '-', '.', '{', '}', '$', ' ':
		return true
	}
	return false
}
