package quota

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// start is noon in China: twelve hours are left of the day.
var start = time.Date(2030, 1, 2, 4, 0, 0, 0, time.UTC)

const midnight = 12 * time.Hour

var orders = Key{"lantian", "/channels/ec/order/get"}

func by(client string, low bool) Call {
	return Call{Key: orders, Client: client, Low: low, Reads: true}
}

// calls lets a client make n calls, spread evenly over a time, that are all taken.
func calls(t testing.TB, b *Book, c Call, n int, from time.Time, over time.Duration) {
	t.Helper()
	for i := range n {
		at := from.Add(over * time.Duration(i) / time.Duration(n))
		d := b.Before(c, at)
		if d.Verdict != Go {
			t.Fatalf("call %d of %s: %+v", i, c.Client, d)
		}
		b.After(d, 1, 0, at)
	}
}

// told has WeChat say what is left.
func told(t testing.TB, b *Book, n Numbers, at time.Time) {
	t.Helper()
	q, ok := b.Due(at)
	if !ok {
		t.Fatal("nothing is due")
	}
	b.Answered(q, n, at)
}

func TestAnUnknownLedgerHoldsNobodyUp(t *testing.T) {
	b := New(true)
	calls(t, b, by("batch", true), 10_000, start, time.Hour)
	s := b.Shop("lantian", start.Add(time.Hour))
	if len(s) != 1 || s[0].Left != Unknown || s[0].Limit != Unknown || s[0].Today != 10_000 || !s[0].Dry.IsZero() || !s[0].Heard.IsZero() {
		t.Errorf("%+v", s)
	}
	if other := b.Shop("baiyun", start); len(other) != 0 {
		t.Errorf("%+v", other)
	}
}

// The forecast is the rate of the last hour, going on.
func TestForecast(t *testing.T) {
	b := New(false)
	calls(t, b, by("erp", false), 600, start, time.Hour) // ten a minute
	at := start.Add(time.Hour)
	told(t, b, Numbers{Limit: 10_000, Left: 1000}, at)
	s := b.Shop("lantian", at)[0]
	want := at.Add(100 * time.Minute)
	if off := s.Dry.Sub(want).Abs(); s.Dry.IsZero() || off > 5*time.Minute || math.Abs(s.PerHour-600) > 30 {
		t.Errorf("dry at %v, want %v; %v an hour", s.Dry, want, s.PerHour)
	}
	if low := b.Lows(at); len(low) != 1 || low[0].Dry != s.Dry {
		t.Errorf("low are %+v", low)
	}
	// An hour without a call, and it lasts.
	if s := b.Shop("lantian", at.Add(time.Hour))[0]; !s.Dry.IsZero() || s.PerHour != 0 {
		t.Errorf("%+v", s)
	}
	if low := b.Lows(at.Add(time.Hour)); len(low) != 0 {
		t.Errorf("low are %+v", low)
	}
}

// A ledger that ran low and lasts just about stays low, until there is something to
// spare, or a new day.
func TestLowIsNotLowNowAndThen(t *testing.T) {
	b := New(false)
	calls(t, b, by("erp", false), 600, start, time.Hour) // ten a minute
	at := start.Add(time.Hour)
	midnight := unix(endOf(dayOf(at.Unix())))
	hear := func(percent int64) (low bool) { // of what is wanted until midnight
		calls(t, b, by("erp", false), 160, at, 16*time.Minute)
		at = at.Add(16 * time.Minute)
		wanted := int64(midnight.Sub(at).Minutes() * 10)
		told(t, b, Numbers{Limit: 100 * wanted, Left: wanted * percent / 100}, at)
		return len(b.Lows(at)) == 1
	}
	for _, x := range []struct {
		percent int64
		low     bool
	}{{115, false}, {50, true}, {115, true}, {200, false}, {115, false}} {
		if low := hear(x.percent); low != x.low {
			t.Errorf("with %d %% of what is wanted low is %t", x.percent, low)
		}
	}
	if !hear(50) || len(b.Lows(midnight)) != 0 {
		t.Error("it is not low today alone")
	}
}

