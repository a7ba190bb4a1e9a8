package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// peopleCmd is about persons: who owns a tenant, who looked in, what WeChat calls
// them.
type peopleCmd struct {
	Transfer     peopleTransferCmd  `cmd:"" help:"Make somebody an owner, after 24 hours in which any owner can stop it."`
	Transfers    peopleTransfersCmd `cmd:"" help:"List the transfers of ownership in a tenant."`
	StopTransfer peopleStopCmd      `cmd:"" help:"Stop a transfer that waits."`
	Visits       peopleVisitsCmd    `cmd:"" help:"List who of the provider entered a tenant."`
	Remove       peopleRemoveCmd    `cmd:"" help:"End the role of a person at once."`
	Remap        peopleRemapCmd     `cmd:"" help:"Take in the openids of the account that an app moved to."`
}

type peopleTransferCmd struct {
	remote
	Tenant string `arg:"" help:"Id of the tenant."`
	Person string `arg:"" help:"Id of the person who becomes the owner; they logged in before."`
	From   string `help:"Id of the owner who becomes an operator."`
	Shop   string `help:"Only this shop of the tenant."`
}

// Help shows an example.
func (peopleTransferCmd) Help() string {
	return "For an owner who cannot log in any more. All owners are told and can stop it.\n\nExample:\n  zhanggui people transfer lantian p_example --from p_example2"
}

// Run implements the command.
func (p peopleTransferCmd) Run(ctx context.Context, c console) error {
	var made adminapi.TransferView
	in := map[string]string{"to": p.Person, "from": p.From, "shop": p.Shop}
	if err := p.do(ctx, http.MethodPost, "/v1/tenants/"+url.PathEscape(p.Tenant)+"/transfers", in, &made); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "transfer  %s\nat        %s\nstop      zhanggui people stop-transfer %s\n", made.ID, when(made.Due), made.ID)
	return nil
}

type peopleTransfersCmd struct {
	remote
	Tenant string `arg:"" help:"Id of the tenant."`
}

// Help shows an example.
func (peopleTransfersCmd) Help() string { return "Example:\n  zhanggui people transfers lantian" }

// Run implements the command.
func (p peopleTransfersCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.TransferView]
	if err := all.read(ctx, p.remote, "/v1/tenants/"+url.PathEscape(p.Tenant)+"/transfers"); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, dash(v.Shop), dash(v.From), v.To, v.By, v.State, when(v.Due)})
	}
	return c.table("TRANSFER SHOP FROM TO BY STATE DUE", rows)
}

type peopleStopCmd struct {
	remote
	Transfer string `arg:"" help:"Id of the transfer, as listed."`
}

// Help shows an example.
func (peopleStopCmd) Help() string { return "Example:\n  zhanggui people stop-transfer t_example" }

// Run implements the command.
func (p peopleStopCmd) Run(ctx context.Context) error {
	return p.do(ctx, http.MethodPost, "/v1/transfers/"+url.PathEscape(p.Transfer)+"/stop", nil, nil)
}

type peopleVisitsCmd struct {
	remote
	Tenant string `arg:"" help:"Id of the tenant."`
}

// Help shows an example.
func (peopleVisitsCmd) Help() string { return "Example:\n  zhanggui people visits lantian" }

// Run implements the command.
func (p peopleVisitsCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.VisitView]
	if err := all.read(ctx, p.remote, "/v1/tenants/"+url.PathEscape(p.Tenant)+"/visits"); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.Admin, when(v.At), when(v.Ends), v.Reason})
	}
	return c.table("ADMIN FROM UNTIL REASON", rows)
}

type peopleRemapCmd struct {
	remote
	File  string `short:"f" required:"" help:"CSV with the columns app, old_openid, new_openid; - is the standard input." placeholder:"FILE"`
	Apply bool   `help:"Do it. Without this, it only tells what would be done."`
}

// Help shows an example.
func (peopleRemapCmd) Help() string {
	return "When an app moves to another account, WeChat calls its people by other openids. The file comes from WeChat's interface for that. Nobody is ever made one with somebody else: an openid that is known already stops the batch.\n\nExample:\n  zhanggui people remap -f moved.csv\n  zhanggui people remap -f moved.csv --apply"
}

