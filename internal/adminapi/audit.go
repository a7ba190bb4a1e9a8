package adminapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// AuditLog reads the log.
type AuditLog interface {
	AuditHead(ctx context.Context) (size int64, root [32]byte, err error)
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
}

// Keys lists and rotates the keys that seal what is kept.
type Keys interface {
	Keys() []vault.Key
	// Rotate makes a new key the one that seals, durably. What older keys
	// sealed still opens.
	Rotate(ctx context.Context, by audit.Actor) error
}

// RecordView is one line of the audit log with its place in it.
type RecordView struct {
	Seq   int64           `json:"seq"`
	Entry json.RawMessage `json:"entry"`
}

// HeadView is the head of the audit log.
type HeadView struct {
	Size int64  `json:"size"`
	Root string `json:"root" doc:"base64 of the Merkle tree's root hash"`
}

func (h handlers) mountAudit(api huma.API) {
	huma.Register(api, op("list-audit", http.MethodGet, "/v1/audit", "Read the audit log, oldest first"), h.entries)
	huma.Register(api, op("get-audit-entry", http.MethodGet, "/v1/audit/{seq}", "Show one entry of the audit log"), h.entry)
	huma.Register(api, op("get-audit-head", http.MethodGet, "/v1/audit/head", "Read the head of the audit log"), h.head)
	huma.Register(api, op("list-keys", http.MethodGet, "/v1/keys", "List the keys that seal what is kept"), h.keys)
	huma.Register(api, op("rotate-key", http.MethodPost, "/v1/keys/rotate", "Make a new sealing key; older ones still open"), h.rotate)
}

func viewRecord(r audit.Record) RecordView { return RecordView{Seq: r.Seq, Entry: r.Data} }

// entries takes the sequence number itself as a cursor: it never changes.
func (h handlers) entries(ctx context.Context, in *Page) (*body[list[RecordView]], error) {
	after, err := in.number(-1)
	if err != nil {
		return nil, err
	}
	records, err := h.Log.AuditEntries(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(records, in.Limit, viewRecord, func(r audit.Record) string { return strconv.FormatInt(r.Seq, 10) }), nil
}

func (h handlers) entry(ctx context.Context, in *struct {
	Seq int64 `path:"seq" minimum:"0" doc:"The entry's number in the log"`
}) (*body[RecordView], error) {
	records, err := h.Log.AuditEntries(ctx, in.Seq-1, 1)
	if err != nil {
		return nil, fail(err)
	}
	if len(records) == 0 || records[0].Seq != in.Seq {
		return nil, fail(access.ErrNotFound)
	}
	return answer(viewRecord(records[0])), nil
}

func (h handlers) head(ctx context.Context, _ *struct{}) (*body[HeadView], error) {
	size, root, err := h.Log.AuditHead(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return answer(HeadView{Size: size, Root: base64.StdEncoding.EncodeToString(root[:])}), nil
}

func (h handlers) keys(_ context.Context, in *Page) (*body[list[vault.Key]], error) {
	return window(*in, "keys", h.Keys.Keys(), func(k vault.Key) string { return k.ID }, func(k vault.Key) vault.Key { return k })
}

func (h handlers) rotate(ctx context.Context, _ *struct{}) (*body[list[vault.Key]], error) {
	if err := h.Keys.Rotate(ctx, actor(ctx)); err != nil {
		return nil, fail(err)
	}
	return listOf(h.Keys.Keys(), func(k vault.Key) vault.Key { return k }), nil
}