func TestALowClientGivesWayBeforeTheQuotaEnds(t *testing.T) {
	b, erp, batch := New(true), by("erp", false), by("batch", true)
	calls(t, b, erp, 60, start, time.Hour)
	calls(t, b, batch, 600, start, time.Hour)
	at := start.Add(time.Hour)
	// 11 hours are left. erp will want 660 and a quarter more, batch has the rest.
	told(t, b, Numbers{Limit: 10_000, Left: 840 + 200}, at)
	calls(t, b, erp, 1, at, time.Minute)
	d := b.Before(batch, at)
	if gap := 200 * time.Second; d.Verdict != Wait || d.Until.Sub(at) < gap/2 || d.Until.Sub(at) > 2*gap || d.Dry.IsZero() {
		t.Errorf("%+v", d)
	}
	if later := b.Before(batch, d.Until); later.Verdict != Go {
		t.Errorf("when it is time: %+v", later)
	}

	// When there is nothing but what erp wants, batch is refused and erp goes on.
	b = New(true)
	calls(t, b, erp, 60, start, time.Hour)
	calls(t, b, batch, 600, start, time.Hour)
	told(t, b, Numbers{Limit: 10_000, Left: 300}, at)
	if d := b.Before(batch, at); d.Verdict != Refuse || d.Until != at.Add(again) {
		t.Errorf("%+v", d)
	}
	calls(t, b, erp, 60, at, time.Hour)
}

func TestAnEmptyLedgerIsOpenAgainAtMidnightInChina(t *testing.T) {
	b, erp := New(true), by("erp", false)
	calls(t, b, erp, 30, start, time.Hour)
	at := start.Add(time.Hour)
	told(t, b, Numbers{Limit: 5000, Left: 4000}, at)
	d := b.Before(erp, at)
	if d.Verdict != Go {
		t.Fatalf("%+v", d)
	}
	b.After(d, 1, codeDay, at)
	d = b.Before(erp, at)
	if d.Verdict != Refuse || d.Until != start.Add(midnight) || d.Left != 0 || d.Dry != at {
		t.Errorf("%+v", d)
	}
	d = b.Before(erp, d.Until)
	if d.Verdict != Go || d.Left != 5000 {
		t.Errorf("the next day: %+v", d)
	}
	b.After(d, 1, 0, start.Add(midnight))
	if s := b.Shop("lantian", start.Add(midnight))[0]; s.Today != 1 || s.Left != 4999 {
		t.Errorf("the next day: %+v", s)
	}
}

// Nobody asks WeChat: a normal client's call does, once a minute.
func TestATrialFindsOutThatAQuotaWasReset(t *testing.T) {
	b, erp, batch := New(true), by("erp", false), by("batch", true)
	calls(t, b, erp, 1, start, time.Second)
	b.After(b.Before(erp, start), 1, codeDay, start)
	at := start.Add(trust - time.Second)
	for _, c := range []Call{erp, batch} {
		if d := b.Before(c, at); d.Verdict != Refuse {
			t.Errorf("%s: %+v", c.Client, d)
		}
	}
	at = start.Add(trust)
	if d := b.Before(batch, at); d.Verdict != Refuse {
		t.Errorf("a trial of a client that gives way: %+v", d)
	}
	trial := b.Before(erp, at)
	if trial.Verdict != Go {
		t.Fatalf("%+v", trial)
	}
	if d := b.Before(erp, at.Add(trialEvery-time.Second)); d.Verdict != Refuse {
		t.Errorf("a second trial: %+v", d)
	}
	b.After(trial, 1, 0, at)
	if _, ok := b.Due(at); !ok {
		t.Error("the trial went well, and WeChat is not asked")
	}
}

