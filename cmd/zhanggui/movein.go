package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// importCmd takes a platform's accounts over from another system.
type importCmd struct {
	remote
	App        string `required:"" help:"Id of the platform, as declared." placeholder:"PLATFORM"`
	File       string `short:"f" help:"What the other system kept." type:"existingfile" xor:"from"`
	FromList   bool   `help:"Take them from WeChat's own list: only the platform's secret and ticket are needed." xor:"from"`
	Format     string `help:"auto, csv, json or redis-dump." enum:"auto,csv,json,redis-dump" default:"auto"`
	Passphrase string `help:"File with the passphrase of a sealed file." type:"existingfile" placeholder:"FILE"`
	Hold       bool   `help:"Keep them without using them: the other system still renews them."`
	DryRun     bool   `help:"Say what would happen, change nothing."`
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `Nobody has to authorise again: what is taken over are the refresh tokens of a third-party platform's accounts. A file may be CSV with the columns appid and refresh_token (and shop, tenant, name), JSON with the same names, keys of a Redis as common SDKs name them, or what zhanggui export made.

The same file may be given again: what is there stays, and a token that was renewed here is never replaced. It exits with 1 if an account was refused.

Examples:
  zhanggui import --app platform -f accounts.csv --dry-run
  zhanggui import --app platform -f redis.json --hold
  zhanggui import --app platform --from-list`
}

// Run implements the command.
func (i importCmd) Run(ctx context.Context, c console) error {
	if (i.File == "") == !i.FromList {
		return &usageError{"name a file with -f, or say --from-list"}
	}
	take := i.takeFile
	if i.FromList {
		take = i.takeList
	}
	r := movein.Report{DryRun: i.DryRun}
	if err := take(ctx, c, &r); err != nil {
		return err
	}
	if err := i.tell(c, &r); err != nil {
		return err
	}
	if n := r.Counts[movein.Refused]; n > 0 {
		return fmt.Errorf("%d accounts were refused; the report says why", n)
	}
	return nil
}

func (i importCmd) takeFile(ctx context.Context, c console, r *movein.Report) error {
	component, err := i.component(ctx)
	if err != nil {
		return err
	}
	file, err := i.read(component)
	if err != nil {
		return err
	}
	r.Skipped = file.Skipped
	r.Add(file.Refused...)
	done := 0
	for part := range slices.Chunk(file.Rows, movein.MaxBatch) {
		body := adminapi.ImportBody{Hold: i.Hold, DryRun: i.DryRun}
		for _, row := range part {
			body.Accounts = append(body.Accounts, adminapi.AccountBody{
				AppID: row.AppID, RefreshToken: row.Refresh.RevealString(), Shop: row.Shop, Tenant: row.Tenant, Name: row.Name})
		}
		var got items[movein.Result]
		if err := i.do(ctx, http.MethodPost, "/v1/apps/"+url.PathEscape(i.App)+"/import", body, &got); err != nil {
			return fmt.Errorf("%d of %d accounts are done; give the same file again to go on: %w", done, len(file.Rows), err)
		}
		r.Add(got.Items...)
		done += len(part)
		fmt.Fprintf(c.err, "%d of %d accounts\n", done, len(file.Rows))
	}
	return nil
}

// component is WeChat's id of the platform: keys of a Redis name it.
func (i importCmd) component(ctx context.Context) (string, error) {
	var apps items[struct {
		ID    string `json:"id"`
		AppID string `json:"appid"`
	}]
	if err := apps.read(ctx, i.remote, "/v1/apps"); err != nil {
		return "", err
	}
	for _, a := range apps.Items {
		if a.ID == i.App {
			return a.AppID, nil
		}
	}
	return "", fmt.Errorf("there is no app %q; declare the platform first, with zhanggui apply", i.App)
}

