package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Examine implements console.Doctor: something of the house is wrong, something of the
// shop, and something is well.
func (r *rig) Examine(_ context.Context, shop string) (doctor.Report, error) {
	subject := "server"
	if shop != "" {
		subject = "shop:" + shop
	}
	return doctor.Report{Asked: 3, Findings: []doctor.Finding{
		{Check: "ticket", Subject: "app:platform", House: true, Verdict: doctor.Wrong, Cause: notice.Text{EN: "no ticket came", ZH: "没有 ticket"}, Next: notice.Text{EN: "start it", ZH: "请启动"}},
		{Check: "grant", Subject: subject, Verdict: doctor.Wrong, Cause: notice.Text{EN: "it has ended", ZH: "已失效"}, Next: notice.Text{EN: "authorise again", ZH: "请重新授权"},
			Page: "/shops/lantian", Proof: []doctor.Fact{{Name: "state", Value: "<b>needs_owner</b>"}}},
		{Check: "secret", Subject: subject, Verdict: doctor.Warning, Cause: notice.Text{EN: "it is old", ZH: "已久"}, Next: notice.Text{EN: "rotate", ZH: "请更换"}, Page: "https://store.weixin.qq.com"},
		{Check: "quota", Subject: subject, Verdict: doctor.OK, Cause: notice.Text{EN: "the quotas last", ZH: "额度充足"}},
	}}, nil
}

// Explain implements console.Doctor.
func (r *rig) Explain(_ context.Context, by audit.Actor, text, shop string) (doctor.Explanation, error) {
	return doctor.Explanation{Input: doctor.Mask(text), Findings: []doctor.Finding{{Check: "explain", Subject: by.Kind + ":" + by.ID + " " + shop, Verdict: doctor.Wrong,
		Cause: notice.Text{EN: "the address is not in the allowlist", ZH: "IP 不在白名单"}, Next: notice.Text{EN: "add it", ZH: "请添加"}, Page: "javascript:alert(1)"}}}, nil
}

func TestStaffSeesEverythingTheDoctorFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	rec := r.get("/doctor", "en")
	for _, want := range []string{"No ticket came.", "It has ended.", "Authorise again.", `href="/shops/lantian"`, `href="https://store.weixin.qq.com"`, "&lt;b&gt;needs_owner", "The quotas last.", "2 wrong, 1 to look at"} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%q is missing in\n%s", want, rec.Body)
		}
	}
	if body := r.get("/doctor", "zh-CN").Body.String(); !strings.Contains(body, "请重新授权。") || strings.Contains(body, "Authorise") {
		t.Errorf("the page is not Chinese:\n%s", body)
	}
	r.as(access.StaffAuditor)
	if rec := r.get("/doctor", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("an auditor: %d", rec.Code)
	}
	r.as(access.StaffSupport)
	if rec := r.get("/doctor", "en"); rec.Code != http.StatusOK {
		t.Errorf("support: %d", rec.Code)
	}
}

func TestAMerchantSeesTheirShopOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if rec := r.get("/shops/lantian/doctor", "en"); rec.Code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", rec.Code)
	}
	r.asPerson("小蓝", owner)
	body := r.get("/shops/lantian/doctor", "en").Body.String()
	if !strings.Contains(body, "It has ended.") || strings.Contains(body, "ticket") {
		t.Errorf("the owner sees\n%s", body)
	}
	for path, want := range map[string]int{"/shops/tea/doctor": http.StatusForbidden, "/doctor": http.StatusForbidden} {
		if rec := r.get(path, "en"); rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	viewer := owner
	viewer.Role = access.Viewer
	r.asPerson("小蓝", viewer)
	if rec := r.get("/shops/lantian/doctor", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", rec.Code)
	}
	if body := r.get("/shops/lantian", "en").Body.String(); strings.Contains(body, "/shops/lantian/doctor") {
		t.Error("a viewer is led to a page that refuses them")
	}
	r.session.PersonID = ""
	r.person.Members[0].Role = access.Owner
	if rec := r.get("/shops/lantian/doctor", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("somebody without a name: %d", rec.Code)
	}
}

func TestStaffEntersBeforeItExaminesAShop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	if rec := r.get("/shops/lantian/doctor", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("outside: %d", rec.Code)
	}
	r.board.inside = true
	if body := r.get("/shops/lantian/doctor", "en").Body.String(); !strings.Contains(body, "No ticket came.") {
		t.Errorf("inside:\n%s", body)
	}
}

func TestThePageExplains(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asPerson("小蓝", owner)
	form := url.Values{"text": {`<script>alert(1)</script> access_token=CANARY 40164`}}
	body := r.post("/shops/lantian/doctor", form).Body.String()
	for _, want := range []string{"person:p_0001 lantian", "&lt;script&gt;alert(1)", "access_token=***"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	if strings.Contains(body, "CANARY") || strings.Contains(body, "<script>alert") || strings.Contains(body, `"javascript:`) {
		t.Errorf("the page repeats what it must not:\n%s", body)
	}
	r.asAdmin()
	if body := r.post("/doctor", form).Body.String(); !strings.Contains(body, "admin:a_0001") {
		t.Errorf("staff:\n%s", body)
	}
	if rec := r.post("/doctor", url.Values{"text": {strings.Repeat("错", 20000)}}); rec.Code != http.StatusOK {
		t.Errorf("a long paste: %d", rec.Code)
	}
	if rec := r.post("/doctor", url.Values{"text": {strings.Repeat("错", 40000)}}); rec.Code < 400 || rec.Code >= 500 {
		t.Errorf("one that is too long: %d", rec.Code)
	}
}
