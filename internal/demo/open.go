package demo

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// Stage is what [Serve] sets for a person with a browser, on free ports of
// 127.0.0.1: emulator, server, and a shop whose apps and client are declared.
// Make one with [Open] and end it with Close. Its methods are safe for
// concurrent use, except Close, which comes last and once.
type Stage struct {
	Server    string // base URL of the server, without a slash at its end
	WeChat    string // base URL of the emulator, likewise
	SetupLink string // makes the first administrator, once, within 30 minutes
	ClientKey string // of the program that may read the shop
	Shop      string // id of the shop, as in /wx/{shop}/

	st *stage
}

// Open sets the stage. It is torn down by Close, or when ctx ends; Close must
// be called either way.
func Open(ctx context.Context) (*Stage, error) { return openIn(ctx, wechatsim.DefaultWorld()) }

// OpenWith is [Open] with further settings: YAML as in a file, for the server at an address.
func OpenWith(ctx context.Context, settings func(server *url.URL) string) (*Stage, error) {
	return openOn(ctx, Options{Version: "demo", world: wechatsim.DefaultWorld(), settings: settings})
}

func openIn(ctx context.Context, world *wechatsim.World) (*Stage, error) {
	return openOn(ctx, Options{Version: "demo", world: world})
}

func openOn(ctx context.Context, o Options) (*Stage, error) {
	const free = "127.0.0.1:0"
	st, err := open(ctx, o, free, free)
	if err != nil {
		return nil, err
	}
	s := &Stage{Server: st.url.String(), WeChat: st.simURL.String(), Shop: shopID, st: st}
	if err := s.furnish(ctx); err != nil {
		_ = s.Close() // the first error says more
		return nil, err
	}
	return s, nil
}

// furnish declares the shop and makes the links that Serve prints.
func (s *Stage) furnish(ctx context.Context) error {
	var applied adminapi.Applied
	if err := s.st.ask(ctx, "POST", "/v1/apply", s.st.manifest(), &applied); err != nil {
		return fmt.Errorf("declare the demo shop: %w", err)
	}
	s.ClientKey = applied.Keys[clientID]
	link, _, err := s.st.app.SetupLink(ctx)
	s.SetupLink = link
	return err
}

// Invite makes an invitation for an owner and returns its link. It works once,
// within 30 minutes.
func (s *Stage) Invite(ctx context.Context) (string, error) { return s.InviteAs(ctx, "owner") }

// InviteAs is Invite for another role.
func (s *Stage) InviteAs(ctx context.Context, role string) (string, error) {
	var inv adminapi.InvitationView
	err := s.st.ask(ctx, "POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": role}, &inv)
	return inv.Link, err
}

// ConfirmTaken plays the inviter as Serve does: until ctx ends, whoever takes
// an invitation is confirmed within about a second.
func (s *Stage) ConfirmTaken(ctx context.Context) error { return s.st.confirmTaken(ctx) }

// SetSwitches changes what the emulator does where WeChat is undocumented.
func (s *Stage) SetSwitches(change func(*wechatsim.Switches)) error {
	return s.st.sim.SetSwitches(change)
}

// Visit has a person agree at the emulator's login page and returns the
// callback address, which nobody has opened yet.
func (s *Stage) Visit(ctx context.Context, person, link string) (string, error) {
	return s.st.sim.Visit(ctx, person, link, wechatsim.Agree)
}

// Asked counts the requests that the emulator got on paths of WeChat's.
func (s *Stage) Asked(paths ...string) int { return len(s.st.sim.Ledger(paths...)) }

// Advance moves the one clock of server and emulator forward.
func (s *Stage) Advance(d time.Duration) { s.st.sim.Advance(d) }

// Close stops server and emulator and removes their files.
func (s *Stage) Close() error { return s.st.close(Options{}) }
