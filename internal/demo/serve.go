package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// Addresses that the demo prefers; where they are in use it takes free ports.
const (
	publicAddress  = "127.0.0.1:8080"
	sandboxAddress = "127.0.0.1:8090"
)

// Serve sets the stage and leaves it to a person with a browser, until ctx ends.
func Serve(ctx context.Context, o Options) (err error) {
	st, err := open(ctx, o, publicAddress, sandboxAddress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close(o)) }()
	var applied adminapi.Applied
	if err := st.ask(ctx, "POST", "/v1/apply", st.manifest(), &applied); err != nil {
		return err
	}
	var inv adminapi.InvitationView
	if err := st.ask(ctx, "POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "owner"}, &inv); err != nil {
		return err
	}
	setup, _, err := st.app.SetupLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, `The demo plays on this machine until you press Ctrl-C.

  console          %s/
                   first administrator: %s
  owner's link     %s
  emulated WeChat  %s/   press "phone" there first to be in WeChat, "PC" to be on a computer
  a program's call curl -H 'Authorization: Bearer %s' %s/wx/%s/channels/ec/basics/info/get

The four digits that the owner is shown are confirmed by the demo itself.
`, st.url, setup, inv.Link, st.simURL, applied.Keys[clientID], st.url, shopID)
	return st.confirmTaken(ctx)
}

// confirmTaken plays the inviter: whoever takes an invitation is confirmed.
func (s *stage) confirmTaken(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.failed:
			return err
		case <-tick.C:
		}
		if err := s.app.ConfirmTaken(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
