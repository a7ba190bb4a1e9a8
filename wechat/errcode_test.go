package wechat_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/zhanggui/zhanggui/wechat"
)

// listed reads the documented errcodes and the sections that mention them.
func listed(t *testing.T) map[int][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "errcodes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	codes := map[int][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		number, section, ok := strings.Cut(lines.Text(), "\t")
		code, err := strconv.Atoi(number)
		if !ok || err != nil || section == "" {
			t.Fatalf("line %q is not a code and a section", lines.Text())
		}
		codes[code] = append(codes[code], section)
	}
	if len(codes) < 150 {
		t.Fatalf("only %d codes are listed", len(codes))
	}
	return codes
}

func TestEveryDocumentedCodeHasARow(t *testing.T) {
	rows := map[int]bool{0: true}
	for _, e := range wechat.Errcodes() {
		rows[e.Code] = true
	}
	documented := listed(t)
	for code, sections := range documented {
		if !rows[code] {
			t.Errorf("%d has no row; %s", code, strings.Join(sections, ", "))
		}
	}
	for code := range rows {
		if documented[code] == nil {
			t.Errorf("%d has a row but is not documented; add it to testdata/errcodes.txt with its section", code)
		}
	}
}

func TestEveryRowIsComplete(t *testing.T) {
	for _, e := range wechat.Errcodes() {
		for name, text := range map[string]string{
			"CauseZH": e.CauseZH, "CauseEN": e.CauseEN, "NextZH": e.NextZH, "NextEN": e.NextEN, "What": e.What,
		} {
			if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
				t.Errorf("%d at %s: %s is %q", e.Code, e.Kind, name, text)
			}
			han := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if strings.HasSuffix(name, "ZH") != han && !strings.Contains(text, "去使用") {
				t.Errorf("%d at %s: %s is in the wrong language: %q", e.Code, e.Kind, name, text)
			}
		}
		if e.Class == wechat.ClassUnknown || e.Class == wechat.ClassOK {
			t.Errorf("%d at %s: class %s", e.Code, e.Kind, e.Class)
		}
		if got := wechat.Explain(e.Kind, e.Code); got != e {
			t.Errorf("Explain(%s, %d) = %+v", e.Kind, e.Code, got)
		}
	}
}

func TestErrcodesAreOrdered(t *testing.T) {
	rows := wechat.Errcodes()
	if !slices.IsSortedFunc(rows, func(a, b wechat.Explanation) int { return a.Code - b.Code }) {
		t.Error("not ordered by code")
	}
}

func TestTheSameCodeDiffersByKind(t *testing.T) {
	for _, tc := range []struct {
		kind wechat.EndpointKind
		code int
		want wechat.Class
	}{
		{wechat.KindTokenCall, 40001, wechat.ClassOperator},
		{wechat.KindComponentToken, 40001, wechat.ClassOperator},
		{wechat.KindCodeExchange, 40001, wechat.ClassOperator},
		{wechat.KindUserRefresh, 40001, wechat.ClassReauthorise},
		{wechat.KindUserCall, 40001, wechat.ClassRefreshToken},
		{wechat.KindDataCall, 40001, wechat.ClassRefreshToken},
		{wechat.KindComponent, 40001, wechat.ClassRefreshToken},
		{wechat.KindUserCall, 40003, wechat.ClassReauthorise},
		{wechat.KindDataCall, 40003, wechat.ClassCaller},
		{wechat.KindCodeExchange, -1, wechat.ClassReauthorise},
		{wechat.KindDataCall, -1, wechat.ClassRetry},
		{wechat.KindUserRefresh, 50001, wechat.ClassReauthorise},
		{wechat.KindDataCall, 50001, wechat.ClassBlocked},
		{wechat.KindUserRefresh, 40030, wechat.ClassReauthorise},
		{wechat.KindComponent, 61023, wechat.ClassRecover},
		{wechat.KindDataCall, 61003, wechat.ClassRecover},
		{wechat.KindMarketLogin, 10001, wechat.ClassReauthorise},
		{wechat.KindMarket, 10001, wechat.ClassUnknown},
		{wechat.KindMarketLogin, 1, wechat.ClassReauthorise},
		{wechat.KindMarketLogin, -1, wechat.ClassReauthorise},
		{wechat.KindMarket, -1, wechat.ClassRetry},
		{wechat.KindQueryAuth, -1, wechat.ClassRecover},
		{wechat.KindQueryAuth, 61009, wechat.ClassRecover},
		{wechat.KindQueryAuth, 61010, wechat.ClassRecover},
		{wechat.KindAuthorizerRefresh, -1, wechat.ClassRetry},
		{wechat.KindAuthorizerRefresh, 40001, wechat.ClassRefreshToken},
		{wechat.KindAuthorizerRefresh, 61003, wechat.ClassRecover},
		{wechat.KindAuthorizerRefresh, 61023, wechat.ClassRecover},
		{wechat.KindAuthorizerRefresh, 50002, wechat.ClassBlocked},
		{wechat.KindAuthorizerRefresh, 42007, wechat.ClassReauthorise},
		{wechat.KindComponentToken, 61005, wechat.ClassTicket},
		{wechat.KindComponentToken, 61006, wechat.ClassTicket},
		{wechat.KindComponentToken, 61011, wechat.ClassOperator},
		{wechat.KindComponent, 61014, wechat.ClassCaller},
		{wechat.KindComponent, 61016, wechat.ClassOperator},
		{wechat.KindDataCall, 61007, wechat.ClassScope},
		{wechat.KindTokenCall, 61024, wechat.ClassCaller},
		{wechat.KindDataCall, 10001, wechat.ClassUnknown},
		{wechat.KindAuthorizePage, 10003, wechat.ClassOperator},
		{wechat.KindDataCall, 10003, wechat.ClassUnknown},
		{wechat.KindPush, -40001, wechat.ClassCaller},
		{wechat.KindDataCall, 45009, wechat.ClassSlow},
		{wechat.KindDataCall, 0, wechat.ClassOK},
	} {
		if got := wechat.Explain(tc.kind, tc.code).Class; got != tc.want {
			t.Errorf("%d at %s is %s, want %s", tc.code, tc.kind, got, tc.want)
		}
	}
}

