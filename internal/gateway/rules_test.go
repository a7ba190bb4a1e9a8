package gateway

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// What the catalogue lists for its documentation only is closed, and nothing else
// of it is.
func TestTheCatalogueIsOpen(t *testing.T) {
	for e := range catalogue.Default().All() {
		if why := closedWhy(e.Path); e.Closed() != (why != "") {
			t.Errorf("%s is closed: %q", e.Path, why)
		}
		if _, err := parseTarget(mustURL(t, "/wx/s"+e.Path)); err != nil {
			t.Errorf("%s: %v", e.Path, err)
		}
	}
}

func TestClosedPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/cgi-bin/token":                             whySecret,
		"/cgi-bin/token/x":                           whySecret,
		"/CGI-BIN/TOKEN":                             whySecret,
		"/cgi-bin/Stable_Token":                      whySecret,
		"/cgi-bin/gettoken":                          whySecret,
		"/cgi-bin/component":                         whySecret,
		"/cgi-bin/component/api_get_authorizer_list": whySecret,
		"/cgi-bin/openapi/rid/get":                   whySecret,
		"/cgi-bin/openapi/RID/get":                   whySecret,
		"/cgi-bin/clear_quota":                       whyQuota,
		"/cgi-bin/clear_quota/v2":                    whyQuota,
		"/cgi-bin/clear_quota_v9":                    whyQuota,
		"/cgi-bin/openapi/quota/clear":               whyQuota,
		"/wxa/clear_quota":                           whyQuota,
		"/cgi-bin/ticket":                            whySecret,
		"/cgi-bin/ticket/getticket":                  whySecret,
		"/cgi-bin/Ticket/GetTicket":                  whySecret,
		"/cgi-bin/tickets":                           "",
		"/sns":                                       whyUser,
		"/sns/oauth2/access_token":                   whyUser,
		"/SNS/userinfo":                              whyUser,
		"/":                                          whyUnknown,
		"/cgi-bin":                                   whyUnknown,
		"/shopping/x":                                whyUnknown,
		"/channels/x":                                whyUnknown,
		"/connect/oauth2/authorize":                  whyUnknown,
		"/cgi-bin/openapi/quota/get":                 "",
		"/cgi-bin/getcallbackip":                     "",
		"/shop/funds/getcity":                        "",
	} {
		if got := closedWhy(path); got != want {
			t.Errorf("closedWhy(%q) = %q, want %q", path, got, want)
		}
	}
}
