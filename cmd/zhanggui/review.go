package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/review"
)

// reviewCmd is about who may do what.
type reviewCmd struct {
	Show   reviewShowCmd   `cmd:"" default:"withargs" help:"Report who may do what, why it stands out, and what takes it away."`
	Sign   reviewSignCmd   `cmd:"" help:"Sign the report as it is now, or the one that you read."`
	Signed reviewSignedCmd `cmd:"" help:"List the reports that were signed."`
	Check  reviewCheckCmd  `cmd:"" help:"Check that a file is the report that its digest names, without a server."`
}

// reviewScope says what a report is about.
type reviewScope struct {
	Tenant string `help:"Only what is of this tenant."`
	Shop   string `help:"Only what is of this shop."`
}

// report asks for the report.
func (s reviewScope) report(ctx context.Context, r remote) (review.Report, error) {
	var report review.Report
	err := r.do(ctx, http.MethodGet, "/v1/review?"+url.Values{"tenant": {s.Tenant}, "shop": {s.Shop}}.Encode(), nil, &report)
	return report, err
}

type reviewShowCmd struct {
	remote
	reviewScope
	Format string `help:"text, json or csv." enum:"text,json,csv" default:"text"`
	All    bool   `help:"Print all lines as text, not only those that stand out."`
}

// Help shows examples.
func (reviewShowCmd) Help() string {
	return `JSON is what zhanggui review check reads. CSV is for spreadsheets: UTF-8 with a byte order mark, and nothing in it is computed. The console has the same as a page that prints.

Examples:
  zhanggui review
  zhanggui review --tenant lantian --all
  zhanggui review --format csv > review.csv`
}

// Run implements the command.
func (s reviewShowCmd) Run(ctx context.Context, c console) error {
	report, err := s.report(ctx, s.remote)
	switch {
	case err != nil:
		return err
	case s.JSON || s.Format == "json":
		return report.JSON(c.out)
	case s.Format == "csv":
		return report.CSV(c.out)
	}
	return report.Text(c.out, s.All)
}

type reviewSignCmd struct {
	remote
	reviewScope
	Note   string `help:"A few words beside the signature."`
	Digest string `help:"Digest of the report that you read; left out: of the one that there is now."`
}

// Help shows an example.
func (reviewSignCmd) Help() string {
	return "Writes who signed which report into the audit log. A report that changed since it was read is refused.\n\nExample:\n  zhanggui review sign --note 'two old keys ended'"
}

// Run implements the command.
func (s reviewSignCmd) Run(ctx context.Context, c console) error {
	if s.Digest == "" {
		report, err := s.report(ctx, s.remote)
		if err != nil {
			return err
		}
		s.Digest = report.Digest
	}
	var signed adminapi.ReviewView
	in := map[string]string{"digest": s.Digest, "note": s.Note, "tenant": s.Tenant, "shop": s.Shop}
	if err := s.do(ctx, http.MethodPost, "/v1/reviews", in, &signed); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(signed)
	}
	fmt.Fprintf(c.out, "signed  %s\ndigest  %s\nlines   %d, %d stand out\n", signed.ID, signed.Digest, signed.Lines, signed.Marked)
	return nil
}

type reviewSignedCmd struct{ remote }

// Help shows an example.
func (reviewSignedCmd) Help() string { return "Example:\n  zhanggui review signed" }

// Run implements the command.
func (s reviewSignedCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.ReviewView]
	if err := all.read(ctx, s.remote, "/v1/reviews"); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		about := "house"
		if v.Tenant != "" {
			about = strings.TrimSuffix(v.Tenant+"/"+v.Shop, "/")
		}
		rows = append(rows, []string{v.ID, when(&v.At), v.By, about, fmt.Sprint(v.Lines), fmt.Sprint(v.Marked), v.Digest[:16]})
	}
	return c.table("REVIEW AT BY ABOUT LINES MARKED DIGEST", rows)
}

type reviewCheckCmd struct {
	File string `arg:"" type:"existingfile" help:"A report as JSON."`
}

// Help shows an example.
func (reviewCheckCmd) Help() string {
	return "Prints the digest to compare with the one that was signed.\n\nExample:\n  zhanggui review check review.json"
}

