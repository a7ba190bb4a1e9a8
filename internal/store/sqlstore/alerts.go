package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// leaseFold is the name of the right to fold.
const leaseFold = "fold"

// Unfolded tells whether there is anything to fold at now: a fact that no alert
// knows, or an alert that something is to be decided of. It is cheap.
func (s *Store) Unfolded(ctx context.Context, now time.Time) (bool, error) {
	n, err := s.q.SomethingToFold(ctx, millis(now))
	if err != nil {
		return false, s.fail("look for notices to fold", err)
	}
	return n != 0, nil
}

// ClaimFolding takes the right to fold for owner until a time, or keeps it, and
// gives what there is to fold: at most limit facts, the oldest first. ok is false
// when another server has the right. A right that ends much later than this one was
// taken under a clock that has been set back since, and counts for nothing.
func (s *Store) ClaimFolding(ctx context.Context, owner string, now, until time.Time, limit int) (f notice.Folding, ok bool, err error) {
	err = s.write(ctx, "claim folding", func(t *tx) error {
		f, ok = notice.Folding{}, false
		terms, err := t.TakeLease(ctx, sqlgen.TakeLeaseParams{Name: leaseFold, Owner: owner, UntilAt: millis(until), Now: millis(now)})
		if err != nil || len(terms) == 0 {
			return err
		}
		f, err = t.folding(ctx, now, limit)
		f.Term, ok = terms[0], err == nil
		return err
	})
	return f, ok && err == nil, err
}

// folding reads what there is to fold.
func (t *tx) folding(ctx context.Context, now time.Time, limit int) (notice.Folding, error) {
	f := notice.Folding{Held: map[notice.Membership]bool{}}
	alerts, err := t.WorkingAlerts(ctx, millis(now.Add(-notice.Aftermath)))
	if err != nil {
		return f, err
	}
	for _, r := range alerts {
		f.Alerts = append(f.Alerts, toAlert(r))
	}
	silences, err := t.LiveSilences(ctx, millis(now))
	if err != nil {
		return f, err
	}
	for _, r := range silences {
		f.Silences = append(f.Silences, toSilence(r))
	}
	rows, err := t.Queries.Unfolded(ctx, rowLimit(limit))
	if err != nil || len(rows) == 0 {
		return f, err
	}
	for _, r := range rows {
		f.Facts = append(f.Facts, notice.Fact{ID: r.ID, Notice: toNotice(r)})
	}
	held, err := t.HeldByUnfolded(ctx, rows[len(rows)-1].ID)
	for _, h := range held {
		f.Held[notice.Membership{Alert: h.AlertID, Subject: h.Subject}] = true
	}
	return f, err
}

// Fold applies a plan, all of it or nothing, and gives the right to fold back. It refuses with [grant.ErrLost] when
// another server has the right by now, or a fact was folded meanwhile.
func (s *Store) Fold(ctx context.Context, owner string, term int64, now time.Time, p notice.Plan) error {
	return s.write(ctx, "fold notices", func(t *tx) error {
		kept, err := t.KeepLease(ctx, sqlgen.KeepLeaseParams{UntilAt: millis(now), Name: leaseFold, Owner: owner, Term: term})
		if err != nil {
			return err
		}
		if kept == 0 {
			return fmt.Errorf("another server folds by now: %w", grant.ErrLost)
		}
		for _, a := range p.Alerts {
			if err := t.putAlert(ctx, a); err != nil {
				return err
			}
		}
		for _, r := range runs(p.Folded) {
			if err := t.foldRun(ctx, r, now); err != nil {
				return err
			}
		}
		if err := t.leave(ctx, p); err != nil {
			return err
		}
		for _, m := range p.Tell {
			if err := t.tell(ctx, m, now); err != nil {
				return err
			}
		}
		return t.parts(ctx, p.Parts, now)
	})
}

