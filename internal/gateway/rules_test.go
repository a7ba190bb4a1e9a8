package gateway

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/endpoints.tsv
var endpoints string

// documented calls f for each documented endpoint of the shop API.
func documented(t *testing.T, f func(path, method, access string)) {
	t.Helper()
	n := 0
	for line := range strings.Lines(endpoints) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cols := strings.Split(strings.TrimSpace(line), "\t")
		if len(cols) != 3 {
			t.Fatalf("bad line %q", line)
		}
		f(cols[0], cols[1], cols[2])
		n++
	}
	if n < 300 {
		t.Fatalf("only %d endpoints: the list is cut", n)
	}
}

func TestNoDocumentedWriteCountsAsARead(t *testing.T) {
	unknown := 0
	documented(t, func(path, _, access string) {
		got := reads(path)
		if access == "write" && got {
			t.Errorf("%s writes and is taken for a read", path)
		}
		if access == "read" && !got {
			t.Logf("%s reads and is taken for a write", path)
			unknown++
		}
	})
	if unknown > 5 {
		t.Errorf("%d reading endpoints are taken for writes; is a rule missing?", unknown)
	}
}

func TestDocumentedShopPathsAreOpen(t *testing.T) {
	documented(t, func(path, _, _ string) {
		if why := closedWhy(path); why != "" {
			t.Errorf("%s is closed: %s", path, why)
		}
		if _, err := parseTarget(mustURL(t, "/wx/s"+path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	})
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

// Each documented GET reads, and its name must say so: a client that may only
// read needs it.
func TestDocumentedGETsAreReads(t *testing.T) {
	want := []string{
		"/cgi-bin/get_api_domain_ip",
		"/cgi-bin/getcallbackip",
		"/channels/ec/basics/info/get",
		"/channels/ec/basics/media/get",
		"/channels/ec/category/league/all",
		"/channels/ec/qic/inspect/config/get",
		"/channels/ec/qic/inspect/submitconfig/get",
	}
	var listed []string
	documented(t, func(path, method, _ string) {
		if method == "GET" {
			listed = append(listed, path)
		}
	})
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
	for _, path := range want {
		if !reads(path) {
			t.Errorf("%s is taken for a write", path)
		}
	}
}

func TestReads(t *testing.T) {
	for path, want := range map[string]bool{
		"/channels/ec/product/list/get":           true,
		"/channels/ec/order/Search":               true,
		"/channels/ec/funds/listorderflow":        true,
		"/channels/ec/product/listing":            false,
		"/channels/ec/order/sensitiveinfo/decode": false,
		"/channels/ec/get/update":                 false,
		"/cgi-bin/callback/check":                 false,
		"/channels/ec/new/thing":                  false,
		// Known as GET, and writing all the same.
		"/cgi-bin/menu/delete":                false,
		"/wxa/undocodeaudit":                  false,
		"/channels/ec/order/deliver/send":     false,
		"/channels/ec/product/budget":         false,
		"/channels/ec/product/update_to_list": false,
	} {
		if got := reads(path); got != want {
			t.Errorf("reads(%s) = %v", path, got)
		}
	}
}

func TestGroupsAreBounded(t *testing.T) {
	for path, want := range map[string]string{
		"/channels/ec/order/get":                       "order",
		"/shop/ec/basics/img/upload":                   "basics",
		"/shop/funds/getcity":                          "funds",
		"/channels/ec/zufall/x":                        "other",
		"/channels/ec/":                                "other",
		"/shop/zufall":                                 "other",
		"/wxa/vip/user/list/get":                       "wxa",
		"/wxa/servicemarket/service/get_service_buyer": "servicemarket",
		"/cgi-bin/getcallbackip":                       "cgi-bin",
		"/elsewhere":                                   "other",
		"":                                             "other",
	} {
		if got := group(path); got != want {
			t.Errorf("group(%q) = %q, want %q", path, got, want)
		}
	}
	others := 0
	documented(t, func(path, _, _ string) {
		if group(path) == "other" {
			others++
		}
	})
	if others > 5 {
		t.Errorf("%d documented endpoints have no group", others)
	}
}
