package chaos

import (
	"context"
	"fmt"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
)

// operator sets the scene over the admin socket of one replica.
type operator struct{ client *http.Client }

func newOperator(data string) operator { return operator{client: app.SocketClient(data)} }

// ask sends a request as the command line does.
func (o operator) ask(ctx context.Context, method, path string, in, out any) error {
	return app.Ask(ctx, o.client, method, path, in, out)
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