// Run implements the command. Every batch is told before the first is done.
func (p peopleRemapCmd) Run(ctx context.Context, c console) error {
	batches, err := p.read()
	if err != nil {
		return err
	}
	for _, dry := range []bool{true, false} {
		if !dry && !p.Apply {
			break
		}
		done, err := p.send(ctx, batches, dry)
		if err != nil {
			return err
		}
		if dry && p.Apply && done.clean() {
			continue
		}
		if err := done.print(c, p.JSON); err != nil {
			return err
		}
		if !done.clean() {
			return errors.New("some new openids are somebody else's, or stand twice; take those lines out, or find out who they are")
		}
	}
	return nil
}

// remapBatch is what goes into one transaction.
type remapBatch struct {
	app   string
	moves []adminapi.RemapMove
}

// remapped adds up what batches did.
type remapped struct {
	adminapi.RemapView
	Batches int `json:"batches"`
}

func (r remapped) clean() bool { return len(r.Collisions) == 0 }

func (r remapped) print(c console, asJSON bool) error {
	if asJSON {
		return c.printJSON(r)
	}
	word := "would move"
	if r.Applied {
		word = "moved"
	}
	fmt.Fprintf(c.out, "%s %d openids in %d batches; %d had moved before, %d are of nobody known\n", word, r.Moved, r.Batches, r.Already, len(r.Unknown))
	for _, x := range r.Collisions {
		fmt.Fprintf(c.out, "collision  %s\n", x)
	}
	return nil
}

// send asks for every batch, one after another.
func (p peopleRemapCmd) send(ctx context.Context, batches []remapBatch, dry bool) (remapped, error) {
	sum := remapped{Batches: len(batches)}
	sum.Unknown, sum.Collisions = []string{}, []string{}
	for _, b := range batches {
		path := "/v1/apps/" + url.PathEscape(b.app) + "/openids"
		if dry {
			path += "?dry_run=true"
		}
		var out adminapi.RemapView
		if err := p.do(ctx, http.MethodPost, path, map[string]any{"moves": b.moves}, &out); err != nil {
			return sum, err
		}
		sum.Moved, sum.Already, sum.Applied = sum.Moved+out.Moved, sum.Already+out.Already, out.Applied
		sum.Unknown, sum.Collisions = append(sum.Unknown, out.Unknown...), append(sum.Collisions, out.Collisions...)
		if !dry && len(out.Collisions) > 0 {
			break
		}
	}
	return sum, nil
}

// remapAtOnce is how many openids go into one transaction.
const remapAtOnce = 500

// read takes the file apart, into batches of one app each.
func (p peopleRemapCmd) read() ([]remapBatch, error) {
	in := io.Reader(os.Stdin)
	if p.File != "-" {
		f, err := os.Open(p.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return readRemap(in)
}

func readRemap(in io.Reader) ([]remapBatch, error) {
	lines := csv.NewReader(in)
	lines.FieldsPerRecord, lines.TrimLeadingSpace, lines.Comment = 3, true, '#'
	var batches []remapBatch
	at := map[string]int{} // the batch that is being filled, by app
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w; write app,old_openid,new_openid in each line", err)
		}
		for i := range line {
			line[i] = strings.TrimSpace(line[i])
		}
		if line[0] == "app" && line[1] == "old_openid" {
			continue
		}
		if line[0] == "" || line[1] == "" || line[2] == "" {
			n, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("line %d: a field is empty; write app,old_openid,new_openid in each line", n)
		}
		i, ok := at[line[0]]
		if !ok || len(batches[i].moves) == remapAtOnce {
			i = len(batches)
			at[line[0]], batches = i, append(batches, remapBatch{app: line[0]})
		}
		batches[i].moves = append(batches[i].moves, adminapi.RemapMove{Old: line[1], New: line[2]})
	}
	if len(batches) == 0 {
		return nil, errors.New("the file names no openid; write app,old_openid,new_openid in each line")
	}
	return batches, nil
}
