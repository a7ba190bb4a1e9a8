package scale

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// appID and appSecret are the ith account's.
func appID(i int) string     { return fmt.Sprintf("wx%016x", i+1) }
func appSecret(i int) string { return fmt.Sprintf("sandbox-secret-of-account-%07d", i) }

// emulator is an emulated WeChat in a process of its own.
type emulator struct {
	*child
	URL string
}

type emulatorOrder struct{ Apps int }

// startEmulator starts one that knows so many accounts.
func startEmulator(tb testing.TB, apps int) *emulator {
	tb.Helper()
	e := &emulator{child: spawn(tb, "emulator", emulatorOrder{apps})}
	e.hear(&e.URL)
	return e
}

// emulatorMain is the emulator's process.
func emulatorMain() error {
	var o emulatorOrder
	if err := lines.Decode(&o); err != nil {
		return err
	}
	world := &wechatsim.World{}
	for i := range o.Apps {
		// The token call is the same for every kind of account; a shop would
		// have goods and orders too.
		world.Apps = append(world.Apps, wechatsim.App{
			AppID: appID(i), Secret: appSecret(i), Kind: wechatsim.ServiceAccount, Name: "众", CallbackDomain: "zhanggui.example.com",
		})
	}
	sim, err := wechatsim.Open(wechatsim.Options{World: world})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(l, sim) //nolint:errcheck // ends with the process
	if err := tell("http://" + l.Addr().String()); err != nil {
		return err
	}
	return untilEnd()
}

// asked gives how many requests for tokens reached the emulator, and how many
// of them were answered with an error.
func (e *emulator) asked() (all, refused int) {
	e.tb.Helper()
	resp, err := http.Get(e.URL + "/sim/ledger?path=/cgi-bin/stable_token")
	if err != nil {
		e.tb.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Entries []wechatsim.Entry }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		e.tb.Fatal(err)
	}
	for _, entry := range list.Entries {
		if entry.ErrCode != 0 {
			refused++
		}
	}
	return len(list.Entries), refused
}
