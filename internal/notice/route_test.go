package notice_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/notice"
)

func TestHears(t *testing.T) {
	m := notice.Message{About: notice.GrantStopped, Severity: notice.Warning, Tenant: "sky", Notice: notice.Notice{Kind: notice.GrantHealed, Subject: "grant:g_1"}}
	over := notice.Message{About: notice.AlertOver, Severity: notice.Critical, Notice: notice.Notice{Kind: notice.AlertOver, Subject: "channel:b", Details: map[string]string{"was": "channel.failing"}}}
	for name, c := range map[string]struct {
		r    notice.Route
		m    notice.Message
		want bool
	}{
		"everything":          {notice.Route{Channel: "a"}, m, true},
		"its tenant":          {notice.Route{Channel: "a", Tenant: "sky"}, m, true},
		"another tenant":      {notice.Route{Channel: "a", Tenant: "sea"}, m, false},
		"nobody's":            {notice.Route{Channel: "a", Tenant: "sea"}, over, false},
		"severe enough":       {notice.Route{Channel: "a", Severity: notice.Warning}, m, true},
		"not severe enough":   {notice.Route{Channel: "a", Severity: notice.Critical}, m, false},
		"its kind":            {notice.Route{Channel: "a", Kinds: []notice.Kind{notice.GrantStopped}}, m, true},
		"another kind":        {notice.Route{Channel: "a", Kinds: []notice.Kind{notice.ClockSkew}}, m, false},
		"the end of its kind": {notice.Route{Channel: "a", Kinds: []notice.Kind{notice.ChannelFailing}}, over, true},
		"another channel":     {notice.Route{Channel: "a"}, over, true},
		"itself":              {notice.Route{Channel: "b"}, over, false},
	} {
		if got := c.r.Hears(c.m); got != c.want {
			t.Errorf("%s: hears %v", name, got)
		}
	}
	if !(notice.Route{Channel: "a"}).Open() || (notice.Route{Severity: notice.Info}).Open() {
		t.Error("a route is open that is not, or the other way round")
	}
}
