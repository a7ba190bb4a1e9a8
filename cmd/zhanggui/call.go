package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/wechat"
)

// callCmd calls a shop API through the running server's gateway: over the admin
// socket with the rights of whoever may open it, or elsewhere with a client key.
type callCmd struct {
	remote
	Shop    string   `arg:"" help:"Id of the shop."`
	Path    string   `arg:"" help:"WeChat's own path, or enough of it: order/get for /channels/ec/order/get."`
	Body    string   `short:"d" name:"body" help:"JSON body, or @FILE, or @- for the standard input; makes the call a POST."`
	File    string   `short:"F" help:"Upload FILE as the form's field media, or NAME=@FILE as another."`
	Query   []string `short:"q" help:"KEY=VALUE for the query; may be repeated." sep:"none"`
	Method  string   `short:"X" help:"Method; as the page of the path says, else POST with a body and GET without." enum:",GET,POST" default:""`
	Output  string   `short:"o" help:"Write the answer to a file." type:"path"`
	Raw     bool     `help:"Print the answer as WeChat sent it. Otherwise JSON is laid out on a terminal."`
	Pretty  bool     `help:"Lay JSON out, also where the answer goes to a program."`
	DryRun  bool     `help:"Print a curl command instead of calling."`
	Explain bool     `help:"Tell what the path is, and call nothing."`
}

// Help shows examples.
func (callCmd) Help() string {
	return `Where the server is elsewhere, set ZHANGGUI_URL, and a client key in ZHANGGUI_KEY. It exits with 1 when WeChat answers an errcode.

Examples:
  zhanggui call lantian basics/info/get
  zhanggui call lantian product/list/get -d '{"page_size":5}'
  zhanggui call lantian order/get -d @order.json
  zhanggui call lantian img/upload -F cup.jpg -q upload_type=0 -q resp_type=1 -q height=800 -q width=800
  zhanggui call lantian order/get --explain
  zhanggui call lantian order/get -d '{"order_id":"37"}' --dry-run`
}

// Run implements the command.
func (cc callCmd) Run(ctx context.Context, c console) error {
	path, e, err := complete(cc.Path)
	if err != nil {
		return err
	}
	if cc.Explain {
		return c.explain(path, e)
	}
	r, err := cc.prepare(c, path, e)
	if err != nil {
		return err
	}
	if cc.DryRun {
		_, err := fmt.Fprintln(c.out, r.curl(cc.remote))
		return err
	}
	if path != cc.Path {
		fmt.Fprintln(c.err, told(path, e))
	}
	resp, err := cc.call(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return cc.show(c, path, resp)
}

// complete finds the path that is meant. One from its first slash is taken as it is, known
// or not: WeChat adds paths every month.
func complete(part string) (string, *catalogue.Endpoint, error) {
	if strings.HasPrefix(part, "/") {
		e, _ := catalogue.Default().Lookup(part)
		return part, e, nil
	}
	found := catalogue.Default().Find(part)
	if len(found) == 1 {
		return found[0].Path, found[0], nil
	}
	if len(found) == 0 {
		return "", nil, proposing(fmt.Sprintf("no known path is like %.80q; write it whole, from the first slash", part),
			catalogue.Default().Nearest("/channels/ec/"+part, 3))
	}
	var lines []string
	for _, e := range found {
		lines = append(lines, e.Path+"  "+e.ZH)
	}
	return "", nil, proposing(fmt.Sprintf("%d paths are like %.80q; write more of the one you mean", len(found), part), lines)
}

// proposing is an error with proposals below it.
func proposing(msg string, lines []string) error {
	if len(lines) > maxListed {
		lines = append(lines[:maxListed], "…")
	}
	return &usageError{strings.Join(append([]string{msg}, lines...), "\n  ")}
}

// maxListed bounds how many paths are proposed.
const maxListed = 20

// told is a path with WeChat's name of it and its page, on one line.
func told(path string, e *catalogue.Endpoint) string {
	if e == nil {
		return path
	}
	return strings.TrimSpace(strings.Join([]string{path, e.ZH, e.URL()}, "  "))
}

// explain tells what is known of a path.
func (c console) explain(path string, e *catalogue.Endpoint) error {
	if e == nil {
		fmt.Fprintf(c.out, "%s is not in the catalogue. It works for clients that may use it.\n", path)
		return nil
	}
	access, group := "reads", e.Group
	if e.Writes {
		access = "writes"
	}
	if e.Named() {
		group = "none: granted by name only, with a daily cap"
	}
	if e.Closed() {
		group = "closed for everybody: it gives credentials or resets what all share"
	}
	var sets []string
	for _, id := range e.Sets {
		s := catalogue.SetOf(id)
		sets = append(sets, fmt.Sprintf("%d %s", id, s.ZH))
	}
	for _, row := range [][2]string{{"path", e.Path}, {"name", e.ZH + "  " + e.EN}, {"method", e.Method}, {"access", access}, {"group", group},
		{"sets", strings.Join(sets, ", ")}, {"page", e.URL()}} {
		fmt.Fprintf(c.out, "%-7s %s\n", row[0], dash(row[1]))
	}
	return nil
}

// call sends what was prepared.
func (cc callCmd) call(ctx context.Context, r prepared) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	return cc.sendAs(ctx, r.method, r.target, r.kind, body)
}

