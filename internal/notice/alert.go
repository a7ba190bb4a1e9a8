package notice

import "time"

// AlertState says how an alert stands.
type AlertState string

// The states of an alert.
const (
	AlertOpen     AlertState = "open"     // it goes on
	AlertSilenced AlertState = "silenced" // it goes on, and somebody wants no word of it for a while
	AlertCounting AlertState = "counting" // events of a kind, told one by one as long as they are few
	AlertEnded    AlertState = "over"
)

// Alert is something that is wrong, or was: what one cause brought about. Facts
// of the same kind and group are counted in it while it is open, and told of
// together.
type Alert struct {
	// ID is the id of the notice that opened it.
	ID    int64
	Kind  Kind
	Group string // what its facts have in common, as its rule says; may be empty
	State AlertState
	// Severity is of its messages.
	Severity Severity
	Opened   time.Time // when its first fact happened
	LastAt   time.Time // when its newest did
	Ended    time.Time
	// Due is when something is to be decided of it at the latest; zero: nothing.
	Due time.Time
	// ToldAt is when a message last left; zero: nobody was told of it.
	ToldAt    time.Time
	ToldCount int // facts that the last message knew of
	Count     int // facts
	Members   int // subjects that it still is about
	Last      int64
	Subjects  []string          // the first, at most [MaxSubjects]
	Details   map[string]string // of the first fact
	Shop      string            // that all facts are about; empty if they are about several, or none
	Silence   string            // the silence that holds it
}

// Told tells whether anybody was told of the alert.
func (a Alert) Told() bool { return !a.ToldAt.IsZero() }

// Fact is a notice that is to be folded.
type Fact struct {
	ID     int64
	Notice Notice
}

// Aftermath is how long after its end an alert explains others: longer than a rate of
// failures remembers, and than a grant waits to be asked for again.
const Aftermath = 11 * time.Minute

// Membership says that an alert is about a subject.
type Membership struct {
	Alert   int64
	Subject string
}

// Folding is what the store holds for one step of the engine.
type Folding struct {
	// Term is of the lease under which the step is made.
	Term     int64
	Alerts   []Alert // those that are not over, or that something is owed of, or that ended less than [Aftermath] ago
	Facts    []Fact  // in their order
	Held     map[Membership]bool
	Silences []Silence
}

// Plan is what follows from a [Folding]. It is applied in one transaction, or not
// at all.
type Plan struct {
	Alerts  []Alert // as they are now; those that did not change are left out
	Dropped []int64 // alerts that nobody needs to know of
	Folded  []Folded
	Left    []Membership
	Tell    []Telling
	// Parts are alerts that may be of several tenants.
	Parts []Part
}

// Empty tells whether there is nothing to do.
func (p Plan) Empty() bool {
	return len(p.Alerts)+len(p.Dropped)+len(p.Folded)+len(p.Left)+len(p.Tell) == 0
}

// Folded says where a fact went.
type Folded struct {
	Fact  int64
	Alert int64 // that counts it; 0: none does
	Joins bool  // its subject is a member of the alert from now on
	// Owner is after how long the owner is told of it too; 0: never.
	Owner time.Duration
}

// Telling is a message that leaves with the plan. Its ID and tenant are filled in
// when it is written.
type Telling struct {
	// Carrier is the notice that the message is sent as; 0: it needs one of its own,
	// because no fact caused it.
	Carrier int64
	Message Message
}

// Part is how tenants that have channels of their own are told of an alert that they
// share: each of what is its own, which the store counts.
type Part struct {
	// Message is what they have in common: it names no shop, no tenant and no subject.
	// Its phase is that of the message that left with the plan; empty: none did.
	Message Message
	// Event: the alert counts events, so that no subject stays in it.
	Event bool
}

// PartState is what the store knows of a tenant in an alert.
type PartState struct {
	Facts   int  // of the tenant, so far
	Members int  // of them, those that the alert still is about
	Told    int  // facts that the tenant was told of; 0: it was not told
	Over    bool // it was told that it is over
}

