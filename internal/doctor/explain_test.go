package doctor_test

import (
	"bufio"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/doctor"
)

const rid = "61725984-6126f6f9-040f19c4"

func (w *world) explain(t *testing.T, input, shop string) doctor.Explanation {
	t.Helper()
	e, err := w.doctor(t).Explain(t.Context(), input, shop, true)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEveryDocumentedCodeIsExplained: every errcode that WeChat or the emulator can
// give ends in an explanation of its own, in both languages, with a page.
func TestEveryDocumentedCodeIsExplained(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "wechat", "testdata", "errcodes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, n := newWorld(t), 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		number, _, ok := strings.Cut(lines.Text(), "\t")
		code, err := strconv.Atoi(number)
		if !ok || err != nil {
			continue
		}
		n++
		e := w.explain(t, number, "")
		if len(e.Findings) == 0 || len(e.Codes) != 1 || e.Codes[0] != code {
			t.Fatalf("%d: understood as %v", code, e.Codes)
		}
		for _, x := range e.Findings {
			switch {
			case code != 0 && strings.Contains(x.Cause.EN, "none of the lists"):
				t.Errorf("%d has the general explanation only", code)
			case x.Cause.EN == "" || x.Cause.ZH == "" || x.Next.EN == "" || x.Next.ZH == "":
				t.Errorf("%d lacks words: %+v", code, x)
			case !strings.HasPrefix(x.Page, "https://"):
				t.Errorf("%d has no page to open", code)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d lines were read", n)
	}
}

func TestWhatPeoplePasteIsUnderstood(t *testing.T) {
	for name, tc := range map[string]struct {
		input, shop string
		cause       string // part of a cause
		proof       string // facts of that finding, parts of them
		page        string
	}{
		"a code":               {"40164", "", "not in the allowlist", "errcode=40164", "ip_whitelist"},
		"a code with its name": {"errcode: 61007", "", "permission set was not granted", "class=scope", "miniprogram_authority"},
		"a Chinese name":       {"接口返回错误码：45009，请问怎么办", "", "daily quota", "errcode=45009", ""},
		"a negative code":      {"-1", "", "WeChat is busy", "errcode=-1", ""},
		"a code in a sentence": {"we keep getting 48001 since yesterday, order 3359339022749466625", "", "no right to this call", "errcode=48001", ""},
		"an answer": {`{"errcode":40164,"errmsg":"invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: ` + rid + `"}`, "",
			"not in the allowlist", "address_seen=203.0.113.9", "ip_whitelist"},
		"an answer and the shop": {`{"errcode":45035,"errmsg":"access clientip is not registered, requestIP: 203.0.113.9"}`, "lantian",
			"not registered with the shop", "address_seen=203.0.113.9", "store.weixin.qq.com"},
		"an errcode as text":         {`{"errcode":"42001","errmsg":"access_token expired"}`, "", "access token is expired", "errcode=42001", ""},
		"an errmsg alone":            {"invalid credential, access_token is invalid or not latest hints: [ req_id: 1HYCX ]", "", "replaced by a newer one", "read_from=the words of the errmsg", ""},
		"an errmsg with an old hint": {"invalid code hint: [xA1b2c3]", "", "expired, was used", "hint=xA1b2c3", ""},
		"a code on a token call":     {`POST https://api.weixin.qq.com/cgi-bin/stable_token {"errcode":40001,"errmsg":"invalid credential"}`, "", "AppSecret is wrong", "path=/cgi-bin/stable_token", "getstableaccesstoken"},
		"a code on a shop call":      {`POST /channels/ec/order/get answered 40001`, "", "access token is invalid", "path=/channels/ec/order/get", ""},
		"a code through the gateway": {`https://zg.example.com/wx/lantian/channels/ec/order/get errcode=47001`, "", "cannot be parsed", "path=/channels/ec/order/get", "api_getorder"},
		"a code anywhere":            {"40001", "", "AppSecret is wrong", "where=", ""},
		"an unknown code":            {"errcode 123456", "", "none of the lists", "errcode=123456", "errCode"},
		"success":                    {`{"errcode":0,"errmsg":"ok"}`, "", "no error", "errcode=0", ""},
		"a status":                   {"HTTP/1.1 403 Forbidden", "", "not in the shop's allowlist", "http_status=403", "ipbaimingdan"},
		"a throttled status":         {"429 Too Many Requests", "", "throttles", "http_status=429", ""},
		"a path":                     {"/channels/ec/order/get", "", "getorder", "needs_one_of_sets=131", "api_getorder"},
		"a URL":                      {"https://api.weixin.qq.com/channels/ec/order/get?access_token=BAITBAITBAIT", "", "getorder", "path=/channels/ec/order/get", ""},
		"a good link":                {"https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx00000000000000a1&redirect_uri=https%3A%2F%2Fzg.example.com%2Foauth&scope=snsapi_base#wechat_redirect", "", "leads back", "scope=snsapi_base", ""},
		"a link elsewhere":           {"https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx00000000000000a1&redirect_uri=https%3A%2F%2Fevil.example%2F", "", "answers 10003", "callback_domain=zg.example.com", "mp.weixin.qq.com"},
		"a stranger's link":          {"https://open.weixin.qq.com/connect/qrconnect?appid=wx00000000000000ff&redirect_uri=https%3A%2F%2Fzg.example.com%2F", "", "not kept here", "appid=wx00000000000000ff", ""},
		"a link that leads nowhere":  {"https://open.weixin.qq.com/connect/qrconnect?appid=wx00000000000000a1", "", "no redirect_uri", "", ""},
		"a rid without a shop":       {"rid: " + rid, "", "seven days", "rid=" + rid, "getRidInfo"},
		"nothing":                    {"", "", "no errcode", "", "errCode"},
		"prose":                      {"昨天还好好的，今天就不行了", "", "no errcode", "", ""},
		"a problem document":         {`{"type":"urn:zhanggui:problem:wechat","status":502,"errcode":61004,"rid":"` + rid + `"}`, "", "not registered with the platform", "errcode=61004", "open.weixin.qq.com"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newWorld(t).explain(t, tc.input, tc.shop)
			for _, f := range e.Findings {
				if strings.Contains(strings.ToLower(f.Cause.EN), strings.ToLower(tc.cause)) && strings.Contains(proofOf(f), tc.proof) && strings.Contains(f.Page, tc.page) {
					return
				}
			}
			t.Errorf("no finding %q with %q:\n%s", tc.cause, tc.proof, list(doctor.Report{Findings: e.Findings}))
		})
	}
}

func TestARIDIsLookedUpAndItsTokenIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.answers["/cgi-bin/openapi/rid/get"] = `{"errcode":0,"request":{"invoke_time":1772366400,"cost_in_ms":42,
		"request_url":"/channels/ec/order/get?access_token=BAITTOKEN","request_body":"{\"order_id\":\"BAITORDER\"}",
		"response_body":"{\"errcode\":10020052,\"errmsg\":\"BAITMESSAGE\"}","client_ip":"203.0.113.9"}}`
	e := w.explain(t, rid, "lantian")
	text := list(doctor.Report{Findings: e.Findings})
	for _, want := range []string{"product was not found", "client_ip=203.0.113.9", "cost_ms=42", "path=/channels/ec/order/get", "invoked=2026-03-01T12:00:00Z", "errcode=10020052"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if strings.Contains(text, "BAIT") {
		t.Errorf("something of the call is told: %s", text)
	}
	if len(e.Codes) != 1 || e.Codes[0] != 10020052 {
		t.Errorf("codes %v", e.Codes)
	}
	w.shops = w.shops[:1]
	if e := w.explain(t, "rid: "+rid, ""); !strings.Contains(list(doctor.Report{Findings: e.Findings}), "cost_ms=42") {
		t.Errorf("the only shop is not asked: %+v", e)
	}
}

func TestARIDOfOthersIsNoFault(t *testing.T) {
	for code, want := range map[int]string{76001: "not found", 76003: "another account", 76022: "not yours"} {
		w := newWorld(t)
		w.refuse["/cgi-bin/openapi/rid/get"] = says("/cgi-bin/openapi/rid/get", code, "no")
		e := w.explain(t, rid, "lantian")
		if f := e.Findings[0]; f.Verdict != doctor.Unknown || !strings.Contains(f.Cause.EN, want) || !strings.Contains(proofOf(f), "looked_up="+rid) {
			t.Errorf("%d: %+v", code, f)
		}
	}
	w := newWorld(t)
	w.answers["/cgi-bin/openapi/rid/get"] = `{"request":{"invoke_time":1772366400,"request_url":"access_token=BAIT","response_body":"{\"errcode\":0}"}}`
	if f := w.explain(t, rid, "lantian").Findings[0]; f.Verdict != doctor.OK || strings.Contains(proofOf(f), "BAIT") {
		t.Errorf("a call that went well: %+v", f)
	}
}

// TestARIDDoesNotTellWhereAPlatformCallsFrom: a merchant may paste one, and the address
// is the operator's affair.
func TestARIDDoesNotTellWhereAPlatformCallsFrom(t *testing.T) {
	w := newWorld(t)
	w.answers["/cgi-bin/openapi/rid/get"] = `{"request":{"invoke_time":1772366400,"request_url":"/x","response_body":"{\"errcode\":0}","client_ip":"203.0.113.9"}}`
	if text := list(doctor.Report{Findings: w.explain(t, rid, "hongtu").Findings}); strings.Contains(text, "203.0.113.9") {
		t.Errorf("what WeChat knows of a call: %s", text)
	}
	w = newWorld(t)
	w.refuse["/cgi-bin/openapi/rid/get"] = says("/cgi-bin/openapi/rid/get", 61004, "access clientip is not registered, requestIP: 203.0.113.9")
	if text := list(doctor.Report{Findings: w.explain(t, rid, "hongtu").Findings}); strings.Contains(text, "203.0.113.9") || !strings.Contains(text, "provider's server") {
		t.Errorf("a platform that WeChat does not let in: %s", text)
	}
}

func TestARIDIsNotLookedUpUnasked(t *testing.T) {
	w := newWorld(t)
	w.refuse["/cgi-bin/openapi/rid/get"] = errors.New("asked")
	e, err := w.doctor(t).Explain(t.Context(), rid, "lantian", false)
	if err != nil || strings.Contains(list(doctor.Report{Findings: e.Findings}), "could not be asked") {
		t.Errorf("%v %+v", err, e)
	}
	if _, err := w.doctor(t).Explain(t.Context(), rid, "nobody", true); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an unknown shop: %v", err)
	}
}

