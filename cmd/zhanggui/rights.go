package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// rightsFlags are what a client may do beside its mode.
type rightsFlags struct {
	Group   []string `help:"A group of WeChat's paths that it may call, such as order; may be repeated."`
	Path    []string `help:"A path that it may call by name, as PATH=TIMES with the calls a day for each shop; paths that move money or show personal data need TIMES. May be repeated." placeholder:"PATH=TIMES"`
	Rate    float64  `help:"Calls a second, over all its shops, of each server."`
	Burst   int      `help:"How many of them may come at once."`
	From    []string `help:"An address or network that it may call from; may be repeated." placeholder:"ADDRESS"`
	Export  bool     `help:"Give it the right token:export: it may fetch the kept access token itself. Needs --from."`
	Observe bool     `help:"Let through and record what groups and paths would refuse."`
	Low     bool     `help:"Give way to other clients when a quota nears its end."`
}

// rights gives the flags as they are sent.
func (f rightsFlags) rights() (adminapi.ClientRights, error) {
	r := adminapi.ClientRights{Groups: f.Group, Observe: f.Observe}
	for _, text := range f.Path {
		p, err := pathRight(text)
		if err != nil {
			return r, err
		}
		r.Paths = append(r.Paths, p)
	}
	from, err := networks(f.From)
	if err != nil {
		return r, err
	}
	r.From = from
	if f.Rate != 0 || f.Burst != 0 {
		r.Rate = &adminapi.Rate{PerSecond: f.Rate, Burst: f.Burst}
	}
	if f.Export {
		r.Rights = []string{"token:export"}
	}
	if f.Low {
		r.Priority = "low"
	}
	return r, nil
}

func pathRight(text string) (adminapi.PathRight, error) {
	path, times, ok := strings.Cut(text, "=")
	daily := 0
	if ok {
		n, err := strconv.Atoi(times)
		if err != nil || n < 1 {
			return adminapi.PathRight{}, fmt.Errorf("--path %s: %q is not a number of calls; write it as PATH=20", path, times)
		}
		daily = n
	}
	return adminapi.PathRight{Path: path, Daily: daily}, nil
}

// networks reads addresses and networks.
func networks(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--from %s is no address and no network; write it as 192.0.2.7 or 192.0.2.0/24", text)
		}
		out = append(out, p)
	}
	return out, nil
}

type clientGrantCmd struct {
	remote
	ID   string   `arg:"" help:"Id of the client."`
	Shop []string `help:"One more shop that it may use; may be repeated."`
	Mode string   `help:"read or write." enum:",read,write" default:""`
	rightsFlags
}

// Help shows an example.
func (clientGrantCmd) Help() string {
	return `Adds to what the client may do. "--group all" lets it call every ordinary group,
which a client without groups may anyway.

Example:
  zhanggui client grant erp --group order
  zhanggui client grant erp --path '/channels/ec/order/sensitiveinfo/decode=50'`
}

// Run implements the command.
func (g clientGrantCmd) Run(ctx context.Context, c console) error {
	in := adminapi.GrantBody{Mode: g.Mode, Shops: g.Shop}
	if slices.Contains(g.Group, "all") {
		in.AllGroups, g.Group = true, nil
	}
	var err error
	if in.ClientRights, err = g.rights(); err != nil {
		return err
	}
	return g.change(ctx, c, g.ID, "grant", in)
}

type clientRevokeRightCmd struct {
	remote
	ID      string   `arg:"" help:"Id of the client."`
	Shop    []string `help:"A shop that it may use no more; may be repeated."`
	Write   bool     `help:"Leave it reading only."`
	Group   []string `help:"A group that it may call no more; may be repeated."`
	Path    []string `help:"A path that it may call by name no more; may be repeated."`
	Rate    bool     `help:"Back to the server's rate."`
	From    []string `help:"An address or network that it may call from no more; may be repeated." placeholder:"ADDRESS"`
	Export  bool     `help:"Take the right token:export away. Tokens that left stay good for at most two hours."`
	Observe bool     `help:"Refuse again what groups and paths refuse."`
	Low     bool     `help:"Let it have its share of quotas like others."`
}

// Help shows an example.
func (clientRevokeRightCmd) Help() string {
	return "Takes from what the client may do. To end its key, use client revoke.\n\nExample:\n  zhanggui client revoke-right erp --path /channels/ec/order/sensitiveinfo/decode"
}

// Run implements the command.
func (r clientRevokeRightCmd) Run(ctx context.Context, c console) error {
	rights, err := rightsFlags{Group: r.Group, Path: r.Path, From: r.From, Export: r.Export, Observe: r.Observe, Low: r.Low}.rights()
	if err != nil {
		return err
	}
	in := adminapi.GrantBody{Shops: r.Shop, ClientRights: rights}
	if r.Write {
		in.Mode = "write"
	}
	if r.Rate {
		in.Rate = &adminapi.Rate{}
	}
	return r.change(ctx, c, r.ID, "ungrant", in)
}

// change sends the change and says what changed.
func (r remote) change(ctx context.Context, c console, id, verb string, in adminapi.GrantBody) error {
	var done adminapi.Applied
	if err := r.do(ctx, http.MethodPost, "/v1/clients/"+url.PathEscape(id)+"/"+verb, in, &done); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(done)
	}
	if len(done.Changes) == 0 {
		fmt.Fprintln(c.out, "nothing changes")
	}
	for _, ch := range done.Changes {
		fmt.Fprintf(c.out, "%s %s %s: %s\n", ch.Op, ch.Kind, ch.ID, strings.Join(ch.Fields, ", "))
	}
	return nil
}

type clientShowCmd struct {
	remote
	ID string `arg:"" help:"Id of the client."`
}

// Help shows an example.
func (clientShowCmd) Help() string { return "Example:\n  zhanggui client show erp" }

// Run implements the command.
func (s clientShowCmd) Run(ctx context.Context, c console) error {
	var v adminapi.ClientView
	if err := s.do(ctx, http.MethodGet, "/v1/clients/"+url.PathEscape(s.ID), nil, &v); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(v)
	}
	rows := [][]string{
		{"client", v.ID}, {"name", dash(v.Name)}, {"key", v.KeyHint}, {"live", fmt.Sprint(v.Live)}, {"until", when(v.Expires)},
		{"mode", v.Mode}, {"shops", strings.Join(v.Shops, ", ")}, {"groups", cmp.Or(strings.Join(v.Groups, ", "), "every ordinary one")},
	}
	for _, p := range v.Paths {
		rows = append(rows, []string{"path", p.Path + " " + daily(p.Daily)})
	}
	return c.table("WHAT VALUE", append(rows, []string{"rate", rateText(v.Rate)}, []string{"from", cmp.Or(joinNetworks(v.From), "everywhere")},
		[]string{"rights", dash(strings.Join(v.Rights, ", "))}, []string{"observed", fmt.Sprint(v.Observe)}, []string{"priority", cmp.Or(v.Priority, "normal")}))
}

func daily(n int) string {
	if n == 0 {
		return "(as often as it likes)"
	}
	return fmt.Sprintf("(%d a day for each shop)", n)
}

func rateText(r *adminapi.Rate) string {
	switch {
	case r == nil:
		return "the server's default"
	case r.Burst == 0:
		return fmt.Sprintf("%g a second", r.PerSecond)
	}
	return fmt.Sprintf("%g a second, %d at once", r.PerSecond, r.Burst)
}

func joinNetworks(in []netip.Prefix) string {
	var out []string
	for _, p := range in {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}
