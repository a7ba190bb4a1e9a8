package adminapi_test

import (
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

func TestSigningKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var made, again struct{ Items []adminapi.SigningKeyView }
	r.ask("POST", "/v1/signing-keys/ES256/replace", nil, &made)
	if len(made.Items) != 1 || made.Items[0].Alg != "ES256" || made.Items[0].ID == "" || !made.Items[0].SignsUntil.After(made.Items[0].SignsFrom) {
		t.Fatalf("keys %+v", made.Items)
	}
	r.ask("POST", "/v1/signing-keys/ES256/replace", nil, &again)
	all := list[adminapi.SigningKeyView](r, "/v1/signing-keys")
	if len(again.Items) != 2 || len(all) != 2 || len(list[adminapi.SigningKeyView](r, "/v1/signing-keys?limit=1")) == 0 {
		t.Errorf("keys %+v, listed %+v", again.Items, all)
	}
	ended := 0
	for _, k := range all {
		if k.PublishedUntil.Before(k.SignsUntil) {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("%d keys ended: %+v", ended, all)
	}
	if rec := r.say("POST", "/v1/signing-keys/none/replace", nil); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("an algorithm that is none: %d", rec.Code)
	}
}
