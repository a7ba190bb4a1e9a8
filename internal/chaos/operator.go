package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
)

// operator sets the scene over the admin socket of one replica.
type operator struct{ client *http.Client }

func newOperator(data string) operator { return operator{client: app.SocketClient(data)} }

// ask sends a request as the command line does.
func (o operator) ask(ctx context.Context, method, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, app.SocketURL+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := o.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, text)
	}
	return json.Unmarshal(text, out)
}

// declare makes the directory and gives the key of the programs.
func (o operator) declare(ctx context.Context, m adminapi.Manifest) (key string, err error) {
	var done adminapi.Applied
	if err := o.ask(ctx, http.MethodPost, "/v1/apply", m, &done); err != nil {
		return "", fmt.Errorf("declare the shops: %w", err)
	}
	return done.Keys[clientID], nil
}

// invite has a person log in and confirms them.
func (o operator) invite(ctx context.Context, e *emulator, server, who string) error {
	v, err := newVisitor(server)
	if err != nil {
		return err
	}
	var inv adminapi.InvitationView
	if err := o.ask(ctx, http.MethodPost, "/v1/invitations", map[string]string{"tenant": tenantID, "role": "viewer"}, &inv); err != nil {
		return err
	}
	code, err := v.accept(ctx, e, who, inv.Link)
	if err != nil {
		return fmt.Errorf("login of %s: %w", who, err)
	}
	return o.ask(ctx, http.MethodPost, "/v1/invitations/"+inv.ID+"/confirm", map[string]string{"code": code}, &inv)
}
