package adminapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

func TestNotices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	if err := r.store.RegisterChannels(ctx, []notice.Route{{Channel: "log"}}, epoch, epoch, epoch); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"grant:g_1", "grant:g_2"} {
		err := r.store.Revoke(ctx, grant.Effects{At: epoch, Notices: []notice.Notice{{At: epoch, Kind: notice.GrantStopped, Subject: subject, Details: map[string]string{"errcode": "40125"}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	storetest.TellEach(t, r.store, epoch)
	c, err := r.store.ClaimDeliveries(ctx, notice.Request{Channel: "log", Owner: "test", Now: epoch, For: 1, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = r.store.SettleDeliveries(ctx, notice.Settlement{Channel: "log", Term: c.Term, At: epoch, Results: []notice.Result{{ID: c.Items[0].ID, Attempt: 1, State: notice.Sent}}})
	if err != nil {
		t.Fatal(err)
	}
	all, waiting := list[adminapi.NoticeView](r, "/v1/notices"), list[adminapi.NoticeView](r, "/v1/notices?pending=true")
	if len(all) != 2 || len(waiting) != 1 || all[0].Subject != "grant:g_2" || waiting[0].ID != all[0].ID {
		t.Fatalf("all %+v, waiting %+v", all, waiting)
	}
	w := notice.GrantStopped.Words()
	want := adminapi.NoticeView{ID: all[1].ID, At: new(epoch), Kind: "grant.stopped", Subject: "grant:g_1", Details: map[string]string{"errcode": "40125"},
		What: w.What, Next: w.Next, Deliveries: []adminapi.DeliveryView{{Channel: "log", State: "sent", Attempts: 1, Done: new(epoch)}}}
	if diff := cmp.Diff(want, all[1]); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(all[0].ID, "n_") {
		t.Errorf("id %q", all[0].ID)
	}
}

func TestTestNotices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got struct{ Items []adminapi.TriedView }
	r.ask("POST", "/v1/notices/test", nil, &got)
	want := []adminapi.TriedView{{Channel: "log", Taken: true, Millis: 1}, {Channel: "webhook:hooks.example.com:00000000", Reason: "answered 500", Millis: 1000}}
	if diff := cmp.Diff(want, got.Items); diff != "" {
		t.Errorf("tried (-want +got):\n%s", diff)
	}
	if !slices.Equal(r.tested, []audit.Actor{operator}) {
		t.Errorf("tried by %v", r.tested)
	}
}
