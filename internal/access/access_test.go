package access_test

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func TestRoleIn(t *testing.T) {
	shop := access.Shop{ID: "tea", TenantID: "lantian"}
	tenant := func(r access.Role, until time.Time) access.Member {
		return access.Member{TenantID: "lantian", Role: r, Until: until}
	}
	inShop := func(id string, r access.Role) access.Member {
		return access.Member{TenantID: "lantian", ShopID: id, Role: r}
	}
	for name, tt := range map[string]struct {
		members []access.Member
		want    access.Role
	}{
		"nobody":                    {nil, ""},
		"in the tenant":             {[]access.Member{tenant(access.Owner, time.Time{})}, access.Owner},
		"in the shop":               {[]access.Member{inShop("tea", access.Viewer)}, access.Viewer},
		"in another shop":           {[]access.Member{inShop("rice", access.Owner)}, ""},
		"in another tenant":         {[]access.Member{{TenantID: "other", Role: access.Owner}}, ""},
		"same shop, other tenant":   {[]access.Member{{TenantID: "other", ShopID: "tea", Role: access.Owner}}, ""},
		"the widest counts":         {[]access.Member{inShop("tea", access.Viewer), tenant(access.Operator, time.Time{})}, access.Operator},
		"ended":                     {[]access.Member{tenant(access.Owner, now)}, ""},
		"ends in a moment":          {[]access.Member{tenant(access.Owner, now.Add(1))}, access.Owner},
		"ended, and a lesser lives": {[]access.Member{tenant(access.Owner, now), inShop("tea", access.Viewer)}, access.Viewer},
		"a role that is none":       {[]access.Member{tenant("king", time.Time{})}, ""},
	} {
		got, ok := access.RoleIn(tt.members, shop, now)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %t; want %q", name, got, ok, tt.want)
		}
	}
}

func TestCovers(t *testing.T) {
	widest := []access.Role{access.Viewer, access.Operator, access.Owner}
	for i, r := range widest {
		for j, other := range widest {
			if got := r.Covers(other); got != (i >= j) {
				t.Errorf("%s covers %s: %t", r, other, got)
			}
		}
		if r.Covers("king") || access.Role("king").Covers(r) {
			t.Errorf("a role that is none compares with %s", r)
		}
	}
}

// TestSessionEndsToTheSecond: by idleness, by age, by somebody's hand.
func TestSessionEndsToTheSecond(t *testing.T) {
	s := access.Session{SeenAt: now, ExpiresAt: now.Add(time.Hour), IdleLimit: time.Minute}
	for name, tt := range map[string]struct {
		change func(*access.Session)
		at     time.Duration
		live   bool
	}{
		"just before idle":     {func(*access.Session) {}, time.Minute - 1, true},
		"idle":                 {func(*access.Session) {}, time.Minute, false},
		"used, before its age": {func(s *access.Session) { s.SeenAt = now.Add(time.Hour - 1) }, time.Hour - 1, true},
		"used, of age":         {func(s *access.Session) { s.SeenAt = now.Add(time.Hour) }, time.Hour, false},
		"ended":                {func(s *access.Session) { s.EndedAt = now }, 0, false},
	} {
		x := s
		tt.change(&x)
		if got := x.Live(now.Add(tt.at)); got != tt.live {
			t.Errorf("%s: live %t", name, got)
		}
	}
}

func TestClientsAndAdministratorsEnd(t *testing.T) {
	type life struct{ expires, revoked time.Time }
	for name, tt := range map[string]struct {
		life
		live bool
	}{
		"without end":    {life{}, true},
		"before its end": {life{expires: now.Add(1)}, true},
		"at its end":     {life{expires: now}, false},
		"revoked":        {life{revoked: now.Add(-time.Hour)}, false},
	} {
		c := access.Client{ExpiresAt: tt.expires, RevokedAt: tt.revoked}
		a := access.Administrator{ExpiresAt: tt.expires, RevokedAt: tt.revoked}
		if c.Live(now) != tt.live || a.Live(now) != tt.live {
			t.Errorf("%s: client %t, administrator %t", name, c.Live(now), a.Live(now))
		}
	}
}

func TestInvitationIsUsableOnceAndInTime(t *testing.T) {
	i, token := access.NewInvitation("lantian", "", access.Owner, "operator:", now)
	if !bytes.Equal(i.TokenHash, access.HashKey(token.RevealString())) {
		t.Error("the link does not lead to the invitation")
	}
	if !i.Usable(now.Add(access.InvitationLife-1)) || i.Usable(now.Add(access.InvitationLife)) {
		t.Error("an invitation does not live for 30 minutes")
	}
	for _, s := range []access.InvitationState{access.InvitationTaken, access.InvitationConfirmed, access.InvitationDead} {
		i.State = s
		if i.Usable(now) {
			t.Errorf("an invitation that is %s can be taken", s)
		}
	}
}

func TestKeysAreRandomAndRecognisable(t *testing.T) {
	form := regexp.MustCompile(`^zgc_[A-Z2-7]{26}$`)
	seen := map[string]bool{}
	for range 1000 {
		key, hash := access.NewKey(access.ClientKeyPrefix)
		s := key.RevealString()
		if !form.MatchString(s) || len(hash) != 32 || seen[s] {
			t.Fatalf("a key of odd form, or one that came twice")
		}
		seen[s] = true
		if hint := access.KeyHint(key); len(hint) > 12 || hint == s {
			t.Fatalf("the hint tells too much")
		}
	}
}