// Run implements the command.
func (v reviewCheckCmd) Run(c console) error {
	b, err := os.ReadFile(v.File)
	if err != nil {
		return err
	}
	report, err := review.ReadFile(b)
	if err != nil {
		return err
	}
	lines, marked := report.Lines()
	fmt.Fprintf(c.out, "%s  %s  %d lines, %d stand out\n", report.Digest, report.Scope, lines, marked)
	return nil
}

// grantRenewCmd asks for an authorisation anew.
type grantRenewCmd struct {
	remote
	Grant string `arg:"" optional:"" help:"Id of the grant, or of the shop that it serves; left out: list who is asked."`
	By    string `help:"Until when, as 2026-12-31."`
}

// Help shows examples.
func (grantRenewCmd) Help() string {
	return `The grant serves meanwhile, and the owner's page shows that somebody asks. It is over when WeChat tells of a newer authorisation. For a shop WeChat has no link: its owner withdraws in the shop's back office and authorises again through the service market.

Examples:
  zhanggui grant renew lantian --by 2026-12-31
  zhanggui grant renew`
}

// Run implements the command.
func (g grantRenewCmd) Run(ctx context.Context, c console) error {
	if g.Grant == "" {
		return g.list(ctx, c)
	}
	in := map[string]any{}
	if g.By != "" {
		by, err := time.ParseInLocation(time.DateOnly, g.By, time.Local)
		if err != nil {
			return &usageError{"--by is no day; write it as 2026-12-31"}
		}
		in["by"] = by.AddDate(0, 0, 1) // to the end of that day
	}
	id, err := g.find(ctx)
	if err != nil {
		return err
	}
	var asked adminapi.RenewalView
	if err := g.do(ctx, http.MethodPost, "/v1/grants/"+url.PathEscape(id)+"/renew", in, &asked); err != nil {
		return err
	}
	if g.JSON {
		return c.printJSON(asked)
	}
	fmt.Fprintf(c.out, "grant  %s\nuntil  %s\nway    %s\nlink   %s\n", asked.Grant, when(asked.Due), asked.Way, asked.Link)
	return nil
}

// find gives the grant that is meant: by its id, or the shop's that its owner gave.
func (g grantRenewCmd) find(ctx context.Context) (string, error) {
	if strings.HasPrefix(g.Grant, "g_") {
		return g.Grant, nil
	}
	var of items[adminapi.GrantView]
	if err := of.read(ctx, g.remote, "/v1/grants?"+url.Values{"shop": {g.Grant}}.Encode()); err != nil {
		return "", err
	}
	found := ""
	for _, v := range of.Items {
		if found == "" || v.Kind == "isv" {
			found = v.ID
		}
	}
	if found == "" {
		return "", fmt.Errorf("no grant is kept for shop %q; see `zhanggui shop list`", g.Grant)
	}
	return found, nil
}

func (g grantRenewCmd) list(ctx context.Context, c console) error {
	var all items[adminapi.RenewalView]
	if err := all.read(ctx, g.remote, "/v1/renewals"); err != nil {
		return err
	}
	if g.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.Grant, v.Why, v.By, when(&v.Asked), when(v.Due)})
	}
	return c.table("GRANT WHY BY ASKED UNTIL", rows)
}

// peopleRemoveCmd ends a role.
type peopleRemoveCmd struct {
	remote
	Tenant string `arg:"" help:"Id of the tenant."`
	Person string `arg:"" help:"Id of the person."`
	Shop   string `help:"The role in this shop; left out: the one in the whole tenant."`
}

// Help shows an example.
func (peopleRemoveCmd) Help() string {
	return "Ends sessions of the person too, and keys and invitations that they made. The last owner stays.\n\nExample:\n  zhanggui people remove lantian p_example"
}

// Run implements the command.
func (p peopleRemoveCmd) Run(ctx context.Context) error {
	path := "/v1/tenants/" + url.PathEscape(p.Tenant) + "/members/" + url.PathEscape(p.Person)
	if p.Shop != "" {
		path += "?" + url.Values{"shop": {p.Shop}}.Encode()
	}
	return p.do(ctx, http.MethodDelete, path, nil, nil)
}
