package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// channelCmd is about the places that messages go to.
type channelCmd struct {
	List   channelListCmd   `cmd:"" default:"withargs" help:"List the places that messages go to."`
	Add    channelAddCmd    `cmd:"" help:"Make a place that messages go to."`
	Remove channelRemoveCmd `cmd:"" help:"Remove a place that messages go to, with what it is owed."`
	Test   channelTestCmd   `cmd:"" help:"Send a test message to one place."`
}

type channelListCmd struct{ remote }

// Help shows an example.
func (channelListCmd) Help() string {
	return "Addresses and secrets are not shown: a robot's address holds its key.\n\nExample:\n  zhanggui channel list"
}

// Run implements the command.
func (l channelListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.ChannelView]
	if err := all.read(ctx, l.remote, "/v1/channels"); err != nil {
		return err
	}
	if l.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		from := "made"
		if v.Configured {
			from = "configured"
		}
		rows = append(rows, []string{v.Name, v.Kind, dash(v.Tenant), dash(v.Severity), dash(strings.Join(v.Kinds, ",")), v.Language, from})
	}
	return c.table("CHANNEL KIND TENANT SEVERITY KINDS LANGUAGE FROM", rows)
}

type channelAddCmd struct {
	remote
	Name         string   `arg:"" help:"Its name: lower-case letters, digits and inner hyphens."`
	Kind         string   `arg:"" help:"wecom, dingtalk, feishu, slack, mail, webhook or alertmanager."`
	URL          string   `name:"address" help:"Where its address is: file:/path or env:NAME. For all but mail." placeholder:"REF"`
	Secret       string   `help:"Where its secret is: file:/path or env:NAME." placeholder:"REF"`
	Tenant       string   `help:"Tenant whose shops it hears of; everything if it is left out."`
	Severity     string   `help:"The least it hears of: info, warning or critical."`
	NoticeKind   []string `name:"hears" help:"Kind of notice that it hears of; may be repeated. All if it is left out."`
	Language     string   `help:"zh, en or both." default:"zh"`
	AllowPrivate bool     `help:"Let the address be in a private network."`
	Host         string   `help:"Mail server."`
	Port         int      `help:"Port of the mail server."`
	TLS          string   `help:"implicit, starttls or none, for mail."`
	User         string   `help:"Who logs in to the mail server."`
	From         string   `help:"Address that mail is from."`
	To           []string `help:"Address that mail goes to; may be repeated."`
}

// Help shows an example.
func (channelAddCmd) Help() string {
	return `A robot's address holds its key: it is read from a file or a variable, and kept sealed.
Where to find it in each chat tool is in docs/operate/channels.md.

Example:
  ROBOT='https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…' zhanggui channel add ops wecom --address env:ROBOT
  zhanggui channel add night dingtalk --address file:url.txt --secret file:sec.txt --tenant lantian --severity critical
  zhanggui channel add post mail --host smtp.example.com --user alerts --secret env:MAIL_PASSWORD --from alerts@example.com --to ops@example.com`
}

// Run implements the command.
func (a channelAddCmd) Run(ctx context.Context, c console) error {
	address, err := referred("--address", a.URL)
	if err != nil {
		return err
	}
	key, err := referred("--secret", a.Secret)
	if err != nil {
		return err
	}
	in := adminapi.ManifestChannel{URL: address, Secret: key, ChannelBody: adminapi.ChannelBody{
		Name: a.Name, Kind: a.Kind, Tenant: a.Tenant, Severity: a.Severity, Kinds: a.NoticeKind, Language: a.Language, AllowPrivate: a.AllowPrivate,
		Host: a.Host, Port: a.Port, TLS: a.TLS, User: a.User, From: a.From, To: a.To,
	}}
	var made adminapi.ChannelView
	if err := a.do(ctx, http.MethodPost, "/v1/channels", in, &made); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "channel %s is made; try it with: zhanggui channel test %s\n", made.Name, made.Name)
	return nil
}

var errReference = errors.New("is not a reference; write file:/path or env:NAME, so that it stays out of the shell's history")

// referred reads what a file or a variable holds.
func referred(flag, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	if name, ok := strings.CutPrefix(ref, "env:"); ok {
		text := strings.TrimSpace(os.Getenv(name))
		if text == "" {
			return "", fmt.Errorf("%s: the variable %s is not set; set it where this command runs", flag, name)
		}
		return text, nil
	}
	path, ok := strings.CutPrefix(ref, "file:")
	if !ok {
		return "", fmt.Errorf("%s %w", flag, errReference)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w; name a file that this command may read", flag, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// oneChannel names a channel.
type oneChannel struct {
	remote
	Name string `arg:"" help:"Name of the channel."`
}

func (o oneChannel) path(rest string) string { return "/v1/channels/" + url.PathEscape(o.Name) + rest }

type channelRemoveCmd struct{ oneChannel }

// Help shows an example.
func (channelRemoveCmd) Help() string {
	return "One of the configuration is removed there.\n\nExample:\n  zhanggui channel remove ops"
}

// Run implements the command.
func (r channelRemoveCmd) Run(ctx context.Context) error {
	return r.do(ctx, http.MethodDelete, r.path(""), nil, nil)
}

type channelTestCmd struct{ oneChannel }

// Help shows an example.
func (channelTestCmd) Help() string {
	return "Nothing is written down but that you asked. Exits with 1 if the channel did not take it.\n\nExample:\n  zhanggui channel test ops"
}

// Run implements the command.
func (t channelTestCmd) Run(ctx context.Context, c console) error {
	var v adminapi.TriedView
	if err := t.do(ctx, http.MethodPost, t.path("/test"), nil, &v); err != nil {
		return err
	}
	result, failed := "taken", error(nil)
	if !v.Taken {
		result, failed = v.Reason, errNotTaken
	}
	if t.JSON {
		return errors.Join(c.printJSON(v), failed)
	}
	row := []string{v.Channel, result, (time.Duration(v.Millis) * time.Millisecond).String()}
	return errors.Join(c.table("CHANNEL RESULT TOOK", [][]string{row}), failed)
}