func TestWhileWeChatSlowsDownWritesGoLast(t *testing.T) {
	for code, until := range map[int]time.Duration{codeMinute: time.Minute, codeSecond: time.Second} {
		b := New(true)
		erp, batch, write := by("erp", false), by("batch", true), by("erp", false)
		write.Reads = false
		b.After(b.Before(erp, start), 1, code, start)
		for _, c := range []Call{erp, batch} {
			if d := b.Before(c, start); d.Verdict != Wait || d.Until != start.Add(until) {
				t.Errorf("%d, %s: %+v", code, c.Client, d)
			}
			if d := b.Before(c, start.Add(until)); d.Verdict != Go {
				t.Errorf("%d, %s later: %+v", code, c.Client, d)
			}
		}
		if d := b.Before(write, start); d.Verdict != Go {
			t.Errorf("%d, a write: %+v", code, d)
		}
	}
}

func TestACallThatWasNotSentIsGivenBack(t *testing.T) {
	b, erp := New(true), by("erp", false)
	calls(t, b, erp, 20, start, time.Minute)
	at := start.Add(time.Minute)
	told(t, b, Numbers{Limit: 100, Left: 80}, at)
	for sent, want := range map[int]int64{0: 0, 1: 1, 3: 3} {
		before := b.Shop("lantian", at)[0]
		b.After(b.Before(erp, at), sent, 0, at)
		after := b.Shop("lantian", at)[0]
		if before.Left-after.Left != want || after.Today-before.Today != want {
			t.Errorf("sent %d times: %d less, %d more", sent, before.Left-after.Left, after.Today-before.Today)
		}
	}
}

// A book that does not enforce lets nobody wait, and counts what goes.
func TestObservingCountsAll(t *testing.T) {
	b, batch := New(false), by("batch", true)
	calls(t, b, batch, 50, start, time.Minute)
	at := start.Add(time.Minute)
	told(t, b, Numbers{Limit: 100, Left: 1}, at)
	for range 5 {
		b.After(b.Before(batch, at), 1, 0, at)
	}
	if s := b.Shop("lantian", at)[0]; s.Today != 55 || s.Left != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	b := New(true)
	var forgotten Decision
	for i := range 3 * ledgersOfShard {
		c := Call{Key: Key{"lantian", fmt.Sprintf("/p%d", i)}, Client: "erp"}
		if d := b.Before(c, start); i == 0 {
			forgotten = d
		}
		b.Before(Call{Key: Key{"lantian", "/kept"}, Client: "erp"}, start)
	}
	states := b.Shop("lantian", start)
	if len(states) != ledgersOfShard {
		t.Errorf("%d ledgers", len(states))
	}
	kept := false
	for _, s := range states {
		kept = kept || s.Path == "/kept" && s.Today == 3*ledgersOfShard
	}
	if !kept {
		t.Error("the ledger that is used all the time was forgotten")
	}
	b.After(forgotten, 1, 0, start)
	for i := range 2 * maxClients {
		b.Before(by(fmt.Sprintf("c%d", i), true), start)
	}
	for _, s := range b.Shop("lantian", start) {
		if len(s.Clients) > maxClients+1 {
			t.Errorf("%d clients", len(s.Clients))
		}
	}
}

// Whatever clients do and WeChat says, no more calls go out than WeChat has left; what
// was not asked for by others is there for who asks; and shares add up.
func TestNeverMoreThanIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, at := New(true), start
		limit := rapid.Int64Range(1, 300).Draw(t, "limit")
		for range busy { // what WeChat does not count: the ledger is made known
			b.After(b.Before(by("first", false), at), 1, 0, at)
		}
		left := limit // WeChat's own count
		q, _ := b.Due(at)
		b.Answered(q, Numbers{limit, left}, at)
		var flying []Decision
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0: // WeChat is asked; calls may go out meanwhile
				at = at.Add(askShop)
				if q, ok := b.Due(at); ok {
					said := left
					b.Answered(q, Numbers{limit, said}, at)
				}
			case 1, 2:
				at = at.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "pause")) * time.Second)
			case 3:
				if len(flying) > 0 {
					b.After(flying[0], 1, 0, at)
					flying = flying[1:]
				}
			default:
				c := by(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "who"), false)
				c.Low = c.Client > "b"
				d := b.Before(c, at)
				if at.Sub(start) > trust || d.Verdict != Go {
					break
				}
				if left--; left < 0 {
					t.Fatalf("more than %d calls went out: %+v", limit, d)
				}
				flying = append(flying, d)
			}
			sharesAddUp(t, b, at)
			if at.Sub(start) > trust {
				return
			}
		}
	})
}

