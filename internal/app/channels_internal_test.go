package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// holder remembers what a watch held last of each subject.
type holder map[string]notice.Holding

func (h holder) HoldCondition(_ context.Context, x notice.Holding, _ time.Time) error {
	h[x.Notice.Subject] = x
	return nil
}

type opened string

func (o opened) Name() string                                           { return string(o) }
func (opened) Send(context.Context, notice.Message) (_ webhook.Outcome) { return }

// TestAChannelThatCannotBeOpened is wrong at once and logged once, and over when it can
// be opened, or is there no more.
func TestAChannelThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	sealed, opens := map[string]bool{"ops": true, "night": true}, 0
	rows := []access.Channel{{Name: "night", Version: 1}, {Name: "ops", Version: 1}, {Name: "well", Version: 1}}
	made := &madeChannels{log: slog.New(slog.NewTextHandler(&logged, nil)),
		rows: func(context.Context) ([]access.Channel, error) { return rows, nil },
		open: func(c access.Channel) (outbox.Channel, error) {
			if opens++; sealed[c.Name] {
				return nil, errors.New("no such key")
			}
			return opened(c.Name), nil
		},
	}
	held := holder{}
	w := alert.NewWatch(alert.WatchOptions{Store: held, Server: "a", Rules: alert.Defaults(), Lists: []alert.List{{Kind: notice.ChannelFailing, Look: made.unopened}}})
	look := func(want ...string) {
		t.Helper()
		all, err := made.Channels(t.Context())
		w.Look(t.Context())
		var got []string
		for _, c := range all {
			got = append(got, c.Channel.Name())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("channels %v, %v; want %v", got, err, want)
		}
	}
	look("well")
	look("well")
	for _, name := range []string{"ops", "night"} {
		if h := held["channel:"+name]; !h.Wrong || h.Notice.Kind != notice.ChannelFailing || h.Notice.Details["reason"] != reasonSealed {
			t.Errorf("%s is held as %+v", name, h)
		}
	}
	if n := strings.Count(logged.String(), "cannot be opened"); n != 2 || opens != 5 {
		t.Errorf("%d lines after %d tries, want one for each of two channels, and that which is open kept:\n%s", n, opens, &logged)
	}
	sealed["ops"], rows = false, rows[1:]
	look("ops", "well")
	if held["channel:ops"].Wrong || held["channel:night"].Wrong {
		t.Errorf("held are %+v, want nothing wrong", held)
	}
}