func (t *tx) putAlert(ctx context.Context, a notice.Alert) error {
	err := t.PutAlert(ctx, sqlgen.PutAlertParams{
		ID: a.ID, Kind: string(a.Kind), GroupsBy: a.Group, State: string(a.State), Severity: string(a.Severity),
		OpenedAt: millis(a.Opened), LastAt: millis(a.LastAt), EndedAt: millis(a.Ended), DueAt: millis(a.Due),
		ToldAt: millis(a.ToldAt), ToldCount: int64(a.ToldCount), Facts: int64(a.Count), Members: int64(a.Members), LastNotice: a.Last,
		Subjects: toJSON(a.Subjects), Details: toJSON(a.Details), ShopID: a.Shop, Silence: a.Silence,
	})
	if err != nil || a.State != notice.AlertEnded {
		return err
	}
	return t.EmptyAlert(ctx, a.ID)
}

// run is a row of facts, without a gap, that went the same way.
type run struct {
	low, high int64
	notice.Folded
}

// runs joins facts that follow each other and went the same way, so that a storm
// is a few statements.
func runs(all []notice.Folded) (list []run) {
	for _, f := range all {
		if n := len(list) - 1; n >= 0 && list[n].high+1 == f.Fact {
			same := f
			same.Fact = list[n].Fact
			if same == list[n].Folded {
				list[n].high = f.Fact
				continue
			}
		}
		list = append(list, run{low: f.Fact, high: f.Fact, Folded: f})
	}
	return list
}

func (t *tx) foldRun(ctx context.Context, r run, now time.Time) error {
	n, err := t.FoldRun(ctx, sqlgen.FoldRunParams{Now: millis(now), AlertID: r.Alert, Low: r.low, High: r.high})
	if err != nil {
		return err
	}
	if n != r.high-r.low+1 {
		return fmt.Errorf("a notice was folded meanwhile: %w", grant.ErrLost)
	}
	if r.Joins {
		if err := t.JoinRun(ctx, sqlgen.JoinRunParams{Low: r.low, High: r.high, AlertID: r.Alert}); err != nil {
			return err
		}
	}
	if r.Owner <= 0 {
		return nil
	}
	return t.EscalateRun(ctx, sqlgen.EscalateRunParams{After: r.Owner.Milliseconds(), Low: r.low, High: r.high, AlertID: r.Alert})
}

