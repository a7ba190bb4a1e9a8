package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// inviteCmd is about invitations.
type inviteCmd struct {
	Create   inviteCreateCmd   `cmd:"" help:"Invite one person."`
	List     inviteListCmd     `cmd:"" default:"withargs" help:"List the invitations."`
	Confirm  inviteConfirmCmd  `cmd:"" help:"Confirm who took an invitation."`
	Withdraw inviteWithdrawCmd `cmd:"" help:"Withdraw an invitation."`
}

type inviteCreateCmd struct {
	remote
	Tenant string `arg:"" help:"Id of the tenant."`
	Shop   string `help:"Only this shop of the tenant."`
	Role   string `help:"owner, operator or viewer." default:"owner" enum:"owner,operator,viewer"`
	Until  string `help:"When the role ends, as 2026-12-31T16:00:00Z; left out: never."`
}

// Help shows an example.
func (inviteCreateCmd) Help() string {
	return "Prints a link that works once, for 30 minutes. Whoever takes it is shown four digits; confirm them with `zhanggui invite confirm`.\n\nExample:\n  zhanggui invite create lantian --role owner"
}

// Run implements the command.
func (i inviteCreateCmd) Run(ctx context.Context, c console) error {
	var made adminapi.InvitationView
	in := map[string]string{"tenant": i.Tenant, "shop": i.Shop, "role": i.Role}
	if i.Until != "" {
		in["until"] = i.Until
	}
	if err := i.do(ctx, http.MethodPost, "/v1/invitations", in, &made); err != nil {
		return err
	}
	if i.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "invitation  %s\nlink        %s\nuntil       %s\nnext        zhanggui invite confirm %s CODE\n", made.ID, made.Link, when(made.Expires), made.ID)
	return nil
}

type inviteListCmd struct{ remote }

// Help shows an example.
func (inviteListCmd) Help() string { return "Example:\n  zhanggui invite list" }

// Run implements the command.
func (i inviteListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.InvitationView]
	if err := all.read(ctx, i.remote, "/v1/invitations"); err != nil {
		return err
	}
	if i.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Tenant, dash(v.Shop), v.Role, v.State, dash(v.Person), when(v.Expires)})
	}
	return c.table("INVITATION TENANT SHOP ROLE STATE PERSON UNTIL", rows)
}

type inviteConfirmCmd struct {
	remote
	Invitation string `arg:"" help:"Id of the invitation."`
	Code       string `arg:"" help:"The four digits that the person read to you."`
}

// Help shows an example.
func (inviteConfirmCmd) Help() string { return "Example:\n  zhanggui invite confirm i_example 0427" }

// Run implements the command.
func (i inviteConfirmCmd) Run(ctx context.Context, c console) error {
	var after adminapi.InvitationView
	if err := i.do(ctx, http.MethodPost, "/v1/invitations/"+url.PathEscape(i.Invitation)+"/confirm", map[string]string{"code": i.Code}, &after); err != nil {
		return err
	}
	if i.JSON {
		return c.printJSON(after)
	}
	fmt.Fprintf(c.out, "%s is now %s of %s\n", after.Person, after.Role, after.Tenant)
	return nil
}

type inviteWithdrawCmd struct {
	remote
	Invitation string `arg:"" help:"Id of the invitation."`
}

// Help shows an example.
func (inviteWithdrawCmd) Help() string { return "Example:\n  zhanggui invite withdraw i_example" }

// Run implements the command.
func (i inviteWithdrawCmd) Run(ctx context.Context) error {
	return i.do(ctx, http.MethodPost, "/v1/invitations/"+url.PathEscape(i.Invitation)+"/withdraw", nil, nil)
}

// sessionCmd is about sessions.
type sessionCmd struct {
	List sessionListCmd `cmd:"" default:"withargs" help:"List the sessions."`
	End  sessionEndCmd  `cmd:"" help:"End a session at once."`
}

type sessionListCmd struct {
	remote
	Person string `help:"Only sessions of this person."`
	Shop   string `help:"Only sessions that came from the service market into this shop."`
}

// Help shows an example.
func (sessionListCmd) Help() string { return "Example:\n  zhanggui session list" }

// Run implements the command.
func (s sessionListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.SessionView]
	if err := all.read(ctx, s.remote, "/v1/sessions?"+url.Values{"person": {s.Person}, "shop": {s.Shop}}.Encode()); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		state := "live"
		if !v.Live {
			state = "ended " + v.Why
		}
		rows = append(rows, []string{v.ID, v.Person + v.Admin + v.Shop, v.Door, v.Device, state, when(v.Seen)})
	}
	return c.table("SESSION WHO DOOR DEVICE STATE LAST-SEEN", rows)
}

type sessionEndCmd struct {
	remote
	Session string `arg:"" help:"Id of the session, as listed."`
}

// Help shows an example.
func (sessionEndCmd) Help() string { return "Example:\n  zhanggui session end s_example" }

// Run implements the command.
func (s sessionEndCmd) Run(ctx context.Context) error {
	return s.do(ctx, http.MethodPost, "/v1/sessions/"+url.PathEscape(s.Session)+"/end", nil, nil)
}

// adminCmd is about administrators.
type adminCmd struct {
	List   adminListCmd   `cmd:"" default:"withargs" help:"List the administrators."`
	Create adminCreateCmd `cmd:"" help:"Make an administrator."`
	Revoke adminRevokeCmd `cmd:"" help:"End an administrator's key and sessions."`
}

type adminListCmd struct{ remote }

// Help shows an example.
func (adminListCmd) Help() string { return "Example:\n  zhanggui admin list" }

// Run implements the command.
func (a adminListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.AdminView]
	if err := all.read(ctx, a.remote, "/v1/admins"); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Name, v.Kind, fmt.Sprint(v.Live), when(v.Expires)})
	}
	return c.table("ADMIN NAME KIND LIVE UNTIL", rows)
}

type adminCreateCmd struct {
	remote
	Name string `arg:"" help:"Name of the administrator."`
	Kind string `help:"admin, support (reads everything) or auditor (reads the audit log)." default:"admin" enum:"admin,support,auditor"`
	Days int    `help:"How many days the key lives." default:"90"`
}

// Help shows an example.
func (adminCreateCmd) Help() string {
	return "Prints the administrator's key, this once.\n\nExample:\n  zhanggui admin create 'Li Na' --days 30"
}

// Run implements the command.
func (a adminCreateCmd) Run(ctx context.Context, c console) error {
	var made adminapi.AdminView
	if err := a.do(ctx, http.MethodPost, "/v1/admins", map[string]any{"name": a.Name, "kind": a.Kind, "days": a.Days}, &made); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "administrator  %s\nkey            %s\nuntil          %s\n", made.ID, made.Key, when(made.Expires))
	return nil
}

type adminRevokeCmd struct {
	remote
	Admin string `arg:"" help:"Id of the administrator."`
}

// Help shows an example.
func (adminRevokeCmd) Help() string { return "Example:\n  zhanggui admin revoke a_example" }

// Run implements the command.
func (a adminRevokeCmd) Run(ctx context.Context) error {
	return a.do(ctx, http.MethodPost, "/v1/admins/"+url.PathEscape(a.Admin)+"/revoke", nil, nil)
}