func TestAnUnknownCodeDeletesNothing(t *testing.T) {
	e := wechat.Explain(wechat.KindDataCall, 123456789)
	if e.Class != wechat.ClassUnknown || e.Code != 123456789 || e.Kind != wechat.KindDataCall {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(e.What, "delete nothing") || !strings.Contains(e.NextZH, "不要删除") {
		t.Errorf("the advice does not protect the tokens: %q %q", e.What, e.NextZH)
	}
}

func TestKindOf(t *testing.T) {
	for path, want := range map[string]wechat.EndpointKind{
		"/sns/oauth2/access_token":                   wechat.KindCodeExchange,
		"/sns/oauth2/component/refresh_token":        wechat.KindUserRefresh,
		"/sns/userinfo":                              wechat.KindUserCall,
		"/sns/jscode2session":                        wechat.KindCodeExchange,
		"/cgi-bin/stable_token":                      wechat.KindTokenCall,
		"/cgi-bin/component/api_component_token":     wechat.KindComponentToken,
		"/cgi-bin/component/api_query_auth":          wechat.KindQueryAuth,
		"/cgi-bin/component/api_authorizer_token":    wechat.KindAuthorizerRefresh,
		"/cgi-bin/component/api_get_authorizer_info": wechat.KindComponent,
		"/cgi-bin/component/api_start_push_ticket":   wechat.KindComponentToken,
		"/wxa/servicemarket/service/login_auth":      wechat.KindMarketLogin,
		"/wxa/servicemarket/get_paid_order_list":     wechat.KindMarket,
		"/product/service/check_auth":                wechat.KindMarketLogin,
		"/product/service/get_list":                  wechat.KindMarket,
		"/channels/ec/order/get":                     wechat.KindDataCall,
		"/cgi-bin/openapi/quota/get":                 wechat.KindDataCall,
		"/connect/oauth2/authorize":                  wechat.KindAuthorizePage,
		"":                                           wechat.KindDataCall,
	} {
		if got := wechat.KindOf(path); got != want {
			t.Errorf("KindOf(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestNamesAreStable(t *testing.T) {
	for got, want := range map[string]string{
		wechat.ClassRefreshToken.String():      "refresh-token",
		wechat.ClassUnknown.String():           "unknown",
		wechat.Class(99).String():              "class(99)",
		wechat.EndpointKind(-1).String():       "kind(-1)",
		wechat.KindMarket.String():             "market",
		wechat.OutcomeNotSent.String():         "not-sent",
		wechat.Outcome(7).String():             "outcome(7)",
		wechat.ClassBlocked.Action():           "pause and tell the owner",
		wechat.OutcomeOf(nil).String():         "answered",
		wechat.OutcomeOf(os.ErrExist).String(): "unknown",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
