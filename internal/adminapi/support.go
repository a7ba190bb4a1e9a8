package adminapi

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Support makes bundles for whoever helps from afar.
type Support interface {
	// Bundle writes a gzipped tar archive without secrets, and records that somebody
	// asked for it.
	Bundle(ctx context.Context, by audit.Actor, w io.Writer) error
}

func (h handlers) mountSupport(api huma.API) {
	o := op("make-support-bundle", http.MethodPost, "/v1/support-bundle", "Make an archive for whoever helps from afar, without secrets")
	o.Responses = map[string]*huma.Response{"200": {Description: "A gzipped tar archive; its first file lists what is in it, and why",
		Content: map[string]*huma.MediaType{"application/gzip": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	huma.Register(api, o, h.supportBundle)
}

// archiveAnswer is a file to keep.
type archiveAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (h handlers) supportBundle(ctx context.Context, _ *struct{}) (*archiveAnswer, error) {
	var b bytes.Buffer
	if err := h.Support.Bundle(ctx, actor(ctx), &b); err != nil {
		return nil, fail(err)
	}
	return &archiveAnswer{ContentType: "application/gzip", Disposition: `attachment; filename="zhanggui-support.tar.gz"`, Body: b.Bytes()}, nil
}
