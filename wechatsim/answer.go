package wechatsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through the emulator.
type call struct {
	r    *http.Request
	host string
	body []byte
	q    url.Values
	now  time.Time

	// For the ledger, filled in by identify.
	appid, token, tokenKind, person, fault string
	component, account                     string
}

// answer is what a handler decided. Handlers never write to the network, so
// that a fault can spoil or lose the answer after it took effect.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	errcode int
	rid     string
	lost    bool
	manner  manner

	callbacks []string // where a page sends the browser
	ticket    string   // a page that waits for a decision
	page      *PageError
}

const jsonType = "application/json; encoding=utf-8" // sic: WeChat writes encoding, not charset

// newRID makes an id of the form WeChat ends its error texts with.
func newRID(now time.Time) string {
	return fmt.Sprintf("%08x-%08x-%08x", uint32(now.Unix()), rand.Uint32(), rand.Uint32())
}

// okHead leads the answers that carry an errcode on success.
type okHead struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

var okay = okHead{ErrMsg: "ok"}

// encode writes v as WeChat does: nothing but what JSON demands is escaped.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("wechatsim: an answer does not encode: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (s *Sim) contentType(c *call) string {
	if strings.HasPrefix(c.r.URL.Path, "/sns/") {
		return s.sw.SNSContentType
	}
	return jsonType
}

// ok answers v with HTTP 200.
func (s *Sim) ok(c *call, v any) answer {
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {s.contentType(c)}}, body: encode(v)}
}

// reply answers errcode 0 and then the fields, given as pairs of name and value,
// in their order: a program may look for the errcode in the head only.
func (s *Sim) reply(c *call, fields ...any) answer {
	return s.ok(c, object(append([]any{"errcode", 0, "errmsg", "ok"}, fields...)))
}

// replyBare is reply for the calls whose official sample has no errcode.
func (s *Sim) replyBare(c *call, fields ...any) answer {
	if !s.sw.OmitErrcodeOnSuccess {
		return s.reply(c, fields...)
	}
	return s.ok(c, object(fields))
}

// object is a JSON object that keeps the order of its fields: name, value, name,
// value.
type object []any

// MarshalJSON writes the fields in their order.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i := 0; i < len(o); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, encode(o[i])...), ':'), encode(o[i+1])...)
	}
	return append(out, '}'), nil
}

// fail answers an errcode with its usual text. HTTP says 200, as WeChat does.
func (s *Sim) fail(c *call, code int) answer { return s.failText(c, code, errTexts[code]) }

func (s *Sim) failText(c *call, code int, text string) answer {
	if text == "" {
		text = "error " + strconv.Itoa(code)
	}
	rid := newRID(c.now)
	sep := " "
	if strings.HasPrefix(c.r.URL.Path, "/sns/") {
		sep = ", "
	}
	body := struct {
		ErrCode any    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}{code, text + sep + "rid: " + rid}
	if s.sw.ErrcodeAsString && isShopPath(c.r.URL.Path) {
		body.ErrCode = strconv.Itoa(code)
	}
	a := s.ok(c, body)
	a.errcode, a.rid = code, rid
	return a
}

// errTexts are the texts that go with errcodes.
var errTexts = map[int]string{
	-1:       "system error",
	1:        "code expired or not exist",
	10001:    "code不存在",
	40001:    "invalid credential, access_token is invalid or not latest",
	40002:    "invalid grant_type",
	40003:    "invalid openid",
	40007:    "invalid media_id",
	40013:    "invalid appid",
	40014:    "invalid access_token",
	40029:    "invalid code",
	40030:    "invalid refresh_token",
	40035:    "invalid parameter",
	40066:    "invalid url",
	40125:    "invalid appsecret",
	40163:    "code been used",
	40226:    "code blocked",
	40243:    "appsecret is frozen",
	41001:    "access_token missing",
	41002:    "appid missing",
	41003:    "refresh_token missing",
	41004:    "appsecret missing",
	41008:    "missing code",
	41009:    "missing openid",
	42001:    "access_token expired",
	42002:    "refresh_token expired",
	42003:    "code expired",
	42007:    "user changed the password, access_token and refresh_token are invalid",
	40037:    "invalid template_id",
	41030:    "invalid page",
	43001:    "require GET method",
	43004:    "require subscribe",
	43101:    "user refuse to accept the msg",
	43002:    "require POST method",
	44002:    "empty post data",
	44990:    "reach max api second frequence limit",
	45002:    "content size out of limit",
	45009:    "reach max api daily quota limit",
	45011:    "api minute-quota reach limit, must slower, retry next minute",
	47001:    "data format error",
	48001:    "api unauthorized",
	48006:    "api forbid to clear quota because of reaching the limit",
	50001:    "user has not authorized this api",
	50002:    "user limited",
	40170:    "count is over limit",
	41018:    "component_appid missing",
	61003:    "component is not authorized by this account",
	61005:    "component ticket is expired",
	61006:    "component ticket is invalid",
	61007:    "api is unauthorized to component",
	61009:    "code is invalid",
	61010:    "code is expired",
	61014:    "component api needs component_access_token",
	61023:    "refresh_token is invalid",
	61024:    "component appid must use api_component_token",
	40097:    "invalid args",
	9700224:  "invalid parameter",
	40201:    "callback url is not set",
	40202:    "invalid action",
	40203:    "invalid check_operator",
	76001:    "rid not found",
	76002:    "rid is malformed",
	76003:    "cgi_path is malformed",
	76021:    "cgi_path not found",
	76022:    "cgi_path could not be queried",
	1002001:  "too many reviews in this hour",
	10020000: "after-sale does not exist",
	10020001: "after-sale is not in a state for this",
	10020003: "invalid openid",
	10020004: "invalid time range, at most 24 hours",
	10020005: "freight template does not exist",
	10020008: "cannot be changed now",
	10020013: "the number of skus must be 1 to 500",
	10020017: "category is illegal",
	10020019: "freight template is missing",
	10020020: "title is empty",
	10020021: "title is too long",
	10020022: "head images are missing",
	10020035: "image must be uploaded first",
	10020039: "price must not be zero",
	10020041: "the account is being closed",
	10020042: "title is too short",
	10020047: "product is in review",
	10020049: "product is in review, cancel the review first",
	10020050: "no right",
	10020051: "invalid parameter",
	10020052: "not found",
	10020054: "stock update failed",
	10020055: "invalid parameter",
	10020059: "picture is empty",
	10020060: "picture is too large",
	10020076: "flash sale does not exist",
	10020077: "flash sale is not in a state for this",
	10020256: "from_appid must be a mobile app that is bound to the open platform",
	10020264: "after-sale is older than 30 days",
	10020265: "after-sale is over",
	10020342: "parts of the upload are wrong: all but the last have at least 1 MB",
	10021001: "coupon is not in a state for this",
	10021036: "page is too far from the last one",
	10021037: "coupon does not exist",
	10021041: "after-sale does not allow this call",
	10021500: "complaint does not exist",
	10021501: "content is too long",
	10021502: "too many pictures in all notes",
	10021503: "complaint does not wait for the service desk",
	10021504: "complaint does not wait for the shop's proof",
	10020065: "product is not listed",
	10020091: "invalid diff_type",
	10020112: "this sku is updated too often",
	10020202: "out_warehouse_id does not exist",
	10020203: "address_id is illegal",
	10020206: "out_warehouse_id is used already",
	10020217: "product is in review, stock cannot change",
	10020218: "num must not be zero",
	10020219: "stock is not enough",
	10020289: "product was never listed",
}
