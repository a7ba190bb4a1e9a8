package wechatsim_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func TestResetSecret(t *testing.T) {
	g := newRig(t)
	token := g.stable(false).str("access_token")
	made, err := g.ResetSecret(shopID)
	if err != nil || len(made) != 32 || made == shopSecret {
		t.Fatalf("the reset gave %d characters, %v; want 32 of a new secret", len(made), err)
	}
	g.wantCode(g.stable(false), "40125")
	if got := g.alive(token); got != "0" {
		t.Errorf("a reset ended a token: %s", got)
	}
	if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.SecretResetEndsTokens = true }); err != nil {
		t.Fatal(err)
	}
	again, err := g.ResetSecret(shopID)
	if err != nil || again == made {
		t.Fatalf("the second reset: %v, and the same secret: %v", err, again == made)
	}
	if got := g.alive(token); got != "40001" {
		t.Errorf("with the switch on the token answers %s, want 40001", got)
	}
	if _, err := g.ResetSecret("wx00000000000000ff"); err == nil {
		t.Error("the secret of an unknown app was reset")
	}
}
