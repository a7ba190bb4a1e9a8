package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Store is what reports are made from, and where signatures are kept.
type Store interface {
	Directory
	Logins
	Grants
	Uses
	Signatures
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
}

// Signatures are the reports that were signed.
type Signatures interface {
	SignReview(ctx context.Context, r access.Review, entries ...audit.Entry) error
	// LastReview gives the newest of a place, or [access.ErrNotFound].
	LastReview(ctx context.Context, tenantID, shopID string) (access.Review, error)
	ReviewsBefore(ctx context.Context, m access.Mark, limit int) ([]access.Review, error)
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// Options are what Reviews are made of. Store, Catalogue, Sealing and Now must be set.
type Options struct {
	Store     Store
	Catalogue *catalogue.Catalogue
	// Sealing lists the keys of the keyset; begin is when the first was made.
	Sealing func(begin time.Time) []SealingKey
	Hosts   []Host        // the protected hosts of the settings
	Every   time.Duration // how often the house signs; 0: nobody is reminded
	Now     func() time.Time
	Log     *slog.Logger // nil: discards
}

// Reviews makes reports and keeps signatures. It is safe for concurrent use. Make it
// with [New].
type Reviews struct{ o Options }

// New makes a Reviews.
func New(o Options) *Reviews {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Reviews{o}
}

// Report makes the report about a scope from what there is now.
func (r *Reviews) Report(ctx context.Context, scope Scope) (Report, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return Report{}, err
	}
	return Make(s, scope), nil
}

// ErrChanged says that a report is not what it was when it was read.
var ErrChanged = errors.New("review: the report says something else by now; read it again and sign that one")

// ErrNote is a note that is too long, or no text.
var ErrNote = errors.New("review: the note is no text of at most 500 characters; write it shorter")

// longestNote bounds what is written beside a signature, in characters.
const longestNote = 500

// Sign keeps that somebody read the report with this digest.
func (r *Reviews) Sign(ctx context.Context, scope Scope, digest, note string, by audit.Actor) (access.Review, error) {
	if !utf8.ValidString(note) || utf8.RuneCountInString(note) > longestNote {
		return access.Review{}, ErrNote
	}
	report, err := r.Report(ctx, scope)
	if err != nil {
		return access.Review{}, err
	}
	if report.Digest != digest {
		return access.Review{}, ErrChanged
	}
	lines, marked := report.Lines()
	signed := access.Review{ID: access.NewID("r"), TenantID: scope.TenantID, ShopID: scope.ShopID, Digest: digest, Lines: lines, Marked: marked,
		Note: note, By: named(by), At: report.At}
	if err := r.o.Store.SignReview(ctx, signed, signEntry(signed, scope, by)); err != nil {
		return access.Review{}, err
	}
	if scope.House() {
		if err := r.Look(ctx); err != nil {
			r.o.Log.Warn("a signed review did not end its reminder; that is tried again within the hour", "error", err)
		}
	}
	return signed, nil
}

// signEntry is the audit entry of a signature. The note may name people, so that only
// its digest stands there.
func signEntry(v access.Review, scope Scope, by audit.Actor) audit.Entry {
	d := map[string]string{"review": v.ID, "digest": v.Digest, "lines": strconv.Itoa(v.Lines), "marked": strconv.Itoa(v.Marked)}
	if v.Note != "" {
		h := sha256.Sum256([]byte(v.Note))
		d["note_sha256"] = hex.EncodeToString(h[:])
	}
	return audit.Entry{At: v.At, Actor: by, Action: "review.sign", Subject: "review:" + scope.String(), Outcome: audit.Done, Details: d}
}

// named writes an actor as rows name who made them.
func named(a audit.Actor) string {
	if a.ID == "" {
		return a.Kind
	}
	return a.Kind + ":" + a.ID
}

// Signed gives at most limit signatures behind a mark, the newest first.
func (r *Reviews) Signed(ctx context.Context, m access.Mark, limit int) ([]access.Review, error) {
	return r.o.Store.ReviewsBefore(ctx, m, limit)
}

// Last gives the newest signature of a scope, or [access.ErrNotFound].
func (r *Reviews) Last(ctx context.Context, scope Scope) (access.Review, error) {
	return r.o.Store.LastReview(ctx, scope.TenantID, scope.ShopID)
}

// Due tells when the house signs next; zero: whenever it likes.
func (r *Reviews) Due(ctx context.Context) (time.Time, error) {
	if r.o.Every <= 0 {
		return time.Time{}, nil
	}
	last, err := r.Last(ctx, Scope{})
	if err == nil {
		return last.At.Add(r.o.Every), nil
	}
	if !errors.Is(err, access.ErrNotFound) {
		return time.Time{}, err
	}
	begin, err := r.begin(ctx)
	return begin.Add(r.o.Every), err
}

// begin is when the audit log begins: at the first start.
func (r *Reviews) begin(ctx context.Context) (time.Time, error) {
	first, err := r.o.Store.AuditEntries(ctx, -1, 1)
	if err != nil {
		return time.Time{}, fmt.Errorf("review: read the first entry of the audit log: %w", err)
	}
	if len(first) == 0 {
		return r.o.Now(), nil
	}
	e, err := audit.Decode(first[0].Data)
	if err != nil {
		return time.Time{}, fmt.Errorf("review: read the first entry of the audit log: %w", err)
	}
	return e.At, nil
}

// Look reminds of a review that is due, once, and ends that when it was signed. Run
// does it.
func (r *Reviews) Look(ctx context.Context) error {
	due, err := r.Due(ctx)
	if err != nil {
		return err
	}
	now := r.o.Now()
	wrong := !due.IsZero() && !now.Before(due)
	n := notice.Notice{At: now, Kind: notice.ReviewDue, Subject: "review:house", Details: map[string]string{"due": due.UTC().Format(time.RFC3339)}}
	entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(n.Kind), Subject: n.Subject, Outcome: audit.Done, Details: n.Details}
	if !wrong {
		n = notice.OverOf(n, now)
		entry.Action, entry.Details = string(n.Kind), n.Details
	}
	_, err = r.o.Store.SetCondition(ctx, string(notice.ReviewDue), wrong, n, entry)
	return err
}

// lookEvery is how often reminders are looked at.
const lookEvery = time.Hour

// keysEvery is how often the ages of keys are looked at, which takes the whole report.
const keysEvery = 24 * time.Hour

// Run looks at once, every hour for a review that is due and every day for keys that
// are old, until ctx ends.
func (r *Reviews) Run(ctx context.Context) {
	var keys time.Time
	every(ctx, lookEvery, func() {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("whether a review is due was not looked at; it is again in an hour", "error", err)
		}
		if now := r.o.Now(); now.Sub(keys) >= keysEvery {
			if err := r.LookAtKeys(ctx); err == nil {
				keys = now
			} else if ctx.Err() == nil {
				r.o.Log.Warn("the ages of keys were not looked at; they are again in an hour", "error", err)
			}
		}
	})
}

// every calls f at once and every so often until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
