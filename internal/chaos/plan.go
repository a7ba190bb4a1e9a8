package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// Kind is a sort of fault.
type Kind string

// The kinds of fault. Those with a replica hit that one only.
const (
	Kill       Kind = "kill"        // SIGKILL; started again when the fault is over
	Pause      Kind = "pause"       // SIGSTOP, then SIGCONT
	Jump       Kind = "jump"        // the replica's clock jumps to Offset
	CutStore   Kind = "cut_store"   // the way to the database, by Mode
	CutWeChat  Kind = "cut_wechat"  // the way to the emulator, by Mode
	StoreGone  Kind = "store_gone"  // the way to the database, for all replicas at once
	WeChatGone Kind = "wechat_gone" // the way to the emulator, for all replicas at once
	Answer     Kind = "answer"      // the next token requests meet Fault at the emulator
	Death      Kind = "death"       // all tokens of a shop are ended
	Failover   Kind = "failover"    // the primary is killed and the standby promoted
)

// Fault is one thing that goes wrong.
type Fault struct {
	At      time.Duration       // since the faults began
	For     time.Duration       // 0: it has no length
	Kind    Kind                //
	Replica int                 // -1: not one replica's
	Mode    Mode                `json:",omitempty"` // of cuts
	Offset  time.Duration       `json:",omitempty"` // of jumps
	Shop    int                 `json:",omitempty"` // of deaths
	Answer  wechatsim.FaultKind `json:",omitempty"` // of answers
	Count   int                 `json:",omitempty"` // of answers: how many requests
}

// String is one line of the plan.
func (f Fault) String() string {
	s := fmt.Sprintf("%6.2fs %-11s", f.At.Seconds(), f.Kind)
	if f.Replica >= 0 {
		s += fmt.Sprintf(" replica %d", f.Replica)
	}
	switch f.Kind {
	case Jump:
		s += fmt.Sprintf(" to %+v", f.Offset)
	case CutStore, CutWeChat, StoreGone, WeChatGone:
		s += " " + string(f.Mode)
	case Answer:
		s += fmt.Sprintf(" %s × %d", f.Answer, f.Count)
	case Death:
		s += fmt.Sprintf(" shop %d", f.Shop)
	}
	if f.For > 0 {
		s += fmt.Sprintf(" for %v", f.For)
	}
	return s
}

// Scene says what there is to break.
type Scene struct {
	Replicas int
	Shops    int
	For      time.Duration // how long things go wrong
	Lease    time.Duration
	Shared   bool // replicas share a database, over ways that can be cut
	Skew     bool // replicas' clocks are wrong, and jump
	Failover bool
}

// Plan is what goes wrong in a run.
type Plan struct {
	Seed    uint64
	Offsets []time.Duration // of the replicas' clocks at the start
	Faults  []Fault         // by time
}

// NewPlan draws a plan. The same seed and scene give the same plan.
func NewPlan(seed uint64, s Scene) Plan {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, 0x7a68616e67677569)), scene: s}
	p := Plan{Seed: seed, Offsets: make([]time.Duration, s.Replicas)}
	if s.Skew {
		for i := range p.Offsets {
			p.Offsets[i] = d.offset()
		}
	}
	busy := make([]time.Duration, s.Replicas) // until when a replica's process is broken
	for at := d.between(200*time.Millisecond, time.Second); at < s.For; at += d.gap() {
		f := d.fault(at)
		if f.Kind == Kill || f.Kind == Pause {
			if at < busy[f.Replica] {
				continue
			}
			busy[f.Replica] = at + f.For
		}
		p.Faults = append(p.Faults, f)
	}
	if s.Failover {
		p.Faults = append(p.Faults, Fault{At: s.For / 2, Kind: Failover, Replica: -1})
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
}

// dice draws for one scene.
type dice struct {
	*rand.Rand
	scene Scene
}

// furthest is how far a replica's clock may be off.
const furthest = 2 * time.Hour

func (d *dice) offset() time.Duration {
	return time.Duration(d.Int64N(int64(2*furthest)) - int64(furthest)).Round(time.Second)
}

