package people_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// asStaff makes somebody of the provider, and has them ask.
func (r *rig) asStaff(id string, kind access.StaffKind) *rig {
	r.t.Helper()
	if _, err := r.store.Admin(r.t.Context(), id); err != nil {
		_, hash := access.NewKey(access.AdminKeyPrefix)
		r.must(r.store.CreateAdmin(r.t.Context(), access.Administrator{ID: id, Name: "客服 " + id, Kind: kind, KeyHash: hash, CreatedAt: r.now}, nil,
			audit.Entry{At: r.now, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "admin.create", Outcome: audit.Done}))
	}
	r.person, r.admin = "", id
	return r
}

// Staff enters with a reason, sees what an owner sees, changes nothing, and is seen.
func TestVisit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.asStaff("a_help", access.StaffSupport)
	before := r.get("/shops/lantian")
	contains(t, before, "/visit/lantian")
	lacks(t, before, "小周")
	contains(t, r.get("/visit/lantian"), "蓝天文具", `name="reason"`)
	for _, reason := range []string{"", "  a ", strings.Repeat("长", 201)} {
		r.posts(http.StatusUnprocessableEntity, "/visit/lantian", url.Values{"reason": {reason}})
	}
	rec := r.posts(http.StatusSeeOther, "/visit/lantian", url.Values{"reason": {"工单  17: 订单\n不显示"}})
	if to := rec.Header().Get("Location"); to != "/shops/lantian" {
		t.Errorf("leads to %s", to)
	}
	inside := r.get("/shops/lantian")
	contains(t, inside, "小周", "小李")
	lacks(t, inside, "<form", "/people/", "/invite", "/me")
	if rec := r.get("/shops/tea"); rec.Code != http.StatusForbidden {
		t.Errorf("another merchant's shop: %d", rec.Code)
	}
	for _, path := range []string{"/shops/lantian/people/p_op", "/shops/lantian/people/p_op/remove", "/shops/lantian/invite"} {
		if rec := r.post(path, url.Values{"role": {"viewer"}, "was": {"operator"}}); rec.Code != http.StatusUnauthorized {
			t.Errorf("%s as staff: %d", path, rec.Code)
		}
	}
	if !slices.Contains(r.kinds(), notice.StaffVisit) {
		t.Error("the owners were not told")
	}
	e := r.entries("visit.start")
	if len(e) != 1 || e[0].Actor.ID != "a_help" || strings.Contains(e[0].Details["visit"]+e[0].Reason, "工单") {
		t.Errorf("entries %+v", e)
	}
	contains(t, r.as("p_boss").get("/shops/lantian"), "客服 a_help", "工单 17: 订单 不显示", word(t, "en", "people.visit.now"))
	lacks(t, r.as("p_op").get("/shops/lantian"), "客服")

	r.now = r.now.Add(access.VisitLife)
	if rec := r.asStaff("a_help", access.StaffSupport).get("/shops/lantian"); rec.Code != http.StatusForbidden {
		t.Errorf("after an hour: %d", rec.Code)
	}
}

func TestVisitEndsEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asStaff("a_boss", access.StaffAdmin)
	r.posts(http.StatusSeeOther, "/visit/lantian", url.Values{"reason": {"ticket 17"}})
	r.posts(http.StatusSeeOther, "/visit/lantian/end", nil)
	r.posts(http.StatusSeeOther, "/visit/lantian/end", nil)
	if rec := r.get("/shops/lantian"); rec.Code != http.StatusForbidden || len(r.entries("visit.end")) != 1 {
		t.Errorf("%d with %d entries", rec.Code, len(r.entries("visit.end")))
	}
}

// An auditor reads the log and enters nothing; nor does somebody who is no staff.
func TestWhoMayVisit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	for name, as := range map[string]func(){
		"an auditor": func() { r.asStaff("a_audit", access.StaffAuditor) },
		"an owner":   func() { r.as("p_boss") },
		"a stranger": func() { r.as("") },
	} {
		as()
		for _, path := range []string{"/visit/lantian", "/visit/lantian/end"} {
			if rec := r.post(path, url.Values{"reason": {"curiosity"}}); rec.Code != http.StatusForbidden {
				t.Errorf("%s at %s: %d", name, path, rec.Code)
			}
		}
	}
	if rec := r.asStaff("a_audit", access.StaffAuditor).get("/shops/lantian"); rec.Code != http.StatusForbidden {
		t.Errorf("an auditor at a shop: %d", rec.Code)
	}
	r.asStaff("a_boss", access.StaffAdmin)
	if rec := r.get("/visit/unknown"); rec.Code != http.StatusNotFound {
		t.Errorf("no such merchant: %d", rec.Code)
	}
}