// show writes the answer, and turns what failed into an error.
func (cc callCmd) show(c console, path string, resp *http.Response) error {
	kind := resp.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "application/problem+json") {
		b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return errors.Join(err, problemOf(resp, b))
	}
	var head head
	if err := cc.write(c, io.TeeReader(resp.Body, &head)); err != nil {
		return fmt.Errorf("the answer broke off, and WeChat may have done what was asked; look first, then repeat: %w", err)
	}
	var verdict struct{ Errcode int }
	if json.Unmarshal(head.b, &verdict) != nil || verdict.Errcode == 0 {
		_, _ = fmt.Sscan(resp.Header.Get("X-Zhanggui-Errcode"), &verdict.Errcode) // none: it stays 0
	}
	if verdict.Errcode != 0 {
		x := wechat.Explain(wechat.KindOf(path), verdict.Errcode)
		return fmt.Errorf("WeChat answered errcode %d: %s\n  %s\n  %s\n  %s", verdict.Errcode, x.CauseEN, x.NextEN, x.CauseZH, x.NextZH)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("WeChat answered %s; repeat it in a minute, and run zhanggui doctor if it stays so", resp.Status)
	}
	return nil
}

// head keeps the beginning of what is written to it: an errcode stands in a short
// answer.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), 64<<10-len(h.b))]...)
	return len(p), nil
}

// write puts an answer where it is wanted: laid out on a terminal, byte for byte
// elsewhere.
func (cc callCmd) write(c console, answer io.Reader) error {
	if cc.Output != "" {
		f, err := os.Create(cc.Output)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, answer)
		return errors.Join(err, f.Close())
	}
	if cc.Raw || !cc.Pretty && !terminal(c.out) {
		_, err := io.Copy(c.out, answer)
		if err == nil && !cc.Raw {
			_, err = io.WriteString(c.out, "\n")
		}
		return err
	}
	b, err := io.ReadAll(io.LimitReader(answer, maxAnswer))
	var laid bytes.Buffer
	if json.Indent(&laid, b, "", "  ") != nil {
		laid.Reset()
		laid.Write(b)
	}
	laid.WriteByte('\n')
	_, werr := c.out.Write(laid.Bytes())
	return errors.Join(err, werr)
}

// terminal tells whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// queryOf makes a query of KEY=VALUE pairs.
func queryOf(pairs []string) (string, error) {
	q := url.Values{}
	for _, pair := range pairs {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return "", &usageError{"-q takes KEY=VALUE"}
		}
		q.Add(k, v)
	}
	return q.Encode(), nil
}
