package login

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// tallied is an Observer that keeps what it is told.
type tallied []string

func (c *tallied) LoggedIn(door access.Door, result string) {
	*c = append(*c, string(door)+" "+result)
}

func TestLoginsAreCounted(t *testing.T) {
	t.Parallel()
	var got tallied
	l := &Login{o: Options{Observer: &got}}
	for _, tt := range []struct {
		door access.Door
		err  error
	}{
		{access.DoorKey, nil}, // a page on the way; a session is counted where it begins
		{access.DoorWeChat, &web.Error{Status: http.StatusForbidden, Code: "denied"}},
		{access.DoorQR, &web.Error{Status: http.StatusBadGateway, Code: "exchange"}},
		{"", errors.New("no database")},
		{access.DoorMini, &web.Error{Status: web.StatusClientGone, Code: "client-gone"}},
	} {
		h := l.counting(tt.door, func(http.ResponseWriter, *http.Request) error { return tt.err })
		if err := h(nil, nil); !errors.Is(err, tt.err) {
			t.Errorf("%v became %v", tt.err, err)
		}
	}
	if diff := cmp.Diff(tallied{"wechat refused", "qr failed", "unknown failed"}, got); diff != "" {
		t.Error(diff)
	}
}
