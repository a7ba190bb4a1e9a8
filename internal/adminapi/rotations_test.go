package adminapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// rightSecret is what the emulated WeChat of these tests takes.
const rightSecret = "0123456789abcdef0123456789abcdef"

// Renew implements rotate.WeChat: there is one good secret.
func (r *rig) Renew(_ context.Context, _ string, plain secret.Value, _ bool, _ audit.Actor) (time.Time, error) {
	if !plain.IsZero() && plain.RevealString() != rightSecret {
		return time.Time{}, &rotate.Refused{Code: 40125}
	}
	return r.at.Add(time.Hour), nil
}

// Prove implements rotate.WeChat.
func (r *rig) Prove(context.Context, access.App, secret.Value) error { return rotate.ErrUnprovable }

// TestRotateSecret: a rotation of an AppSecret from its beginning to its end, with what
// is refused on the way.
func TestRotateSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.refuses("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "component-secret", Subject: "fuwuhao"}, http.StatusConflict, "rotation-kind")
	r.refuses("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "app-secret", Subject: "nobody"}, http.StatusNotFound, "not-found")
	r.refuses("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "push-token", Subject: "fuwuhao"}, http.StatusConflict, "rotation-kind")
	r.refuses("POST", "/v1/rotations", map[string]string{"kind": "else", "subject": "fuwuhao"}, http.StatusUnprocessableEntity, "input")
	var v adminapi.RotationView
	r.ask("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "app-secret", Subject: "lantian"}, &v)
	if v.State != "waits" || v.Subject != "shop-lantian" || v.TokenEnds == nil || len(v.Steps) < 3 || v.By != "operator" {
		t.Fatalf("the rotation began as %+v", v)
	}
	r.recorded("rotation.begin", "app:shop-lantian")
	one := "/v1/rotations/" + v.ID
	r.refuses("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "app-secret", Subject: "lantian"}, http.StatusConflict, "rotation-under-way")
	r.refuses("POST", one+"/take", adminapi.RotationSecretInput{New: "two words"}, http.StatusConflict, "secret-form")
	r.refuses("POST", one+"/take", adminapi.RotationSecretInput{New: shopSecret}, http.StatusConflict, "secret-same")
	r.refuses("POST", one+"/take", adminapi.RotationSecretInput{New: appSecret}, http.StatusConflict, "secret-of-another")
	r.refuses("POST", one+"/take", adminapi.RotationSecretInput{New: strings.Repeat("f", 32)}, http.StatusConflict, "secret-wrong")
	r.refuses("POST", one+"/finish", adminapi.FinishRotationInput{}, http.StatusConflict, "rotation-state")
	r.ask("POST", one+"/renew", adminapi.RenewRotationInput{Fresh: true}, nil)
	r.ask("POST", one+"/take", adminapi.RotationSecretInput{New: rightSecret + "\n"}, &v)
	if v.State != "overlap" || v.Due == nil {
		t.Fatalf("after the new secret: %+v", v)
	}
	if !slices.ContainsFunc(r.entries(), func(e audit.Entry) bool {
		return e.Action == "rotation.cutover" && e.Subject == "app:shop-lantian" && e.Actor == operator && e.Details["rotation"] == v.ID
	}) {
		t.Error("the cut-over is not in the log")
	}
	r.ask("POST", one+"/finish", adminapi.FinishRotationInput{}, &v)
	if v.State != "done" {
		t.Fatalf("finished as %s", v.State)
	}
	r.ask("GET", one, nil, &v)
	if all := list[adminapi.RotationView](r, "/v1/rotations"); len(all) != 1 || all[0].ID != v.ID {
		t.Fatalf("the list is %+v", all)
	}
	for _, body := range r.seen {
		if strings.Contains(body, rightSecret) || strings.Contains(body, shopSecret) {
			t.Fatalf("an answer repeats a secret: %s", body)
		}
	}
}

// TestRotateClient: the second key is shown once.
func TestRotateClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	var v adminapi.RotationView
	r.ask("POST", "/v1/rotations", adminapi.NewRotationInput{Kind: "client", Subject: "erp"}, &v)
	c, err := r.store.ClientByKey(t.Context(), access.HashKey(v.Made))
	if err != nil || c.ID != "erp" || !strings.HasPrefix(v.Made, access.ClientKeyPrefix) {
		t.Fatalf("the new key is of %q, %v", c.ID, err)
	}
	r.recorded("rotation.begin", "client:erp")
	made := v.Made
	v = adminapi.RotationView{}
	r.ask("GET", "/v1/rotations/"+v.ID+list[adminapi.RotationView](r, "/v1/rotations")[0].ID, nil, &v)
	if v.Made != "" {
		t.Fatal("the key is shown twice")
	}
	r.refuses("POST", "/v1/rotations/"+v.ID+"/finish", adminapi.FinishRotationInput{}, http.StatusConflict, "new-not-seen")
	var shown adminapi.ClientView
	r.ask("GET", "/v1/clients/erp", nil, &shown)
	if shown.NextHint == "" || !strings.HasPrefix(made, strings.TrimSuffix(shown.NextHint, "…")) {
		t.Fatalf("the client shows %q as its second key", shown.NextHint)
	}
	r.ask("POST", "/v1/rotations/"+v.ID+"/back", nil, &v)
	if _, err := r.store.ClientByKey(t.Context(), access.HashKey(made)); v.State != "back" || err == nil {
		t.Fatalf("after the way back the rotation is %s, and the second key is found: %v", v.State, err)
	}
}