func (i importCmd) read(component string) (movein.File, error) {
	f, err := os.Open(i.File)
	if err != nil {
		return movein.File{}, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var r io.Reader = in
	if head, _ := in.Peek(64); movein.IsSealed(head) {
		if i.Passphrase == "" {
			return movein.File{}, &usageError{"the file is sealed; name the file with its passphrase with --passphrase"}
		}
		pass, err := readPassphrase(i.Passphrase)
		if err != nil {
			return movein.File{}, err
		}
		if r, err = movein.Open(in, pass); err != nil {
			return movein.File{}, err
		}
	}
	return movein.Read(r, movein.Format(i.Format), component)
}

func (i importCmd) takeList(ctx context.Context, c console, r *movein.Report) error {
	for offset, total := 0, 1; offset < total; {
		var got adminapi.ListedView
		body := adminapi.ListBody{Offset: offset, Hold: i.Hold, DryRun: i.DryRun}
		if err := i.do(ctx, http.MethodPost, "/v1/apps/"+url.PathEscape(i.App)+"/import-list", body, &got); err != nil {
			return fmt.Errorf("%d of %d accounts are done; say it again to go on: %w", offset, total, err)
		}
		r.Add(got.Items...)
		r.Skipped += got.Skipped
		offset, total = got.Next, got.Total
		fmt.Fprintf(c.err, "%d of %d accounts\n", offset, total)
	}
	return nil
}

func (i importCmd) tell(c console, r *movein.Report) error {
	if i.JSON {
		return c.printJSON(r)
	}
	rows := [][]string{}
	for _, s := range r.Shops {
		rows = append(rows, []string{s.AppID, dash(s.Shop), string(s.Outcome), dash(s.Cause)})
	}
	if err := c.table("ACCOUNT SHOP OUTCOME CAUSE", rows); err != nil {
		return err
	}
	would := map[bool]string{true: "would be ", false: ""}[r.DryRun]
	_, err := fmt.Fprintf(c.out, "%simported %d, replaced %d, kept %d, refused %d; %d other entries\n", would,
		r.Counts[movein.Imported], r.Counts[movein.Replaced], r.Counts[movein.Kept], r.Counts[movein.Refused], r.Skipped)
	return err
}

// exportCmd gives a platform's refresh tokens back.
type exportCmd struct {
	remote
	App        string `required:"" help:"Id of the platform." placeholder:"PLATFORM"`
	Out        string `short:"o" help:"The sealed file to make; it must not be there." type:"path" xor:"to"`
	Passphrase string `help:"File with the passphrase to seal with, at least 12 characters." type:"existingfile" placeholder:"FILE"`
	Reveal     bool   `help:"Write them to standard output in the clear." xor:"to"`
}

// Help implements kong.HelpProvider.
func (exportCmd) Help() string {
	return `What goes out is what zhanggui import reads. Hold the grants first (grant mode --app PLATFORM hold), or the first renewal here may end what went out. Each part is in the audit log before it is given. It works on the server's machine only.

Examples:
  openssl rand -base64 24 > pass && zhanggui export --app platform -o accounts.sealed --passphrase pass
  zhanggui export --app platform --reveal | your-own-import`
}

// Run implements the command.
func (e exportCmd) Run(ctx context.Context, c console) error {
	switch {
	case e.URL != "":
		return &usageError{"export works over the admin socket only; run it on the server's machine"}
	case e.Reveal:
		return e.write(ctx, c, c.out)
	case e.Out == "" || e.Passphrase == "":
		return &usageError{"name the file to make with -o and the file with its passphrase with --passphrase"}
	}
	pass, err := readPassphrase(e.Passphrase)
	if err != nil {
		return err
	}
	return e.sealed(ctx, c, pass)
}

// sealed makes the file under its name only when it is whole and on disk.
func (e exportCmd) sealed(ctx context.Context, c console, pass secret.Value) error {
	if _, err := os.Lstat(e.Out); err == nil {
		return fmt.Errorf("%s is there already; name another file", e.Out)
	}
	tmp, err := os.CreateTemp(filepath.Dir(e.Out), filepath.Base(e.Out)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w, err := movein.Seal(tmp, pass)
	if err != nil {
		return err
	}
	if err := e.write(ctx, c, w); err != nil {
		return err
	}
	if err := errors.Join(w.Close(), tmp.Sync()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), e.Out) // refuses to replace a file
}

// write writes one account a line.
func (e exportCmd) write(ctx context.Context, c console, w io.Writer) error {
	n, lost := 0, []string(nil)
	for after := ""; ; {
		var page adminapi.ExportView
		if err := e.do(ctx, http.MethodPost, "/v1/apps/"+url.PathEscape(e.App)+"/export", map[string]string{"after": after}, &page); err != nil {
			return err
		}
		for _, a := range page.Items {
			line, err := json.Marshal(a)
			if err != nil {
				return err
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		n += len(page.Items)
		lost = append(lost, page.Lost...)
		if after = page.Next; after == "" {
			break
		}
	}
	fmt.Fprintf(c.err, "%d accounts went out\n", n)
	if len(lost) > 0 {
		return fmt.Errorf("the kept tokens of %d accounts do not open, the first is %s; run zhanggui reconcile and export again", len(lost), lost[0])
	}
	return nil
}

func readPassphrase(path string) (secret.Value, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.Value{}, err
	}
	defer clear(text)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return secret.New(bytes.TrimSpace(line)), nil
}

// grantModeCmd says who renews grants.
type grantModeCmd struct {
	remote
	Args []string `arg:"" name:"mode" help:"Id of the grant, as listed, unless --app is given; then hold, follow or lead."`
	App  string   `help:"All accounts of this platform instead." placeholder:"PLATFORM"`
}

// Help implements kong.HelpProvider.
func (grantModeCmd) Help() string {
	return `hold keeps a grant of a third-party platform's account without using it: another system renews it. follow serves calls with the tokens that the other system keeps, where the settings name it (moving[].follow); this server renews nothing. lead has it renewed and served here; a grant that was followed leads with the refresh token that the other system keeps at that moment. A grant that is being renewed right now is not cut off: say it again a minute later.

Examples:
  zhanggui grant mode --app platform follow
  zhanggui grant mode g_example lead
  zhanggui grant mode --app platform hold`
}

// Run implements the command.
func (g grantModeCmd) Run(ctx context.Context, c console) error {
	mode := g.Args[len(g.Args)-1]
	if !slices.Contains([]string{"hold", "follow", "lead"}, mode) || len(g.Args) != 1 && g.App != "" || len(g.Args) != 2 && g.App == "" {
		return &usageError{"say: grant mode GRANT hold|follow|lead, or grant mode --app PLATFORM hold|follow|lead"}
	}
	if g.App == "" {
		var after adminapi.GrantView
		if err := g.do(ctx, http.MethodPost, "/v1/grants/"+url.PathEscape(g.Args[0])+"/mode", map[string]string{"mode": mode}, &after); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "grant %s is %s\n", after.ID, stateWords(after))
		return nil
	}
	return g.all(ctx, c, mode)
}

func (g grantModeCmd) all(ctx context.Context, c console, mode string) error {
	var sum movein.Handed
	for after := ""; ; {
		var part movein.Handed
		body := map[string]string{"mode": mode, "after": after}
		if err := g.do(ctx, http.MethodPost, "/v1/apps/"+url.PathEscape(g.App)+"/mode", body, &part); err != nil {
			return err
		}
		sum.Moved += part.Moved
		sum.Busy, sum.Not = append(sum.Busy, part.Busy...), append(sum.Not, part.Not...)
		sum.Unread = append(sum.Unread, part.Unread...)
		if after = part.Next; after == "" {
			break
		}
	}
	if g.JSON {
		return c.printJSON(sum)
	}
	fmt.Fprintln(c.out, strconv.Itoa(sum.Moved)+" grants: "+mode)
	if n := len(sum.Unread); n > 0 {
		fmt.Fprintf(c.err, "the other system did not tell the newest refresh token of %d grants; they go on with the one that was imported\n", n)
	}
	if len(sum.Busy) > 0 {
		return fmt.Errorf("%d grants are being renewed right now and did not change hands; say it again in a minute", len(sum.Busy))
	}
	return nil
}