// leave takes out of alerts what is well again; owners need not hear of it.
func (t *tx) leave(ctx context.Context, p notice.Plan) error {
	for _, m := range p.Left {
		if err := t.LeaveAlert(ctx, sqlgen.LeaveAlertParams{AlertID: m.Alert, Subject: m.Subject}); err != nil {
			return err
		}
		if err := t.DropEscalation(ctx, sqlgen.DropEscalationParams{AlertID: m.Alert, Subject: m.Subject}); err != nil {
			return err
		}
	}
	for _, id := range p.Dropped {
		if err := t.DeleteAlert(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// told is what a notice keeps of the message that it is sent as.
type told struct {
	Phase    notice.Phase    `json:"phase"`
	Severity notice.Severity `json:"severity"`
	Alert    int64           `json:"alert,omitempty"`
	About    notice.Kind     `json:"about,omitempty"`
	Count    int             `json:"count"`
	Since    int64           `json:"since"`
	Subjects []string        `json:"subjects,omitempty"`
	Shop     string          `json:"shop,omitempty"`
	Tenant   string          `json:"tenant,omitempty"`
	Runbook  string          `json:"runbook,omitempty"`
}

// tell writes a message and owes it to the channels. One that no fact caused
// becomes a notice of its own, folded already.
func (t *tx) tell(ctx context.Context, m notice.Telling, now time.Time) error {
	id, msg := m.Carrier, m.Message
	if id != 0 {
		free, err := t.FreeCarrier(ctx, id)
		if err := missing(err, nil); err != nil {
			return err
		}
		if free == 0 { // it is sent as another message already, or purged
			id = 0
		}
	}
	if id == 0 {
		n := msg.Notice
		made, err := t.InsertNotice(ctx, sqlgen.InsertNoticeParams{
			At: millis(n.At), Kind: string(n.Kind), Subject: n.Subject, Details: toJSON(n.Details), FoldedAt: millis(now), AlertID: msg.Alert,
		})
		if err != nil {
			return err
		}
		id = made
	}
	if msg.Tenant == "" && msg.Shop != "" {
		shop, err := t.Shop(ctx, msg.Shop)
		if err := missing(err, nil); err != nil {
			return err
		}
		msg.Tenant = shop.TenantID
	}
	if msg.Alert != 0 && msg.Tenant != "" {
		if err := t.putPart(ctx, msg); err != nil {
			return err
		}
	}
	return t.owe(ctx, id, msg, now, everybody)
}

// owe writes down what is to be sent as a notice, and to whom: the one place that
// decides which channels get a message.
func (t *tx) owe(ctx context.Context, id int64, m notice.Message, now time.Time, whom audience) error {
	kept, err := json.Marshal(told{
		Phase: m.Phase, Severity: m.Severity, Alert: m.Alert, About: m.About, Count: m.Count, Since: millis(m.Since),
		Subjects: m.Subjects, Shop: m.Shop, Tenant: m.Tenant, Runbook: m.Runbook,
	})
	if err != nil {
		return err
	}
	if err := t.TellNotice(ctx, sqlgen.TellNoticeParams{ID: id, Severity: string(m.Severity), Message: string(kept)}); err != nil {
		return err
	}
	return t.deliver(ctx, id, m, now, whom)
}

// toMessage gives a notice as it is sent. One that was owed before there were
// alerts says what it knows.
func toMessage(id int64, n notice.Notice, kept string) notice.Message {
	m := notice.Message{ID: notice.MessageID(id, n.At), Notice: n, About: n.Kind, Phase: notice.Raised, Severity: notice.Warning,
		Count: 1, Since: n.At, Shop: notice.ShopOf(n), Tenant: notice.TenantOf(n)}
	var k told
	if kept == "" || json.Unmarshal([]byte(kept), &k) != nil {
		return m
	}
	m.Phase, m.Severity, m.Alert, m.About, m.Count, m.Since = k.Phase, k.Severity, k.Alert, k.About, k.Count, fromMillis(k.Since)
	m.Subjects, m.Shop, m.Tenant, m.Runbook = k.Subjects, k.Shop, k.Tenant, k.Runbook
	return m
}

// Alert gives an alert, or [access.ErrNotFound].
func (s *Store) Alert(ctx context.Context, id int64) (notice.Alert, error) {
	row, err := s.q.Alert(ctx, id)
	if err != nil {
		return notice.Alert{}, s.fail("read alert", missing(err, access.ErrNotFound))
	}
	return toAlert(row), nil
}

// AlertsBefore gives at most limit alerts with an id below this one, the newest
// first; open leaves out those that are over. 0 stands for the newest.
func (s *Store) AlertsBefore(ctx context.Context, open bool, id int64, limit int) (all []notice.Alert, err error) {
	if id == 0 {
		id = math.MaxInt64
	}
	var rows []sqlgen.Alert
	if open {
		rows, err = s.q.OpenAlertsBefore(ctx, sqlgen.OpenAlertsBeforeParams{Before: id, MaxRows: rowLimit(limit)})
	} else {
		rows, err = s.q.AlertsBefore(ctx, sqlgen.AlertsBeforeParams{Before: id, MaxRows: rowLimit(limit)})
	}
	if err != nil {
		return nil, s.fail("read alerts", err)
	}
	for _, r := range rows {
		all = append(all, toAlert(r))
	}
	return all, nil
}

func toAlert(r sqlgen.Alert) notice.Alert {
	return notice.Alert{
		ID: r.ID, Kind: notice.Kind(r.Kind), Group: r.GroupsBy, State: notice.AlertState(r.State), Severity: notice.Severity(r.Severity),
		Opened: fromMillis(r.OpenedAt), LastAt: fromMillis(r.LastAt), Ended: fromMillis(r.EndedAt), Due: fromMillis(r.DueAt),
		ToldAt: fromMillis(r.ToldAt), ToldCount: int(r.ToldCount), Count: int(r.Facts), Members: int(r.Members), Last: r.LastNotice,
		Subjects: fromJSON[[]string](r.Subjects), Details: fromJSON[map[string]string](r.Details), Shop: r.ShopID, Silence: r.Silence,
	}
}
