package app_test

import (
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// rotationCutsOver rotates a client's key on one replica while the other one is asked
// with both, then the shop's AppSecret.
func rotationCutsOver(t *testing.T, a, b *rig) {
	t.Helper()
	old := b.key
	var r adminapi.RotationView
	a.ask("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "client", Subject: clientID}, &r)
	with := func(key string) int {
		b.key = key
		status, _ := b.callHere(shopID)
		return status
	}
	soon(t, "a second key", func() bool { return with(r.Made) == http.StatusOK && with(old) == http.StatusOK })
	a.ask("POST", "/v1/rotations/"+r.ID+"/finish", adminapi.FinishRotationInput{Force: true}, nil)
	soon(t, "the end of the first key", func() bool { return with(old) == http.StatusUnauthorized })
	if got := with(r.Made); got != http.StatusOK {
		t.Errorf("the second key alone: %d", got)
	}
	a.key = r.Made

	a.ask("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "app-secret", Subject: shopID}, &r)
	shown, err := a.sim.ResetSecret(a.manifest().Shops[0].AppID)
	if err != nil {
		t.Fatal(err)
	}
	a.ask("POST", "/v1/rotations/"+r.ID+"/take", adminapi.RotationSecretInput{New: shown}, nil)
	if status, body := b.callHere(shopID); status != http.StatusOK {
		t.Errorf("with the new AppSecret the other replica answers %d: %s", status, body)
	}
	b.ask("POST", "/v1/rotations/"+r.ID+"/finish", adminapi.FinishRotationInput{}, nil)
	if g := b.grant("self"); g.State != "active" {
		t.Errorf("the grant is %s (%s)", g.State, g.Cause)
	}
	if err := a.sim.SetApp(a.manifest().Shops[0].AppID, func(x *wechatsim.App) { x.Secret = a.manifest().Shops[0].Secret }); err != nil {
		t.Fatal(err) // the manifest of the tests that follow has the first one
	}
	if status, body := a.say("POST", "/v1/apply", a.manifest()); status != http.StatusUnprocessableEntity {
		t.Errorf("a manifest that brings the first AppSecret back: %d %s", status, body)
	}
	a.ask("POST", "/v1/apply?old_secrets=true", a.manifest(), nil)
}