// baits are credentials as people paste them.
var baits = []string{
	"https://api.weixin.qq.com/cgi-bin/getcallbackip?access_token=BAIT_short",
	"component_access_token=BAITx&y=1", `{"access_token":"BAITa-b_c","expires_in":7200}`, `{"secret": "BAITsecret"}`,
	`"component_appsecret" : "BAIT0"`, "Authorization: Bearer BAIT.payload.sig", "authorization: basic BAITuser",
	"<ComponentVerifyTicket><![CDATA[ticket@@@BAIT]]></ComponentVerifyTicket>", "<AuthorizationCode>queryauthcode@@@BAIT</AuthorizationCode>",
	"appsecret=BAIT", "refresh_token:BAITrefresh", "EncodingAESKey=BAITkey", "code=BAITcode&state=1", "https://user:BAIT@proxy.example.com/",
	"my secret is 0123456789abcdef0123456789BAIT00", "zgc_BAITBAITBAITBAITBAITBAIT22",
}

func TestWhatIsPastedComesBackMasked(t *testing.T) {
	w := newWorld(t)
	for _, bait := range baits {
		for _, input := range []string{bait, `errcode 40001 at ` + bait, bait + ` {"errcode":40001,"errmsg":"x"}`} {
			e := w.explain(t, input, "lantian")
			if all := e.Input + list(doctor.Report{Findings: e.Findings}); strings.Contains(all, "BAIT") {
				t.Errorf("%q comes back: %s", input, all)
			}
		}
	}
}

