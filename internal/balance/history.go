package balance

import "time"

// History is everything that was seen of a run. Its times are of one clock:
// emulator, database and programs ran on one machine. Lists are in the order in
// which things happened.
type History struct {
	Life     time.Duration // of a token
	Lease    time.Duration // of a term
	Timed    bool          // by the database's clock, not by its holder's
	Calm     time.Time     // from then on nothing was broken any more
	Changes  []Change
	Requests []Request
	Uses     []Use
	Deaths   []Death
	Unknown  []Unknown
	Spooled  []Spooled
	Blind    []Blind
	Calls    []Call
	Kept     []Kept
	Problems []string // what others found wrong
}

// Change is the row of a grant after one write to it, as the witness in the
// database saw it.
type Change struct {
	At         time.Time // on the database's clock, inside the transaction
	Began      time.Time // when the statement began that wrote it; a lease is counted from a moment between
	Grant      string
	User       bool // a person's grant
	Replica    int  // of the newest term; -1 when none was given out
	Term       int64
	Settled    int64 // the newest term that was settled
	Until      time.Time
	Generation int64
	Tokens     string // names the sealed tokens; another name, other tokens
	State      string
	Cause      string
}

// Request is one request for a token in the emulator's ledger.
type Request struct {
	At      time.Time // when it came
	Replica int       // from whom it came
	Grant   string    // whose token it asks for
	// Given names the token that the emulator gave and Left its life from then
	// on; empty and 0 when it gave none. The answer may have been lost.
	Given string
	Left  time.Duration

	// spooled is when its replica had the token on its own disk; zero: never.
	spooled time.Time
}

// Use is one call that carried a token to the emulator.
type Use struct {
	At    time.Time
	Token string // names it as Request.Given does
}

// Death is the end of all tokens of a grant at the emulator, before their time.
type Death struct {
	At    time.Time
	Grant string
}

// Unknown is an entry of the audit log: nobody knows what came of a term.
type Unknown struct {
	Grant string
	Term  int64
}

// Spooled is a token that a replica keeps on its own disk until the database takes
// it, and may use from then on.
type Spooled struct {
	At         time.Time
	Replica    int
	Grant      string
	Generation int64 // that the token is to be
}

// Blind is a time in which a replica could not know what the others did: it
// was stopped, or cut off from the database.
type Blind struct {
	Replica  int
	From, To time.Time
}

// Call is one call of a program through a replica.
type Call struct {
	From, To time.Time
	Replica  int
	Grant    string // of the shop that was meant
	Status   int    // 0: no answer came
	ErrCode  int    // WeChat's, in the answer
	Wrong    bool   // the answer is another shop's
}

// ok tells whether the program got what it wanted.
func (c Call) ok() bool { return c.Status == 200 && c.ErrCode == 0 && !c.Wrong }

// Kept is a grant at the end.
type Kept struct {
	Grant string
	State string
	Cause string
	// Trouble says why the emulator does not honour what is kept; empty when it
	// does.
	Trouble string
}
