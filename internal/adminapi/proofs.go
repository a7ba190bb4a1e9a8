package adminapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// AuditProofs reads what proofs of the log are made of.
type AuditProofs interface {
	CheckpointsAfter(ctx context.Context, size int64, limit int) ([]audit.Checkpoint, error)
	NewestCheckpoint(ctx context.Context) (audit.Checkpoint, bool, error)
	AuditHashes(ctx context.Context) tlog.HashReader
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
	SentHeads(ctx context.Context) ([]audit.Sent, error)
	WitnessedHeads(ctx context.Context, log string, limit int) ([]audit.Seen, error)
}

// CheckpointView is a signed head.
type CheckpointView struct {
	Size int64     `json:"size" doc:"How many entries it counts"`
	Root string    `json:"root" doc:"base64 of the Merkle tree's root hash"`
	At   time.Time `json:"at"`
	Note string    `json:"note" doc:"The signed note, which is checked with audit.pub"`
}

// SentView is the newest signed head that another place took.
type SentView struct {
	Place string    `json:"place" doc:"As the settings name it"`
	Size  int64     `json:"size" doc:"How many entries the head counts"`
	At    time.Time `json:"at" doc:"When it was taken there"`
}

// SeenView is a signed head of another server's log.
type SeenView struct {
	Log    string    `json:"log" doc:"What the other server's log is called here"`
	Size   int64     `json:"size" doc:"How many entries it counts"`
	Root   string    `json:"root" doc:"base64 of the Merkle tree's root hash"`
	SeenAt time.Time `json:"seen_at" doc:"When it came here first"`
	Note   string    `json:"note" doc:"The signed note, which is checked with the other server's audit.pub"`
	Forked bool      `json:"forked" doc:"It contradicts a head that was seen before: the key signed two logs"`
}

func (h handlers) mountProofs(api huma.API) {
	huma.Register(api, op("list-audit-checkpoints", http.MethodGet, "/v1/audit/checkpoints", "List the signed heads of the audit log, the shortest log first"), h.checkpoints)
	huma.Register(api, op("get-audit-proof", http.MethodGet, "/v1/audit/proof", "Prove that one log is the beginning of another, or that an entry stands in it"), h.proof)
	huma.Register(api, op("list-audit-places", http.MethodGet, "/v1/audit/places", "List the other places that took signed heads"), h.places)
	huma.Register(api, op("list-witnessed-heads", http.MethodGet, "/v1/audit/witnessed/{log}", "List the heads that were seen of another server's log, those that contradict others first"), h.witnessed)
}

func viewCheckpoint(c audit.Checkpoint) CheckpointView {
	return CheckpointView{Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Root[:]), At: c.At.UTC(), Note: string(c.SignedNote)}
}

// checkpoints takes the size as a cursor.
func (h handlers) checkpoints(ctx context.Context, in *Page) (*body[list[CheckpointView]], error) {
	after, err := in.number(-1)
	if err != nil {
		return nil, err
	}
	all, err := h.Proofs.CheckpointsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, viewCheckpoint, func(c audit.Checkpoint) string { return strconv.FormatInt(c.Size, 10) }), nil
}

type proofQuery struct {
	Old   int64 `query:"old" minimum:"0" doc:"Entries of the older signed head"`
	New   int64 `query:"new" minimum:"0" doc:"Entries of the newer one; 0: the newest"`
	Entry int64 `query:"entry" default:"-1" minimum:"-1" doc:"Number of an entry, in place of an older head"`
}

func (h handlers) proof(ctx context.Context, in *proofQuery) (*body[audit.Proof], error) {
	head, err := h.checkpoint(ctx, in.New)
	if err != nil {
		return nil, fail(err)
	}
	stored := h.Proofs.AuditHashes(ctx)
	if in.Entry >= 0 {
		rows, err := h.Proofs.AuditEntries(ctx, in.Entry-1, 1)
		if err != nil {
			return nil, fail(err)
		}
		if len(rows) == 0 || rows[0].Seq != in.Entry || in.Entry >= head.Size {
			return nil, fail(access.ErrNotFound)
		}
		return proved(audit.ProveInclusion(rows[0], head, stored))
	}
	if in.Old == 0 {
		return nil, refuse(http.StatusUnprocessableEntity, "proof", "it does not say what is to be proved", "name an older signed head with old, or an entry with entry", "未说明要证明什么", "请用 old 指明较早的签名头，或用 entry 指明条目")
	}
	old, err := h.checkpoint(ctx, in.Old)
	if err != nil {
		return nil, fail(err)
	}
	if old.Size > head.Size {
		old, head = head, old
	}
	return proved(audit.ProveConsistency(old, head, stored))
}

func proved(p audit.Proof, err error) (*body[audit.Proof], error) {
	if err != nil {
		return nil, fail(err)
	}
	return answer(p), nil
}

// checkpoint gives the signed head of so many entries; 0 is the newest.
func (h handlers) checkpoint(ctx context.Context, size int64) (audit.Checkpoint, error) {
	if size == 0 {
		c, ok, err := h.Proofs.NewestCheckpoint(ctx)
		if err == nil && !ok {
			err = access.ErrNotFound
		}
		return c, err
	}
	next, err := h.Proofs.CheckpointsAfter(ctx, size-1, 1)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if len(next) > 0 && next[0].Size == size {
		return next[0], nil
	}
	if h.OlderHead != nil {
		if c, ok, err := h.OlderHead(size); err != nil || ok {
			return c, err
		}
	}
	return audit.Checkpoint{}, refuse(http.StatusNotFound, "not-found", fmt.Sprintf("no head of %d entries was signed", size), "take a size from /v1/audit/checkpoints", fmt.Sprintf("没有 %d 条记录的签名头", size), "请从 /v1/audit/checkpoints 中选取")
}

func (h handlers) places(ctx context.Context, in *Page) (*body[list[SentView]], error) {
	all, err := h.Proofs.SentHeads(ctx)
	if err != nil {
		return nil, fail(err)
	}
	view := func(s audit.Sent) SentView { return SentView{Place: s.Place, Size: s.Size, At: s.At.UTC()} }
	return window(*in, "places", all, func(s audit.Sent) string { return s.Place }, view)
}

// maxSeen bounds the heads of one answer.
const maxSeen = 200

func (h handlers) witnessed(ctx context.Context, in *struct {
	Page
	Log string `path:"log" doc:"What the other server's log is called here"`
}) (*body[list[SeenView]], error) {
	all, err := h.Proofs.WitnessedHeads(ctx, in.Log, maxSeen)
	if err != nil {
		return nil, fail(err)
	}
	view := func(s audit.Seen) SeenView {
		return SeenView{Log: s.Log, Size: s.Size, Root: base64.StdEncoding.EncodeToString(s.Root[:]), SeenAt: s.SeenAt.UTC(), Note: string(s.SignedNote), Forked: s.Forked}
	}
	return window(in.Page, "witnessed", all, keyOfSeen, view)
}

// keyOfSeen sorts heads that contradict others first, then longer logs before shorter
// ones.
func keyOfSeen(s audit.Seen) string {
	group := "1"
	if s.Forked {
		group = "0"
	}
	return fmt.Sprintf("%s%016x%x", group, math.MaxInt64-s.Size, s.Root[:])
}
