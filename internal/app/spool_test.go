package app_test

import (
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/standby"
)

var leftSeconds = regexp.MustCompile(`(?m)^zhanggui_standby_left_seconds (\S+)$`)

// copied waits until the file of a server in another process holds what was
// committed by now.
func (p *process) copied() {
	p.t.Helper()
	from := time.Now()
	p.await("a file that stands by", func() bool {
		asked := time.Now() // before the figure is made, or a slow answer would make it look newer
		_, body := p.get(p.ops+"/metrics", "")
		m := leftSeconds.FindStringSubmatch(body)
		if m == nil {
			return false
		}
		left, err := strconv.ParseFloat(m[1], 64)
		contact := asked.Add(time.Duration(left*float64(time.Second)) - standby.Grace)
		return err == nil && left > 0 && contact.After(from)
	})
}

// TestSpoolSurvives: the database dies after WeChat gave a new token and before it
// was stored, with the old token dead. The new one is served from standby.db, also
// by the next process after kill -9, and is in the database when that is back. WeChat
// is not asked again.
func TestSpoolSurvives(t *testing.T) {
	t.Parallel()
	for name, inOutage := range map[string]bool{"killed in the outage": true, "killed after it": false} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			database, err := s.Create(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r := newStoppedRig(t)
			environ := []string{hasteVariable + "=1", "ZHANGGUI_DATABASE=" + database.RevealString()}
			p := r.spawn(environ...)
			p.ready()
			r.declare()
			p.copied()
			since := r.lastSeq()
			var once sync.Once
			r.gave.onRequest(func(path string) {
				if path == stableTokenPath {
					once.Do(func() { stop(t, s) })
				}
			})
			if r.sim.KillTokens(r.shopApp(), "") == 0 {
				t.Fatal("no token to kill")
			}
			if status, body := r.call(); status != http.StatusOK {
				t.Fatalf("a call with a token that only standby.db has: %d %s", status, body)
			}
			p.kill()
			if inOutage {
				p = r.spawn(environ...)
				p.ready()
				if status, body := r.call(); status != http.StatusOK {
					t.Fatalf("a call after kill -9 in the outage: %d %s", status, body)
				}
				startAgain(t, s)
			} else {
				startAgain(t, s)
				p = r.spawn(environ...)
				p.ready()
			}
			p.await("recovery", func() bool { return len(r.readyz().Degraded) == 0 })
			p.await("the spooled token in the database", func() bool { return r.grant("self").Generation == 2 })
			if status, body := r.call(); status != http.StatusOK {
				t.Errorf("a call afterwards: %d %s", status, body)
			}
			if n := r.asked(since, false); n != 1 {
				t.Errorf("WeChat was asked %d times, want once", n)
			}
			if n := r.count("grant.spool"); n != 0 {
				t.Errorf("%d spooled credentials were given up", n)
			}
		})
	}
}