func TestMaskLeavesWhatHelps(t *testing.T) {
	for _, s := range []string{
		"errcode: 40001", "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: " + rid, "/channels/ec/aftersale/getaftersaleorder",
		"wx00000000000000a1", "access_token is invalid or not latest", "错误码：45009",
	} {
		if got := doctor.Mask(s); got != s {
			t.Errorf("Mask(%q) = %q", s, got)
		}
	}
}

// wild is input that must stay text.
var wild = map[string]string{
	"huge":          strings.Repeat("40164 ", 1<<14),
	"long errmsg":   `{"errcode":40001,"errmsg":"` + strings.Repeat("x", 10<<10) + `"}`,
	"control":       "40001\x00\x07\x1b[31m\u202e\u200b\r\nX-Evil: 1",
	"SQL":           "'; DROP TABLE grants; -- 40001",
	"HTML":          `<script>alert(40001)</script><img src=x onerror=alert(1)>`,
	"no UTF-8":      "40001 \xff\xfe\xc3",
	"open JSON":     `{"errcode":40001,"errmsg":"`,
	"deep JSON":     strings.Repeat(`{"a":`, 30000) + "40001",
	"nested code":   `{"data":{"errcode":40001},"errcode":61007}`,
	"large number":  "999999999999999999999999",
	"only brackets": strings.Repeat("[", 60000),
	"percent":       "https://open.weixin.qq.com/connect/oauth2/authorize?appid=%zz&redirect_uri=%",
	"bad rid":       "rid: ../../etc/passwd",
}

