package wechatsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// PushDay asks for a day of events: many, of all documented kinds, over a
// stretch of time from now on.
type PushDay struct {
	// Seed decides which events; the same seed gives the same ones.
	Seed uint64 `json:"seed"`
	// Events is how many; default 1000, at most 1000000.
	Events int `json:"events"`
	// Over is the stretch of the emulator's time they spread over; default 24h.
	Over Duration `json:"over"`
	// Shops are the appids they are about; left out: every shop of the world.
	Shops []string `json:"shops"`
}

// PushDay lets a day of events begin. They arise in the order of their time
// and wait until the clock comes to them; [Sim.Deliver] sends them. Orders run
// through their stages in order. It returns how many events were made.
func (s *Sim) PushDay(d PushDay) (int, error) {
	d.Events = cmp.Or(d.Events, 1000)
	d.Over = cmp.Or(d.Over, Duration(24*time.Hour))
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.Shops == nil {
		for i := range s.world.Shops {
			d.Shops = append(d.Shops, s.world.Shops[i].AppID)
		}
	}
	if err := s.checkDay(d); err != nil {
		return 0, err
	}
	g := &dayGenerator{rnd: rand.New(rand.NewPCG(d.Seed, 0x5eed)), from: s.Now()}
	at := make([]time.Duration, d.Events)
	for i := range at {
		at[i] = time.Duration(g.rnd.Int64N(int64(d.Over)))
	}
	slices.Sort(at)
	for _, offset := range at {
		g.now = g.from.Add(offset)
		appid := d.Shops[g.rnd.IntN(len(d.Shops))]
		event, body := g.next(appid)
		s.emitShopAt(appid, event, body, g.now)
	}
	return d.Events, nil
}

func (s *Sim) checkDay(d PushDay) error {
	var ps problems
	if d.Events < 1 || d.Events > 1_000_000 {
		ps.add("$.events", "is out of range", "use 1 to 1000000")
	}
	if d.Over < 0 {
		ps.add("$.over", "is negative", "write a duration like \"24h\"")
	}
	if len(d.Shops) == 0 {
		ps.add("$.shops", "names no shop", "name one, or add one to the world")
	}
	for i, appid := range d.Shops {
		if s.account(appid) == nil {
			ps.addf(fmt.Sprintf("$.shops[%d]", i), "is %q", "use an appid of this world: %s", appid, "see GET /sim/world")
		}
	}
	return ps.err()
}

// dayGenerator makes events one after the other.
type dayGenerator struct {
	rnd       *rand.Rand
	from, now time.Time
	serial    int        // how many ids were made
	orders    []dayOrder // on their way through the stages
}

// dayOrder is an order that has more to come.
type dayOrder struct {
	shop, id string
	stage    int
}

// next makes the event of one shop at g.now: a new order, the next stage of
// one, or something else.
func (g *dayGenerator) next(shop string) (string, pushObject) {
	switch g.rnd.IntN(4) {
	case 0:
		id := g.id()
		g.orders = append(g.orders, dayOrder{shop, id, 0})
		return orderStages[0](g, id)
	case 1, 2:
		if i := slices.IndexFunc(g.orders, func(o dayOrder) bool { return o.shop == shop }); i >= 0 {
			return g.advance(i)
		}
	}
	return otherEvents[g.rnd.IntN(len(otherEvents))](g, shop)
}

// advance takes an order to its next stage, behind all others of its shop.
func (g *dayGenerator) advance(i int) (string, pushObject) {
	o := g.orders[i]
	g.orders = slices.Delete(g.orders, i, i+1)
	o.stage++
	if o.stage == 1 && g.rnd.IntN(10) == 0 {
		return "channels_ec_order_cancel", in("order_info", "order_id", o.id, "cancel_type", g.number(1, 5))
	}
	if o.stage < len(orderStages)-1 {
		g.orders = append(g.orders, o)
	}
	return orderStages[o.stage](g, o.id)
}

// id makes an id of nineteen digits, which no float64 holds. No two of a day
// are the same.
func (g *dayGenerator) id() string {
	g.serial++
	return fmt.Sprintf("37%09d%08d", g.from.Unix()%1_000_000_000, g.serial)
}

func (g *dayGenerator) numericID() json.Number { return json.Number(g.id()) }

// number is one of [from, to).
func (g *dayGenerator) number(from, to int) json.Number {
	return json.Number(strconv.Itoa(from + g.rnd.IntN(to-from)))
}

func (g *dayGenerator) pick(of ...string) string { return of[g.rnd.IntN(len(of))] }

// clock is g.now as the documents write times in events: a string of seconds.
func (g *dayGenerator) clock() string { return strconv.FormatInt(g.now.Unix(), 10) }

// flat makes an object of name, value pairs.
func flat(pairs ...any) pushObject {
	o := make(pushObject, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		o = append(o, pushField{pairs[i].(string), pairs[i+1]})
	}
	return o
}

// in is flat inside an object of one member.
func in(name string, pairs ...any) pushObject { return pushObject{{name, flat(pairs...)}} }
