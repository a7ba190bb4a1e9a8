package wechatsim_test

import (
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// BenchmarkDeliver is what the emulator itself costs for one event of a shop:
// composing, encrypting, signing and recording, without a network.
func BenchmarkDeliver(b *testing.B) {
	w := wechatsim.DefaultWorld()
	for i := range w.Apps {
		if w.Apps[i].AppID == shopID {
			w.Apps[i].Push = &wechatsim.PushSettings{URL: "https://shop.example.com/own", Token: pushToken, EncodingAESKey: pushAESKey}
		}
	}
	sim := wechatsim.New(wechatsim.Options{World: w, PushTransport: carrier(func(*http.Request) string { return "success" })})
	for b.Loop() {
		if err := sim.PushShop(shopID, "channels_ec_order_cancel", []byte(orderBody)); err != nil {
			b.Fatal(err)
		}
		sim.Deliver(b.Context())
	}
}