func (d *dice) between(low, high time.Duration) time.Duration {
	return (low + time.Duration(d.Int64N(int64(high-low)))).Round(time.Millisecond)
}

// gap is the time from one fault to the next: half a second on average, often
// less, so that faults meet each other.
func (d *dice) gap() time.Duration {
	return min(2*time.Second, time.Duration(d.ExpFloat64()*float64(500*time.Millisecond))).Round(time.Millisecond) + time.Millisecond
}

// share is one line of the table of faults.
type share struct {
	weight int
	fits   func(Scene) bool
	draw   func(*dice, *Fault)
}

func always(Scene) bool   { return true }
func shared(s Scene) bool { return s.Shared }
func skewed(s Scene) bool { return s.Skew }

// shares say how often each kind of fault is drawn.
var shares = []share{
	{3, always, (*dice).kill},
	{3, always, (*dice).pause},
	{1, skewed, (*dice).jump},
	{3, shared, (*dice).cutStore},
	{3, always, (*dice).cutWeChat},
	{1, shared, (*dice).storeGone},
	{1, always, (*dice).weChatGone},
	{4, always, (*dice).answer},
	{5, always, (*dice).death},
}

// fault draws a fault for a time.
func (d *dice) fault(at time.Duration) Fault {
	sum := 0
	for _, s := range shares {
		if s.fits(d.scene) {
			sum += s.weight
		}
	}
	f := Fault{At: at, Replica: d.IntN(d.scene.Replicas)}
	pick := d.IntN(sum)
	for _, s := range shares {
		if !s.fits(d.scene) {
			continue
		}
		if pick -= s.weight; pick < 0 {
			s.draw(d, &f)
			break
		}
	}
	f.For = min(f.For, max(0, d.scene.For-at))
	return f
}

func (d *dice) kill(f *Fault) {
	f.Kind, f.For = Kill, d.between(50*time.Millisecond, 2*time.Second)
}

// pause stops a replica for a moment, or past its leases.
func (d *dice) pause(f *Fault) {
	f.Kind, f.For = Pause, d.between(100*time.Millisecond, d.scene.Lease*2)
}

func (d *dice) jump(f *Fault) { f.Kind, f.Offset = Jump, d.offset() }

func (d *dice) mode() Mode { return modes[d.IntN(len(modes))] }

func (d *dice) cutStore(f *Fault) {
	f.Kind, f.Mode, f.For = CutStore, d.mode(), d.between(100*time.Millisecond, 4*time.Second)
}

func (d *dice) cutWeChat(f *Fault) {
	f.Kind, f.Mode, f.For = CutWeChat, d.mode(), d.between(100*time.Millisecond, 3*time.Second)
}

func (d *dice) storeGone(f *Fault) {
	f.Kind, f.Mode, f.Replica, f.For = StoreGone, d.mode(), -1, d.between(100*time.Millisecond, 2*time.Second)
}

func (d *dice) weChatGone(f *Fault) {
	f.Kind, f.Mode, f.Replica, f.For = WeChatGone, d.mode(), -1, d.between(100*time.Millisecond, 2*time.Second)
}

// answers are what the emulator does to token requests. Each leaves the
// outcome to be found out, or is a refusal that passes by itself.
var answers = []wechatsim.FaultKind{
	wechatsim.FaultLostBefore, wechatsim.FaultLostAfter, wechatsim.FaultLostAfter, wechatsim.FaultCut,
	wechatsim.FaultHTML, wechatsim.FaultEmpty, wechatsim.FaultErrcode, wechatsim.FaultHang, wechatsim.FaultDelay,
}

func (d *dice) answer(f *Fault) {
	f.Kind, f.Replica, f.Answer, f.Count = Answer, -1, answers[d.IntN(len(answers))], 1+d.IntN(5)
}

func (d *dice) death(f *Fault) { f.Kind, f.Replica, f.Shop = Death, -1, d.IntN(d.scene.Shops) }
