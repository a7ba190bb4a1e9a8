package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/quota"
)

// script is a Pacer that decides as it is told, and notes what it hears.
type script struct {
	decisions []quota.Decision
	asked     []quota.Call
	heard     []string
}

func (s *script) Before(c quota.Call, now time.Time) quota.Decision {
	d := s.decisions[min(len(s.asked), len(s.decisions)-1)]
	s.asked = append(s.asked, c)
	if d.Verdict == quota.Wait {
		d.Until = now.Add(3 * time.Second)
	}
	return d
}

func (s *script) After(_ quota.Decision, sent, errcode int, _ time.Time) {
	s.heard = append(s.heard, fmt.Sprint(sent, " ", errcode))
}

func TestTheQuotaIsAskedBeforeACallAndToldAfterIt(t *testing.T) {
	dry := time.Date(2000, 1, 1, 8, 40, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, wait string
		decisions  []quota.Decision
		codes      []int
		noToken    bool
		asked      int
		heard      []string
		status     int
		took       time.Duration
	}{
		{"goes", "", []quota.Decision{{}}, []int{0}, false, 1, []string{"1 0"}, 200, 0},
		{"goes, and WeChat says that it is used up", "", []quota.Decision{{}}, []int{45009}, false, 1, []string{"1 45009"}, 200, 0},
		{"goes, and a dead token is replaced", "", []quota.Decision{{}}, []int{40001, 0}, false, 1, []string{"2 0"}, 200, 0},
		{"goes, and there is no token", "", []quota.Decision{{}}, []int{0}, true, 1, []string{"0 0"}, 503, 0},
		{"waits, and goes", "10s", []quota.Decision{{Verdict: quota.Wait}, {Verdict: quota.Wait}, {}}, []int{0}, false, 3, []string{"1 0"}, 200, 6 * time.Second},
		{"waits no longer than the caller", "5s", []quota.Decision{{Verdict: quota.Wait, Left: 7, Dry: dry}}, []int{0}, false, 2, nil, 429, 3 * time.Second},
		{"does not wait for a caller who says nothing", "", []quota.Decision{{Verdict: quota.Wait, Left: 7, Dry: dry}}, []int{0}, false, 1, nil, 429, 0},
		{"is refused", "1m", []quota.Decision{{Verdict: quota.Refuse, Until: dry}}, []int{0}, false, 1, nil, 429, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{decisions: tc.decisions}
				a := asked{s: &scripted{codes: tc.codes}, config: func(c *Config) { c.Pacer = s }}
				if tc.noToken {
					a.tokens = &fakeTokens{err: &TokenError{Reason: ErrNotYet}}
				}
				began := time.Now()
				res := a.serve(t, request(t.Context(), strings.ToUpper(readPath), `{}`, tc.wait))
				if diff := cmp.Diff(tc.heard, s.heard); diff != "" || res.StatusCode != tc.status || len(s.asked) != tc.asked || time.Since(began) != tc.took {
					t.Errorf("%d, asked %d times, after %v: %s", res.StatusCode, len(s.asked), time.Since(began), diff)
				}
				want := quota.Call{Key: quota.Key{Shop: "lantian", Path: readPath}, Client: "erp", Reads: true}
				if diff := cmp.Diff(want, s.asked[0]); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestARefusalSaysWhenTheQuotaRunsDry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{decisions: []quota.Decision{{Verdict: quota.Wait, Left: 7, Dry: time.Date(2000, 1, 1, 8, 40, 0, 0, time.UTC)}}}
		a := asked{s: &scripted{codes: []int{0}}, config: func(c *Config) { c.Pacer = s }}
		res := a.serve(t, request(t.Context(), readPath, `{}`, ""))
		b := new(strings.Builder)
		_ = res.Write(b)
		for _, want := range []string{"429", "Retry-After: 3", `"code":"quota-pace"`, "7 calls are left; it runs dry at 16:40", "剩余 7 次，预计北京时间 16:40 用完", "X-Zhanggui-Wait"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in %s", want, b)
			}
		}
	})
}

func TestACallerWhoLeavesWhileItGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(time.Second, cancel)
		s := &script{decisions: []quota.Decision{{Verdict: quota.Wait}, {}}}
		a := asked{s: &scripted{codes: []int{0}}, config: func(c *Config) { c.Pacer = s }}
		began := time.Now()
		if a.serve(t, request(ctx, readPath, `{}`, "1m")); time.Since(began) != time.Second || len(a.s.at) != 0 || len(s.heard) != 0 {
			t.Errorf("asked at %v after %v", a.s.at, time.Since(began))
		}
	})
}
