package doctor

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/wechat"
)

// maxPaste is how much of a text is looked at. Answers of WeChat's are far shorter.
const maxPaste = 16 << 10

// symptom is what could be read from what somebody pasted.
type symptom struct {
	text    string // masked, for showing
	code    int
	hasCode bool
	guessed bool // the code was concluded from the words
	path    string
	status  int // HTTP, when the text names one and no code
	rid     string
	ip      netip.Addr
	hint    string
	url     *url.URL
}

var (
	codeNamed  = regexp.MustCompile(`(?i)(?:err_?code|errorcode|错误码|错误代码|\bret|\bcode)["']?\s*[:=：]?\s*["']?(-?\d{1,9})\b`)
	codeAlone  = regexp.MustCompile(`^\s*(?:errcode\s*)?(-?\d{1,9})\s*$`)
	anyNumber  = regexp.MustCompile(`(?:^|[^\d.\w-])(-?\d{5,8})\b`)
	pathInText = regexp.MustCompile(`(?:^|[\s"'(=]|https?://[^/\s]{1,253}|GET |POST )(/(?:channels|shop|cgi-bin|sns|wxa|connect|product|wx)/[A-Za-z0-9_./-]{1,120})`)
	urlInText  = regexp.MustCompile(`https?://[^\s"'<>]{4,1000}`)
	ridAlone   = regexp.MustCompile(`(?:^|[\s"':(\[])([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})(?:$|[\s"'),.\]}])`)
	httpStatus = regexp.MustCompile(`(?i)\b(?:http(?:/[\d.]+)?|status(?: code)?|http_status)["']?\s*[:=]?\s*(403|429|5\d\d)\b|^\s*(403|429) ?(?:forbidden|too many)?`)
	hintInText = regexp.MustCompile(`hints?:?\s*\[([^\]]{1,64})\]`)
)

// phrases are the words of WeChat's errmsgs that tell a code which was not pasted with
// them.
var phrases = []struct {
	words string
	code  int
}{
	{"not in whitelist", 40164},
	{"not in ip-white-list", 45035},
	{"access clientip is not registered", 61004},
	{"access_token is invalid or not latest", 40001},
	{"invalid credential", 40001},
	{"invalid access_token", 40014},
	{"access_token expired", 42001},
	{"invalid appsecret", 40125},
	{"invalid appid", 40013},
	{"invalid code", 40029},
	{"code been used", 40163},
	{"code不存在", 10001},
	{"api unauthorized", 48001},
	{"api is unauthorized to component", 61007},
	{"component is not authorized by this account", 61003},
	{"refresh_token is invalid", 61023},
	{"reach max api daily quota limit", 45009},
	{"reach max api second frequence limit", 44990},
	{"api minute-quota reach limit", 45011},
	{"system busy", -1},
	{"user limited", 50002},
	{"code is invalid", 61009},
	{"code is expired", 61010},
	{"redirect_uri 参数错误", 10003},
}

// read finds out what a pasted text is about.
func read(input string) symptom {
	input = strings.ToValidUTF8(head(input), "")
	s := symptom{text: plain(input, 400), rid: wechat.RID(input)}
	s.readCode(input)
	if s.rid == "" {
		if m := ridAlone.FindStringSubmatch(input); m != nil {
			s.rid = m[1]
		}
	}
	if !ridForm.MatchString(s.rid) {
		s.rid = ""
	}
	if m := pathInText.FindStringSubmatch(input); m != nil {
		s.path = pathOf(m[1])
	}
	if m := urlInText.FindString(input); m != "" {
		if u, err := url.Parse(m); err == nil {
			s.url = u
		}
	}
	if m := hintInText.FindStringSubmatch(input); m != nil {
		s.hint = plain(m[1], 64)
	}
	if m := httpStatus.FindStringSubmatch(input); m != nil && !s.hasCode {
		s.status, _ = strconv.Atoi(m[1] + m[2])
	}
	s.ip = (&wechat.Error{Code: 40164, Message: input}).IP()
	return s
}

// head is the part of a text that is looked at. It ends between words: half a token
// might not be known for one.
func head(input string) string {
	if len(input) <= maxPaste {
		return input
	}
	input = input[:maxPaste]
	if i := strings.LastIndexAny(input, " \t\r\n,;&<>{}"); i >= 0 {
		return input[:i]
	}
	return input
}

// pathOf is WeChat's own path; the gateway's shop is cut off.
func pathOf(p string) string {
	if rest, ok := strings.CutPrefix(p, "/wx/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		p = "/" + rest
	}
	return strings.TrimRight(p, "./")
}

// readCode looks for an errcode: in an answer of WeChat's, behind its name, alone, as
// any number that is a known code, or told by the words.
func (s *symptom) readCode(input string) {
	if i := strings.IndexByte(input, '{'); i >= 0 {
		if head, _ := wechat.Look([]byte(input[i:])); head.Found {
			s.code, s.hasCode = head.Code, true
			return
		}
	}
	for _, form := range []*regexp.Regexp{codeNamed, codeAlone} {
		if m := form.FindStringSubmatch(input); m != nil {
			s.code, s.hasCode = number(m[1]), true
			return
		}
	}
	for _, m := range anyNumber.FindAllStringSubmatch(input, 64) {
		if n := number(m[1]); known(n) {
			s.code, s.hasCode = n, true
			return
		}
	}
	lower := strings.ToLower(input)
	for _, p := range phrases {
		if strings.Contains(lower, p.words) {
			s.code, s.hasCode, s.guessed = p.code, true, true
			return
		}
	}
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits) // nine digits at most
	return n
}

// known tells whether a code has an explanation of its own.
func known(code int) bool { return len(explanations(code)) > 0 }

// explanations gives every row of a code.
func explanations(code int) []wechat.Explanation { return byCode()[code] }

var byCode = sync.OnceValue(func() map[int][]wechat.Explanation {
	rows := make(map[int][]wechat.Explanation)
	for _, e := range wechat.Errcodes() {
		rows[e.Code] = append(rows[e.Code], e)
	}
	return rows
})