func TestWildInputIsText(t *testing.T) {
	w := newWorld(t)
	w.answers["/cgi-bin/openapi/rid/get"] = `{"request":{}}`
	for name, input := range wild {
		e := w.explain(t, input, "lantian")
		checkText(t, name, e)
	}
	long := strings.Repeat("x ", 8<<10-4) + "BAITBAIT"
	if e := w.explain(t, long, ""); strings.Contains(e.Input, "BAIT") {
		t.Errorf("half a word comes back: %s", e.Input)
	}
	if e := w.explain(t, wild["nested code"], ""); e.Codes[0] != 61007 {
		t.Errorf("the code of the answer itself counts, got %v", e.Codes)
	}
}

// checkText holds an explanation against what every one must be.
func checkText(t *testing.T, name string, e doctor.Explanation) {
	t.Helper()
	if len(e.Findings) == 0 {
		t.Errorf("%s: no finding", name)
	}
	for _, f := range e.Findings {
		for _, s := range append([]string{e.Input, f.Cause.EN, f.Cause.ZH, f.Next.EN, f.Next.ZH, f.Page}, proofOf(f)) {
			if len(s) > 2048 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: %.100q is not a short line of text", name, s)
			}
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, s := range baits {
		f.Add(s)
	}
	for name, s := range wild {
		if len(s) < 4<<10 {
			f.Add(s)
		}
		_ = name
	}
	f.Add(`{"errcode":40164,"errmsg":"invalid ip 203.0.113.9, not in whitelist rid: ` + rid + `"}`)
	f.Fuzz(func(t *testing.T, input string) {
		w := &world{now: noon, answers: map[string]string{"/cgi-bin/openapi/rid/get": `{"request":{}}`}, shops: nil}
		checkText(t, "fuzz", w.explain(t, input, ""))
	})
}

// TestEveryCodeOfTheEmulatorIsExplained reads the emulator's own table of errmsgs.
func TestEveryCodeOfTheEmulatorIsExplained(t *testing.T) {
	w, n := newWorld(t), 0
	for _, code := range emulated(t) {
		n++
		e := w.explain(t, strconv.Itoa(code), "")
		if strings.Contains(e.Findings[0].Cause.EN, "none of the lists") || e.Findings[0].Page == "" {
			t.Errorf("%d, which the emulator gives: %+v", code, e.Findings[0])
		}
	}
	if n < 100 {
		t.Errorf("only %d codes were found", n)
	}
}

// emulated are the keys of the emulator's errTexts.
func emulated(t *testing.T) (codes []int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "wechatsim", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if ok && v.Names[0].Name == "errTexts" {
				codes = append(codes, keysOf(v)...)
			}
			return true
		})
	}
	return codes
}

func keysOf(v *ast.ValueSpec) (codes []int) {
	for _, value := range v.Values {
		ast.Inspect(value, func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok {
				if lit, ok := kv.Key.(*ast.BasicLit); ok && lit.Kind == token.INT {
					if code, err := strconv.Atoi(lit.Value); err == nil {
						codes = append(codes, code)
					}
				}
			}
			return true
		})
	}
	return codes
}
