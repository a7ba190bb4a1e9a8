package grant_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func tokens() grant.Tokens {
	return grant.Tokens{Generation: 3, Access: []byte("sealed-access"), AccessExpires: now.Add(2 * time.Hour),
		Refresh: []byte("sealed-refresh"), RefreshIssued: now, RefreshExpires: now.AddDate(0, 0, 30)}
}

// TestDigestNamesExactlyTheseTokens: whatever differs, the digest differs.
func TestDigestNamesExactlyTheseTokens(t *testing.T) {
	changes := map[string]func(*grant.Tokens){
		"nothing":         func(*grant.Tokens) {},
		"generation":      func(x *grant.Tokens) { x.Generation++ },
		"access":          func(x *grant.Tokens) { x.Access = []byte("sealed-accesS") },
		"access end":      func(x *grant.Tokens) { x.AccessExpires = x.AccessExpires.Add(time.Millisecond) },
		"refresh":         func(x *grant.Tokens) { x.Refresh = nil },
		"refresh issued":  func(x *grant.Tokens) { x.RefreshIssued = time.Time{} },
		"refresh end":     func(x *grant.Tokens) { x.RefreshExpires = now },
		"a moved border":  func(x *grant.Tokens) { x.Access, x.Refresh = []byte("sealed-accesss"), []byte("ealed-refresh") },
		"none, but times": func(x *grant.Tokens) { x.Access, x.Refresh = nil, nil },
	}
	seen := map[string]string{}
	for name, change := range changes {
		x := tokens()
		change(&x)
		if other, twice := seen[x.Digest()]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[x.Digest()] = name
	}
	// What the store keeps are milliseconds, so less may not count.
	x := tokens()
	x.AccessExpires = x.AccessExpires.Add(time.Microsecond).In(time.FixedZone("x", 8*3600))
	if x.Digest() != tokens().Digest() {
		t.Error("a time zone or a microsecond changes the digest")
	}
}

// TestRevokeEffects: every grant is ended, told and recorded; the logins of each
// person end once.
func TestRevokeEffects(t *testing.T) {
	by := audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"}
	e := grant.RevokeEffects(now, by, "sold",
		grant.Grant{ID: "g_1", Kind: grant.User, PersonID: "p_1"},
		grant.Grant{ID: "g_2", Kind: grant.User, PersonID: "p_1"},
		grant.Grant{ID: "g_3", Kind: grant.Self, ShopID: "tea"})
	if diff := cmp.Diff([]grant.Revocation{{GrantID: "g_1", Cause: "sold"}, {GrantID: "g_2", Cause: "sold"}, {GrantID: "g_3", Cause: "sold"}}, e.Revoke); diff != "" {
		t.Error(diff)
	}
	if len(e.EndSessions) != 1 || e.EndSessions[0].PersonID != "p_1" {
		t.Errorf("sessions to end: %+v", e.EndSessions)
	}
	if len(e.Notices) != 3 || len(e.Audit) != 3 || e.Audit[2].Subject != "grant:g_3" || e.Audit[2].Actor != by || e.Audit[2].Outcome != audit.Done {
		t.Errorf("%d notices, entries %+v", len(e.Notices), e.Audit)
	}
}

// TestConfirmEffects: a new owner is told to those who are owners, others are
// not.
func TestConfirmEffects(t *testing.T) {
	for role, told := range map[access.Role]bool{access.Owner: true, access.Operator: false, access.Viewer: false} {
		e := grant.ConfirmEffects(now, audit.Actor{Kind: audit.ActorOperator}, access.Invitation{ID: "i_1", TenantID: "lantian", Role: role, PersonID: "p_1"})
		if len(e.Audit) != 1 || e.Audit[0].Details["person"] != "p_1" || e.Audit[0].Details["role"] != string(role) {
			t.Errorf("%s: entries %+v", role, e.Audit)
		}
		if got := slices.ContainsFunc(e.Notices, func(n notice.Notice) bool { return n.Kind == notice.NewOwner }); got != told {
			t.Errorf("%s: owners are told %t", role, got)
		}
	}
}

// TestClaimEffects: a claim is recorded in the claimer's own name, and told.
func TestClaimEffects(t *testing.T) {
	i := access.Invitation{ID: "i_1", TenantID: "lantian", ShopID: "lantian", Role: access.Owner, PersonID: "p_1", InvitedBy: access.ByMarket + "s_1"}
	e := grant.ClaimEffects(now, "s_1", i)
	entry := e.Audit[0]
	if entry.Actor != (audit.Actor{Kind: audit.ActorPerson, ID: "p_1"}) || entry.Details["session"] != "s_1" || entry.Details["shop"] != "lantian" {
		t.Errorf("entry %+v", entry)
	}
	if len(e.Notices) != 1 || e.Notices[0].Kind != notice.NewOwner || e.Notices[0].Details["session"] != "" {
		t.Errorf("notices %+v", e.Notices)
	}
	if n := grant.ClaimNotice(now, i); n.Kind != notice.OwnerClaim || n.Subject != "tenant:lantian" || n.Details["person"] != "p_1" {
		t.Errorf("notice %+v", n)
	}
}
