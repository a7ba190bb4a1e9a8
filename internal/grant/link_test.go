package grant_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/grant"
)

func TestLinkCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		link grant.Link
		good bool
	}{
		"anything":              {grant.Link{}, true},
		"a kind and sets":       {grant.Link{Kind: grant.LinkMini, Sets: []int64{17, 18}}, true},
		"one account":           {grant.Link{AppID: "wx00000000000000b1"}, true},
		"a shop":                {grant.Link{Kind: "shop"}, false},
		"one account of a kind": {grant.Link{Kind: grant.LinkMini, AppID: "wx00000000000000b1"}, false},
		"no appid":              {grant.Link{AppID: "gh_0000"}, false},
		"a script for an appid": {grant.Link{AppID: "wx00000000000000b1<script>"}, false},
		"no set":                {grant.Link{Sets: []int64{0}}, false},
		"a number for a set":    {grant.Link{Sets: []int64{1 << 40}}, false},
		"too many sets":         {grant.Link{Sets: make([]int64, 33)}, false},
	} {
		if err := tt.link.Check(); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