func sharesAddUp(t *rapid.T, b *Book, at time.Time) {
	s := b.Shop("lantian", at)[0]
	sum := int64(0)
	for _, c := range s.Clients {
		sum += max(0, c.Share)
	}
	if sum > s.Left {
		t.Fatalf("shares of %d calls, and %d are left: %+v", sum, s.Left, s)
	}
}

// However greedy the others are, a normal client that wants no more than half of its
// even part, and goes on as it began, gets all that it wants.
func TestNoClientStarves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, n := New(true), rapid.IntRange(1, 3).Draw(t, "greedy ones")
		low := rapid.Bool().Draw(t, "low")
		limit := rapid.Int64Range(300, 600).Draw(t, "limit")
		modest := by("modest", false)
		wanted := min(int(limit)/(n+1)/2, 24*6) // over twelve hours
		every := midnight / time.Duration(wanted+1)
		next, left, asked := start, limit, 0
		call := func(c Call, at time.Time) Verdict {
			d := b.Before(c, at)
			switch {
			case d.Verdict != Go:
			case left > 0:
				left--
				b.After(d, 1, 0, at)
			default:
				b.After(d, 1, codeDay, at)
			}
			return d.Verdict
		}
		for at := start; at.Before(start.Add(midnight)); at = at.Add(3 * time.Minute) {
			if q, ok := b.Due(at); ok {
				b.Answered(q, Numbers{limit, left}, at)
			}
			for i := range n {
				c := by(fmt.Sprintf("greedy%d", i), low)
				for range 10 {
					if call(c, at) != Go {
						break
					}
				}
			}
			if at.Before(next) || asked == wanted {
				continue
			}
			asked++
			next = next.Add(every)
			if left == 0 || call(modest, at) != Go {
				t.Fatalf("at %v of %d: %+v", at, limit, b.Shop("lantian", at)[0])
			}
		}
	})
}

func TestFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "n")
		takers, wanted := make([]taker, n), 0.0
		for i := range takers {
			takers[i].used, takers[i].want = float64(rapid.IntRange(0, 100).Draw(t, "used")), float64(rapid.IntRange(0, 100).Draw(t, "want"))
			wanted += takers[i].want
		}
		capacity := float64(rapid.IntRange(0, 500).Draw(t, "capacity"))
		left, sum := fill(capacity, takers), 0.0
		for _, x := range takers {
			sum += x.got
			if x.got < 0 || x.got > x.want {
				t.Fatalf("%+v", x)
			}
			for _, y := range takers { // nobody gives way to one who has more
				if x.got < x.want-1e-6 && y.got > 1e-6 && y.used+y.got > x.used+x.got+1e-6 {
					t.Fatalf("%+v has less than %+v", x, y)
				}
			}
		}
		if sum > capacity || math.Abs(sum-min(capacity, wanted)) > 1e-6 || math.Abs(sum+left-capacity) > 1e-6 {
			t.Fatalf("%v given, %v left of %v", sum, left, capacity)
		}
	})
}

