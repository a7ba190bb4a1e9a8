package relay_test

import (
	"flag"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/relay"
)

// TestOrder: whatever fails, breaks or crashes, each shop's events arrive in order,
// each at least once, and none twice with another id.
func TestOrder(t *testing.T) {
	fewer(t, 25)
	rapid.Check(t, func(rt *rapid.T) {
		shops := rapid.SliceOfN(rapid.SampledFrom([]string{"tea", "rice", "silk"}), 1, 30).Draw(rt, "shops")
		answers := rapid.SliceOfN(rapid.SampledFrom([]int{200, 200, 200, 500, 429, 0}), 1, 40).Draw(rt, "answers")
		crash := rapid.IntRange(0, 6).Draw(rt, "crash")
		synctest.Test(t, func(t *testing.T) { inOrder(t, shops, answers, crash) })
	})
}

// fewer sets the number of histories, unless somebody asks for another: each opens
// a database, which takes a second under the race detector.
func fewer(t *testing.T, checks int) {
	t.Helper()
	const name = "rapid.checks"
	f := flag.Lookup(name)
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flag.Set(name, strconv.Itoa(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, f.DefValue) })
}

func inOrder(t *testing.T, shops []string, answers []int, crash int) {
	w := newWorld(t)
	w.subscribe("*")
	w.rc.say(func(n int, _ relay.Body) int {
		if n <= len(answers) {
			return answers[n-1]
		}
		return http.StatusOK
	})
	var want []string
	w.run()
	for i, shop := range shops {
		if id := w.happen("a", shop); shop != "silk" { // the client has no right to it
			want = append(want, id...)
		}
		time.Sleep(time.Duration(i%3) * 200 * time.Millisecond)
		if i == crash {
			w.halt() // what is under way is cut off
			w.r = w.relay("r_" + strconv.Itoa(i))
			w.run()
		}
	}
	w.clock.pass(100*time.Hour, 2*time.Hour)
	got := once(w.rc.ids(""))
	slices.SortFunc(got, byNumber)
	same(t, "arrived", got, want)
	for _, shop := range []string{"tea", "rice"} {
		if ids := once(w.rc.ids(shop)); !slices.IsSortedFunc(ids, byNumber) {
			t.Errorf("%s: %v", shop, ids)
		}
	}
	w.halt()
}

func byNumber(a, b string) int {
	n, m := number(a), number(b)
	return n - m
}

func number(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "ev_"))
	if err != nil {
		panic(err)
	}
	return n
}
