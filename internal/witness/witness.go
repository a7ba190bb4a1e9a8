package witness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Store remembers heads of other logs; *sqlstore.Store has it.
type Store interface {
	Witnessed(ctx context.Context, log string) (audit.Seen, bool, error)
	WitnessedAt(ctx context.Context, log string, size int64) ([]audit.Seen, error)
	SaveWitnessed(ctx context.Context, seen audit.Seen, after int64, entries ...audit.Entry) error
	SaveForked(ctx context.Context, seen audit.Seen, n notice.Notice, entries ...audit.Entry) error
}

// Witness keeps the heads of other servers' logs. Make it with [New]; it is safe
// for concurrent use.
type Witness struct {
	store Store
	logs  map[string]note.Verifier
	now   func() time.Time
}

// New makes a witness for the logs with these names.
func New(s Store, logs map[string]note.Verifier, now func() time.Time) *Witness {
	return &Witness{store: s, logs: logs, now: now}
}

// Serves tells whether a request is for the witness of other logs.
func (w *Witness) Serves(r *http.Request) bool {
	return w != nil && len(w.logs) > 0 && strings.HasPrefix(r.URL.Path, Path)
}

// Handler answers POST /v1/witness/{log}.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+Path+"{log}", web.LimitBody(maxBody, web.Machine(w.take)))
	mux.Handle("/", web.Machine(web.NotFound))
	return mux
}

func (w *Witness) take(rw http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return &web.Error{Status: http.StatusRequestEntityTooLarge, Code: "witness-body", EN: "The body is too long or broke off.", ZH: "请求正文过长或已中断。"}
	}
	m, err := decodeStrict[Message](b)
	if err != nil {
		return &web.Error{Status: http.StatusBadRequest, Code: "witness-body", EN: "The body is not a signed head with its proof.", ZH: "请求正文不是签名的检查点及其证明。"}
	}
	a, err := w.Take(r.Context(), r.PathValue("log"), m)
	switch {
	case errors.Is(err, access.ErrNotFound):
		return &web.Error{Status: http.StatusNotFound, Code: "witness-log", EN: "No log of this name is witnessed here.", ZH: "此处不见证该名称的日志。",
			NextEN: "Have its public key added to audit.witness_for.", NextZH: "请将其公钥加入 audit.witness_for。"}
	case errors.Is(err, errRefused):
		return &web.Error{Status: http.StatusUnprocessableEntity, Code: "witness-refused", EN: "The head is not signed by the key of this log, or its proof is broken.", ZH: "该检查点不是由该日志的密钥签名，或其证明无效。"}
	case err != nil:
		return err
	}
	status := http.StatusOK
	if a.State == Behind || a.State == Forked {
		status = http.StatusConflict
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	return json.NewEncoder(rw).Encode(a)
}

// errRefused is a head that says nothing: anybody could have sent it.
var errRefused = errors.New("witness: the head is not signed by the log's key, or its proof is broken")

// Take judges a head, and remembers it if it continues what was seen.
func (w *Witness) Take(ctx context.Context, log string, m Message) (Answer, error) {
	v, ok := w.logs[log]
	if !ok {
		return Answer{}, access.ErrNotFound
	}
	head, err := audit.OpenCheckpoint([]byte(m.Head), v)
	if err != nil || head.Size < 1 {
		return Answer{}, errRefused
	}
	newest, seen, err := w.store.Witnessed(ctx, log)
	if err != nil {
		return Answer{}, err
	}
	if !seen {
		return w.remember(ctx, log, head, 0)
	}
	if head.Size <= newest.Size {
		return w.older(ctx, log, head, newest)
	}
	if m.OldSize != newest.Size {
		return Answer{State: Behind, Head: string(newest.SignedNote)}, nil
	}
	if audit.CheckConsistency(m.Proof, audit.Checkpoint{Size: m.OldSize, Root: m.OldRoot}, head) != nil {
		return Answer{}, errRefused
	}
	if m.OldRoot != newest.Root {
		return w.forked(ctx, log, head, newest)
	}
	return w.remember(ctx, log, head, newest.Size)
}

// older judges a head that is not longer than the newest.
func (w *Witness) older(ctx context.Context, log string, head audit.Checkpoint, newest audit.Seen) (Answer, error) {
	rows, err := w.store.WitnessedAt(ctx, log, head.Size)
	if err != nil {
		return Answer{}, err
	}
	for _, seen := range rows {
		switch {
		case seen.Root == head.Root && !seen.Forked:
			return Answer{State: Known, Head: string(newest.SignedNote)}, nil
		case seen.Root != head.Root && !seen.Forked:
			return w.forked(ctx, log, head, seen)
		}
	}
	return Answer{State: Behind, Head: string(newest.SignedNote)}, nil
}

func (w *Witness) remember(ctx context.Context, log string, head audit.Checkpoint, after int64) (Answer, error) {
	var entries []audit.Entry
	if after == 0 {
		entries = append(entries, w.entry("witness.begin", log, audit.Done, head))
	}
	err := w.store.SaveWitnessed(ctx, w.seen(log, head, false), after, entries...)
	if errors.Is(err, access.ErrStale) { // another head was faster
		newest, _, err := w.store.Witnessed(ctx, log)
		return Answer{State: Behind, Head: string(newest.SignedNote)}, err
	}
	return Answer{State: Taken, Head: string(head.SignedNote)}, err
}

// forked keeps both heads as evidence.
func (w *Witness) forked(ctx context.Context, log string, head audit.Checkpoint, known audit.Seen) (Answer, error) {
	e := w.entry("witness.fork", log, audit.Refused, head)
	e.Details["known"] = strconv.FormatInt(known.Size, 10)
	e.Details["known_root"] = base64.StdEncoding.EncodeToString(known.Root[:])
	n := notice.Notice{At: e.At, Kind: notice.AuditBroken, Subject: e.Subject, Details: e.Details}
	if err := w.store.SaveForked(ctx, w.seen(log, head, true), n, e); err != nil {
		return Answer{}, fmt.Errorf("keep a forked head: %w", err)
	}
	return Answer{State: Forked, Head: string(known.SignedNote)}, nil
}

func (w *Witness) seen(log string, head audit.Checkpoint, forked bool) audit.Seen {
	return audit.Seen{Log: log, Size: head.Size, Root: head.Root, SeenAt: w.now(), SignedNote: head.SignedNote, Forked: forked}
}

func (w *Witness) entry(action, log string, o audit.Outcome, head audit.Checkpoint) audit.Entry {
	root := tlog.Hash(head.Root)
	return audit.Entry{At: w.now(), Actor: audit.Actor{Kind: audit.ActorSystem}, Action: action, Subject: "log:" + log, Outcome: o,
		Details: map[string]string{"size": strconv.FormatInt(head.Size, 10), "root": base64.StdEncoding.EncodeToString(root[:]), "signed_at": head.At.UTC().Format(time.RFC3339)}}
}