func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		now, in := start.Unix(), map[int64]int64{}
		for range rapid.IntRange(0, 50).Draw(t, "calls") {
			now += rapid.Int64Range(0, 1500).Draw(t, "pause")
			w.add(now, 1)
			in[now/windowStep]++
		}
		now += rapid.Int64Range(0, 5000).Draw(t, "after")
		w.move(now)
		sum := int64(0)
		for at, n := range in {
			if at > now/windowStep-windowSteps {
				sum += n
			}
		}
		if w.sum != sum {
			t.Fatalf("%d, want %d", w.sum, sum)
		}
	})
}

func TestWhoIsAskedAbout(t *testing.T) {
	b, erp := New(false), by("erp", false)
	calls(t, b, erp, busy-1, start, time.Minute)
	if q, ok := b.Due(start.Add(time.Minute)); ok {
		t.Errorf("%+v: hardly anybody calls it", q)
	}
	other := erp
	other.Path = "/channels/ec/product/get"
	at := start.Add(time.Minute)
	calls(t, b, erp, 1, at, time.Second)
	calls(t, b, other, busy, at, time.Second)
	first, ok := b.Due(at)
	if !ok {
		t.Fatal("nothing is due")
	}
	if _, ok := b.Due(at.Add(askShop - time.Second)); ok {
		t.Error("two questions about a shop in a minute")
	}
	b.Answered(first, Numbers{Limit: 100_000, Left: 90_000}, at)
	at = at.Add(askShop)
	second, ok := b.Due(at)
	if !ok || second.Key == first.Key {
		t.Fatalf("%+v after %+v", second, first)
	}
	b.Failed(second, true, at)
	if q, ok := b.Due(at.Add(askShop)); ok {
		t.Errorf("%+v is due again at once", q)
	}
	at = at.Add(askPlenty)
	if q, ok := b.Due(at); !ok || q.Key != first.Key {
		t.Errorf("%+v, %v", q, ok)
	}
	// Nobody asks about what nobody called for an hour.
	if q, ok := b.Due(at.Add(25 * time.Hour)); ok {
		t.Errorf("%+v is due a day later", q)
	}
}

// An answer that comes after midnight tells of the day before.
func TestAnAnswerOfYesterday(t *testing.T) {
	b, erp := New(true), by("erp", false)
	before := start.Add(midnight - time.Second)
	calls(t, b, erp, busy, before, 0)
	q, ok := b.Due(before)
	if !ok {
		t.Fatal("nothing is due")
	}
	b.Answered(q, Numbers{Limit: 100, Left: 1}, before.Add(2*time.Second))
	if s := b.Shop("lantian", before.Add(2*time.Second))[0]; s.Left != Unknown {
		t.Errorf("%+v", s)
	}
	if _, ok := b.Due(before.Add(askShop)); !ok {
		t.Error("it is not asked again")
	}
}

func TestVerdictsHaveWords(t *testing.T) {
	for v, want := range map[Verdict]string{Go: "go", Wait: "wait", Refuse: "refuse"} {
		if v.String() != want {
			t.Errorf("%d: %s", v, v)
		}
	}
}

// BenchmarkCall is what one call costs while there is enough.
func BenchmarkCall(b *testing.B) {
	book, c := New(true), by("erp", false)
	calls(b, book, c, busy, start, time.Minute)
	told(b, book, Numbers{Limit: 1 << 40, Left: 1 << 40}, start.Add(time.Minute))
	now := start.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		d := book.Before(c, now)
		if d.Verdict != Go {
			b.Fatal("held")
		}
		book.After(d, 1, 0, now)
	}
}

// BenchmarkScarce is the same when it does not last the day, with many clients.
func BenchmarkScarce(b *testing.B) {
	book := New(false)
	for i := range maxClients {
		calls(b, book, by(fmt.Sprintf("c%02d", i), i%2 == 0), 20, start, time.Minute)
	}
	now, c := start.Add(time.Minute), by("c01", false)
	told(b, book, Numbers{Limit: 1000, Left: 500}, now)
	b.ReportAllocs()
	for b.Loop() {
		book.After(book.Before(c, now), 0, 0, now)
	}
}
