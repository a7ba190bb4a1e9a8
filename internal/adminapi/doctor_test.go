package adminapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var closed = doctor.Finding{Check: "grant", Subject: "shop:tea", Verdict: doctor.Wrong, Page: "/shops/tea", ErrCode: 61003,
	Cause: notice.Text{EN: "it ended", ZH: "已失效"}, Next: notice.Text{EN: "authorise", ZH: "授权"}, Proof: []doctor.Fact{{Name: "state", Value: "needs_owner"}}}

// Examine implements adminapi.Doctor.
func (r *rig) Examine(_ context.Context, shop string) (doctor.Report, error) {
	well := doctor.Finding{Check: "clock", Subject: "server", Verdict: doctor.OK}
	switch shop {
	case "":
		return doctor.Report{At: epoch, Took: time.Second, Asked: 2, Findings: []doctor.Finding{well}}, nil
	case "tea":
		return doctor.Report{At: epoch, Findings: []doctor.Finding{closed, well}}, nil
	}
	return doctor.Report{}, access.ErrNotFound
}

// Explain implements adminapi.Doctor.
func (r *rig) Explain(_ context.Context, by audit.Actor, text, shop string) (doctor.Explanation, error) {
	if shop == "nobody" {
		return doctor.Explanation{}, access.ErrNotFound
	}
	r.tested = append(r.tested, by)
	return doctor.Explanation{Input: doctor.Mask(text), Codes: []int{40164}, Findings: []doctor.Finding{closed}}, nil
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for method, want := range map[string]adminapi.ReportView{"GET": {At: epoch, Verdict: "ok", Millis: 1000, Asked: 2}, "POST": {At: epoch, Verdict: "ok", Millis: 1000, Asked: 2}} {
		var got adminapi.ReportView
		r.ask(method, "/v1/doctor", nil, &got)
		if len(got.Findings) != 1 || got.Findings[0].Proof == nil {
			t.Errorf("%s: findings %+v", method, got.Findings)
		}
		got.Findings = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", method, diff)
		}
	}
	var got adminapi.ReportView
	r.ask("GET", "/v1/doctor?shop=tea", nil, &got)
	want := adminapi.FindingView{Check: "grant", Subject: "shop:tea", Verdict: "wrong", Page: "https://zhanggui.example.com/shops/tea", ErrCode: 61003,
		Cause: notice.Text{EN: "it ended", ZH: "已失效"}, Next: notice.Text{EN: "authorise", ZH: "授权"}, Proof: []adminapi.FactView{{Name: "state", Value: "needs_owner"}}}
	if diff := cmp.Diff(want, got.Findings[0]); got.Verdict != "wrong" || diff != "" {
		t.Errorf("verdict %s (-want +got):\n%s", got.Verdict, diff)
	}
	if rec := r.say("GET", "/v1/doctor?shop=nobody", nil); rec.Code != http.StatusNotFound {
		t.Errorf("no such shop: %d", rec.Code)
	}
}

func TestDoctorExplains(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got adminapi.ExplanationView
	r.ask("POST", "/v1/doctor/explain", map[string]string{"text": "access_token=CANARY errcode 40164"}, &got)
	if got.Input != "access_token=*** errcode 40164" || len(got.Findings) != 1 || len(r.tested) != 1 {
		t.Errorf("%+v, asked by %v", got, r.tested)
	}
	if rec := r.say("POST", "/v1/doctor/explain", map[string]string{"text": "x", "shop": "nobody"}); rec.Code != http.StatusNotFound {
		t.Errorf("no such shop: %d", rec.Code)
	}
	long := make([]byte, 70000)
	if rec := r.say("POST", "/v1/doctor/explain", map[string]string{"text": string(long)}); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a text that is too long: %d", rec.Code)
	}
}
