package adminapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

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
	huma.Register(api, op("get-audit-head", http.MethodGet, "/v1/audit/head", "Read the head of the audit log"), h.head)
	huma.Register(api, op("list-keys", http.MethodGet, "/v1/keys", "List the keys that seal what is kept"), h.keys)
	huma.Register(api, op("rotate-key", http.MethodPost, "/v1/keys/rotate", "Make a new sealing key; older ones still open"), h.rotate)
}

func (h handlers) entries(ctx context.Context, in *struct {
	After int64 `query:"after" default:"-1" doc:"the last sequence number already read"`
	Limit int   `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}) (*body[list[RecordView]], error) {
	records, err := h.Log.AuditEntries(ctx, in.After, in.Limit)
	if err != nil {
		return nil, fail(err)
	}
	return listOf(records, func(r audit.Record) RecordView { return RecordView{Seq: r.Seq, Entry: r.Data} }), nil
}

func (h handlers) head(ctx context.Context, _ *struct{}) (*body[HeadView], error) {
	size, root, err := h.Log.AuditHead(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return answer(HeadView{Size: size, Root: base64.StdEncoding.EncodeToString(root[:])}), nil
}

func (h handlers) keys(context.Context, *struct{}) (*body[list[vault.Key]], error) {
	return answer(list[vault.Key]{Items: h.Keys.Keys()}), nil
}

func (h handlers) rotate(ctx context.Context, _ *struct{}) (*body[list[vault.Key]], error) {
	if err := h.Keys.Rotate(ctx, actor(ctx)); err != nil {
		return nil, fail(err)
	}
	return h.keys(ctx, nil)
}
