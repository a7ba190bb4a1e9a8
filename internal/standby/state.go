package standby

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// Grace is how long the file serves after the database was last heard of.
const Grace = 15 * time.Minute

// ahead is how far in the future the last contact may lie: clocks of replicas and
// of the time before a restart differ a little.
const ahead = time.Minute

// State is what the file says of itself.
type State struct {
	Database string        // of which database, see [File.Adopt]
	Complete bool          // everything was copied
	To       feed.Position // everything up to this entry is in it
	Contact  time.Time     // when the database was last heard of, and everything before was in it
}

// Trusted says whether the file may serve at now, and why not: nil means that it
// may.
func (s State) trusted(database string, now time.Time) error {
	switch {
	case s.Database != database:
		return errors.New("it is the copy of another database")
	case s.Contact.IsZero():
		return errors.New("it was never filled")
	case s.Contact.After(now.Add(ahead)):
		return fmt.Errorf("it was filled at %s, which is in the future: the clock was set back", stamp(s.Contact))
	case now.Sub(s.Contact) > Grace:
		return fmt.Errorf("it was filled at %s, more than %.0f minutes ago", stamp(s.Contact), Grace.Minutes())
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

const (
	metaState  = "state"
	metaKeyset = "keyset"
)

// Keyset gives the wrapped keyset; ok is false when none was kept yet. It works
// before Unlock.
func (f *File) Keyset(ctx context.Context) (wrapped []byte, ok bool, err error) {
	return f.meta(ctx, metaKeyset)
}

func (f *File) meta(ctx context.Context, name string) (body []byte, ok bool, err error) {
	err = f.reader.QueryRowContext(ctx, "SELECT body FROM meta WHERE name = ?", name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("standby: read %s: %w", name, err)
	}
	return body, true, nil
}

func putMeta(ctx context.Context, tx *sql.Tx, name string, body []byte) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO meta (name, body) VALUES (?, ?)", name, body)
	return err
}

// Unlock gives the file what it seals with. It comes before everything but
// Keyset.
func (f *File) Unlock(s Sealer) { f.seal = s }

// ReadState gives what the file says of itself; the zero State when it says
// nothing yet.
func (f *File) ReadState(ctx context.Context) (State, error) {
	var s State
	body, ok, err := f.meta(ctx, metaState)
	if err != nil || !ok {
		return s, err
	}
	if err := f.openJSON(body, vault.Standby(metaState, ""), &s); err != nil {
		return State{}, fmt.Errorf("standby: read the state: %w", err)
	}
	return s, nil
}

func (f *File) putState(ctx context.Context, tx *sql.Tx, s State) error {
	sealed, err := f.sealJSON(s, vault.Standby(metaState, ""))
	if err != nil {
		return err
	}
	return putMeta(ctx, tx, metaState, sealed)
}

// empty forgets all rows; the spool stays, since it is of no use to anybody else.
func (f *File) empty(ctx context.Context, s State) error {
	return f.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM rows"); err != nil {
			return err
		}
		return f.putState(ctx, tx, s)
	})
}

// Usable says whether a start without the database may rest on the file.
func (f *File) Usable(ctx context.Context, database string, now time.Time) (State, error) {
	s, err := f.ReadState(ctx)
	if err != nil {
		return s, err
	}
	if err := s.trusted(database, now); err != nil {
		return s, fmt.Errorf("standby: %s cannot be used: %w; bring the database back", f.path, err)
	}
	return s, nil
}

// jsonState keeps the form of the state apart from the names in the program.
type jsonState struct {
	Database string    `json:"database"`
	Complete bool      `json:"complete"`
	Seq      int64     `json:"seq"`
	Leaf     []byte    `json:"leaf"`
	Contact  time.Time `json:"contact,omitzero"`
}

// MarshalJSON implements json.Marshaler.
func (s State) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonState{s.Database, s.Complete, s.To.Seq, s.To.Leaf[:], s.Contact})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *State) UnmarshalJSON(b []byte) error {
	var j jsonState
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = State{Database: j.Database, Complete: j.Complete, To: feed.Position{Seq: j.Seq}, Contact: j.Contact}
	copy(s.To.Leaf[:], j.Leaf)
	return nil
}
