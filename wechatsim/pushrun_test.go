package wechatsim_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// carrier answers pushes without a network.
type carrier func(*http.Request) string

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(c(r))), Request: r}, nil
}

// TestRunPushes lets an emulator run by itself for a day: a ticket every ten
// minutes, and an event within a moment of its time.
func TestRunPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := map[string]int{}
		paths := carrier(func(r *http.Request) string {
			got[r.URL.Path]++
			return "success"
		})
		w := wechatsim.DefaultWorld()
		w.Apps = append(w.Apps, wechatsim.App{AppID: platformID, Secret: "sandbox-secret-platform-00000001", Kind: wechatsim.Component, Name: "demo",
			Push: &wechatsim.PushSettings{AuthURL: "https://isv.example.com/auth", EventURL: "https://isv.example.com/event/$APPID$",
				Token: pushToken, EncodingAESKey: pushAESKey}})
		for i := range w.Apps {
			if w.Apps[i].AppID == shopID {
				w.Apps[i].Push = &wechatsim.PushSettings{URL: "https://shop.example.com/own", Token: pushToken, EncodingAESKey: pushAESKey}
			}
		}
		sim := wechatsim.New(wechatsim.Options{World: w, PushTransport: paths})
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour-time.Minute)
		defer cancel()
		if _, err := sim.PushDay(wechatsim.PushDay{Seed: 1, Events: 500, Over: wechatsim.Duration(23 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		sim.RunPushes(ctx)
		// The first ticket comes at once, the last nine minutes before the end.
		if got["/auth"] != 144 || got["/own"] != 500 {
			t.Errorf("arrived: %v, want 144 tickets and 500 events", got)
		}
	})
}
