package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// turning is an assistant with one rotation, which takes one secret.
type turning struct {
	state access.RotationState
	by    audit.Actor
	fresh bool
}

const goodSecret = "0123456789abcdef0123456789abcdef"

func (f *turning) rotation() access.Rotation {
	return access.Rotation{ID: "rot_1", Kind: access.RotateAppSecret, Subject: "shop-lantian<b>", State: f.state, BegunAt: epoch, ChangedAt: epoch, DueAt: epoch.Add(time.Hour)}
}

func (f *turning) Begin(_ context.Context, by audit.Actor, s rotate.Start) (rotate.Begun, error) {
	if s.Subject == "nobody" {
		return rotate.Begun{}, access.ErrNotFound
	}
	f.state, f.by, f.fresh = access.RotationWaits, by, s.Fresh
	return rotate.Begun{Rotation: f.rotation(), Made: secret.FromString("zgc_MADETHISONCE")}, nil
}

func (f *turning) Take(_ context.Context, _ audit.Actor, _ string, plain secret.Value) (access.Rotation, error) {
	if plain.RevealString() != goodSecret {
		return access.Rotation{}, &rotate.Refusal{Code: "secret-wrong", EN: "WeChat refuses it.", ZH: "微信不接受。", NextEN: "Copy it again.", NextZH: "请重新复制。"}
	}
	f.state = access.RotationOverlap
	return f.rotation(), nil
}

func (f *turning) Finish(context.Context, audit.Actor, string, bool) (access.Rotation, error) {
	f.state = access.RotationDone
	return f.rotation(), nil
}

func (f *turning) Back(context.Context, audit.Actor, string) (access.Rotation, error) {
	f.state = access.RotationBack
	return f.rotation(), nil
}

func (f *turning) Rotations(context.Context, access.Mark, int) ([]access.Rotation, error) {
	if f.state == "" {
		return nil, nil
	}
	return []access.Rotation{f.rotation()}, nil
}

func (f *turning) Show(_ context.Context, r access.Rotation) (rotate.Standing, error) {
	return rotate.Standing{TokenEnds: epoch.Add(90 * time.Minute), Steps: rotate.Explain(r.Kind, access.App{Kind: access.ShopApp})}, nil
}

// postIn is post by somebody who reads a language.
func (r *rig) postIn(lang, path string, form url.Values) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "https://zhanggui.example.com"+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Accept-Language", lang)
	return r.do(req)
}

// TestRotationPage goes through the steps of a rotation: what is made is shown once, no
// secret is shown again, and a refusal says why in the reader's language.
func TestRotationPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	sees := func(body string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%q is missing in\n%s", w, body)
			}
		}
		if strings.Contains(body, goodSecret) || strings.Contains(body, "<b>") {
			t.Errorf("the page shows a secret, or a name as markup:\n%s", body)
		}
	}
	sees(r.get("/", "en").Body.String(), "/admin/rotations")
	sees(r.get("/admin/rotations", "zh-CN").Body.String(), "更换密钥", `name="subject"`)
	rec := r.postIn("en", "/admin/rotations", url.Values{"kind": {"app-secret"}, "subject": {" lantian "}, "fresh": {"1"}})
	sees(rec.Body.String(), "zgc_MADETHISONCE", "2026-03-01 21:30", "reset by hand", "/admin/rotations/rot_1/take", `type="password"`)
	if rec.Header().Get("Cache-Control") != "no-store" || !r.turning.fresh || r.turning.by.ID != "a_0001" {
		t.Errorf("Cache-Control %q, fresh %v, by %+v", rec.Header().Get("Cache-Control"), r.turning.fresh, r.turning.by)
	}
	if body := r.get("/admin/rotations", "en").Body.String(); strings.Contains(body, "zgc_MADE") {
		t.Errorf("the key is shown twice:\n%s", body)
	}
	rec = r.postIn("zh-CN", "/admin/rotations/rot_1/take", url.Values{"new": {"wrong"}})
	if sees(rec.Body.String(), "微信不接受。", "请重新复制。"); rec.Code != http.StatusConflict {
		t.Errorf("a wrong secret: %d", rec.Code)
	}
	sees(r.postIn("en", "/admin/rotations/rot_1/take", url.Values{"new": {goodSecret + "\n"}}).Body.String(), "The new one is in use", "/finish", "/back")
	sees(r.postIn("en", "/admin/rotations/rot_1/finish", nil).Body.String(), "done")
	sees(r.postIn("en", "/admin/rotations/rot_1/back", nil).Body.String(), "the old one is in use")
	if rec := r.postIn("en", "/admin/rotations", url.Values{"kind": {"client"}, "subject": {"nobody"}}); rec.Code != http.StatusNotFound {
		t.Errorf("somebody unknown: %d", rec.Code)
	}
	r.as(access.StaffSupport)
	if rec := r.get("/admin/rotations", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("support: %d", rec.Code)
	}
	r.asPerson("店主", owner)
	if rec := r.get("/admin/rotations", "en"); rec.Code == http.StatusOK {
		t.Errorf("an owner: %d", rec.Code)
	}
}
