package sqlstore

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

func TestMillis(t *testing.T) {
	if got := millis(time.Time{}); got != 0 {
		t.Errorf("the zero time is stored as %d", got)
	}
	if got := fromMillis(0); !got.IsZero() {
		t.Errorf("0 is read as %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(1, 1<<43).Draw(t, "ms")
		zone := time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "hours")*3600)
		got := fromMillis(millis(time.UnixMilli(ms).In(zone)))
		if got.UnixMilli() != ms || got.Location() != time.UTC {
			t.Fatalf("%d comes back as %v", ms, got)
		}
	})
}

func TestJSON(t *testing.T) {
	for _, v := range []map[string]string{nil, {}, {"errcode": "40001", "中文": "\"<>&\x00"}} {
		if diff := cmp.Diff(v, fromJSON[map[string]string](toJSON(v))); diff != "" {
			t.Errorf("came back changed (-want +got):\n%s", diff)
		}
	}
	for _, v := range [][]string{nil, {}, {"https://api.example.com"}} {
		if diff := cmp.Diff(v, fromJSON[[]string](toJSON(v))); diff != "" {
			t.Errorf("came back changed (-want +got):\n%s", diff)
		}
	}
	if got := fromJSON[[]string]("not JSON"); got != nil {
		t.Errorf("read %q from what is no JSON", got)
	}
}

func TestMissing(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct{ err, want error }{{nil, nil}, {sql.ErrNoRows, access.ErrNotFound}, {other, other}} {
		if got := missing(c.err, access.ErrNotFound); got != c.want {
			t.Errorf("missing(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if found, err := exists(1, sql.ErrNoRows); found || err != nil {
		t.Errorf("no rows: %v, %v", found, err)
	}
	if found, err := exists(1, other); found || err != other {
		t.Errorf("an error: %v, %v", found, err)
	}
}

func TestKept(t *testing.T) {
	if got := kept(grant.Tokens{Generation: 3}); got != "3 none" {
		t.Errorf("without tokens: %q", got)
	}
	k := grant.Tokens{Generation: 3, Access: []byte("sealed")}
	if got := kept(k); got != "3 "+k.Digest() {
		t.Errorf("with tokens: %q", got)
	}
}

func TestLiveLease(t *testing.T) {
	now := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	leased := grant.Grant{Lease: grant.Lease{Term: 2, Until: now.Add(time.Second)}, SettledTerm: 1}
	settled, over := leased, leased
	settled.SettledTerm = 2
	over.Lease.Until = now
	for _, c := range []struct {
		name string
		g    grant.Grant
		live bool
	}{{"leased", leased, true}, {"settled", settled, false}, {"over", over, false}, {"never leased", grant.Grant{}, false}} {
		if got := live(c.g, now); got != c.live {
			t.Errorf("%s: live %v, want %v", c.name, got, c.live)
		}
		want := now
		if c.live {
			want = leased.Lease.Until
		}
		if got := afterLease(c.g, now, now); !got.Equal(want) {
			t.Errorf("%s: due %v, want %v", c.name, got, want)
		}
		if got := afterLease(c.g, time.Time{}, now); !got.IsZero() {
			t.Errorf("%s: what was never due is due at %v", c.name, got)
		}
	}
}

func TestHashSize(t *testing.T) {
	if _, err := toHash(make([]byte, 31)); !errors.Is(err, errHashSize) {
		t.Errorf("31 bytes: %v", err)
	}
}