// Phase gives what a tenant is told now; empty: nothing. It is told once that it
// began, what those hear who hear of everything after that, and that it is over as
// soon as it is over for the tenant.
func (p Part) Phase(s PartState) Phase {
	gone := p.Message.Phase == Over || !p.Event && s.Members == 0
	switch told := s.Told > 0 && !s.Over; {
	case gone && told:
		return Over
	case gone:
		return ""
	case !told && s.Facts > s.Told:
		return Raised
	case told && p.Message.Phase == Grown && s.Facts > s.Told:
		return Grown
	case told && p.Message.Phase == Reminded:
		return Reminded
	}
	return ""
}

// Silence keeps messages back: of a kind, a subject or a shop, or of what fits
// all that it names.
type Silence struct {
	ID      string
	Kind    Kind   // empty: any
	Subject string // empty: any
	Shop    string // empty: any
	Reason  string
	By      string // who made it, as the audit log names them
	Made    time.Time
	Until   time.Time
	Ended   time.Time // zero: nobody ended it early
}

// Live tells whether the silence holds at now.
func (s Silence) Live(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Until) }

// Fits tells whether the silence holds for a notice.
func (s Silence) Fits(n Notice) bool {
	return (s.Kind == "" || s.Kind == n.Kind) && (s.Subject == "" || s.Subject == n.Subject) && (s.Shop == "" || s.Shop == ShopOf(n))
}

// ShopOf gives the shop that a notice is about, or "".
func ShopOf(n Notice) string {
	if shop := n.Details["shop"]; shop != "" {
		return shop
	}
	return after(n.Subject, "shop:")
}

// TenantOf gives the tenant that a notice names, or "".
func TenantOf(n Notice) string {
	if tenant := n.Details["tenant"]; tenant != "" {
		return tenant
	}
	return after(n.Subject, "tenant:")
}

func after(text, prefix string) string {
	if len(text) > len(prefix) && text[:len(prefix)] == prefix {
		return text[len(prefix):]
	}
	return ""
}

// Holding is what one server says of a condition that each sees for itself.
type Holding struct {
	Name   string // of the condition
	Server string
	Wrong  bool
	// Until is when it lapses if the server does not say it again.
	Until  time.Time
	Notice Notice // of the kind that is raised; what ends it is made from it
	// Again: the notice is written although some server holds the condition already,
	// because it says more.
	Again bool
	// Over are details of what ends it, if this server is the last that held it.
	Over map[string]string
}

// OverOf makes the notice that something is over, of the notice that raised it.
func OverOf(n Notice, at time.Time) Notice {
	return Notice{At: at, Kind: AlertOver, Subject: n.Subject, Details: map[string]string{DetailWas: string(n.Kind)}}
}

// DetailWas is the detail of a notice of something that is over: the kind of what
// began it.
const DetailWas = "was"

// DetailDirect is the detail of a notice that people were told of past the store
// before it could be written: the server that told them.
const DetailDirect = "direct"

// DetailLasted is the detail of a notice of something that is over: for how long it
// went on.
const DetailLasted = "lasted"

// Measure says how much of something is too much for a condition that servers see
// for themselves.
type Measure string

// The measures.
const (
	Unmeasured Measure = ""      // it is, or is not
	Share      Measure = "share" // a part of the whole, above 0 and at most 1
	Number     Measure = "count" // so many
)

// MeasureOf gives the measure of a kind of notice.
func MeasureOf(k Kind) Measure {
	switch k {
	case RefreshFailing, PushRefused, EndpointErrors, LoginFailing, DiskLow:
		return Share
	case CallbackRefused:
		return Number
	}
	return Unmeasured
}

// Watched tells whether servers see a condition for themselves, so that it has a
// time after which it counts.
func Watched(k Kind) bool {
	return MeasureOf(k) != Unmeasured || k == WeChatAway || k == StoreFailing || k == QuotaLow
}

// EndedByPeople tells whether a person may say that something of a kind is over: of a
// broken log, since what works again afterwards says nothing about it, and of heads that
// reach a place no more, since that may be the place of a server that is gone for good,
// and nobody is left who would try it. What goes on being tried is told of again. What
// else is wrong is over when whoever saw it sees it no more, and would stay unseen if a
// person ended it.
func EndedByPeople(k Kind) bool { return k == AuditBroken || k == CheckpointUnsent }
