package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// rotateCmd leads through the change of a secret.
type rotateCmd struct {
	Status          rotateStatusCmd    `cmd:"" default:"withargs" help:"List the rotations, or show one."`
	AppSecret       rotateSecretCmd    `cmd:"" help:"Replace the AppSecret of an app, or of a shop with its own key."`
	ComponentSecret rotateComponentCmd `cmd:"" help:"Replace the secret of a third-party platform."`
	PushToken       rotatePushTokenCmd `cmd:"" help:"Replace the token that pushes are signed with."`
	AESKey          rotateAESKeyCmd    `cmd:"" name:"aes-key" help:"Replace the EncodingAESKey that pushes are encrypted with."`
	Client          rotateClientCmd    `cmd:"" help:"Give a client a second key."`
	Take            rotateTakeCmd      `cmd:"" help:"Enter the new AppSecret of a rotation that waits for it."`
	Renew           rotateRenewCmd     `cmd:"" help:"Ask once more for a token with the old secret."`
	Finish          rotateFinishCmd    `cmd:"" help:"Delete the old one."`
	Back            rotateBackCmd      `cmd:"" help:"Put the old one into use again."`
}

// secretSource says where a secret is read from: never from an argument.
type secretSource struct {
	New string `help:"Where the new one is read from: file:PATH, env:NAME, or - for standard input. Left out, a terminal is asked." placeholder:"SOURCE"`
}

// read gives the secret; empty when there is neither a source nor a terminal.
func (s secretSource) read(c console, what string) (string, error) {
	scheme, name, _ := strings.Cut(s.New, ":")
	switch {
	case s.New == "-":
		return secretIn(c, "-")
	case scheme == "file" && name != "":
		return secretIn(c, name)
	case scheme == "env" && name != "":
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("the variable %s is empty; put the secret into it", name)
	case s.New != "":
		return "", &usageError{"a secret is not written as an argument; give --new file:PATH, env:NAME or -"}
	}
	return ask(c, what)
}

// ask asks the terminal, which shows nothing of what is typed.
func ask(c console, what string) (string, error) {
	in, ok := c.in.(*os.File)
	if !ok {
		return "", nil
	}
	if info, err := in.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 || in.Name() == os.DevNull {
		return "", nil
	}
	if stty(in, "-echo") != nil {
		return "", nil // no terminal of a kind that can hide what is typed
	}
	defer func() { _ = stty(in, "echo") }()
	fmt.Fprintf(c.err, "%s: ", what)
	line, err := bufio.NewReader(in).ReadString('\n')
	fmt.Fprintln(c.err)
	if line = strings.TrimSpace(line); line == "" {
		return "", cmp.Or(err, errors.New("nothing was entered; run the command again"))
	}
	return line, nil
}

func stty(in *os.File, mode string) error {
	cmd := exec.Command("stty", mode)
	cmd.Stdin = in
	return cmd.Run()
}

// print shows a rotation.
func (c console) printRotation(json bool, v adminapi.RotationView) error {
	if json {
		return c.printJSON(v)
	}
	fmt.Fprintf(c.out, "rotation  %s\nof        %s %s\nstate     %s\n", v.ID, v.Kind, v.Subject, rotationWords(v))
	for _, line := range []struct {
		name string
		at   *time.Time
	}{{"due", v.Due}, {"token", v.TokenEnds}, {"new used", v.NewSeen}, {"old used", v.OldSeen}} {
		if line.at != nil {
			fmt.Fprintf(c.out, "%-8s  %s\n", line.name, when(line.at))
		}
	}
	if v.Trouble != "" {
		fmt.Fprintf(c.out, "trouble   %s\n", v.Trouble)
	}
	if v.Made != "" {
		fmt.Fprintf(c.out, "made      %s\n", v.Made)
	}
	for _, s := range v.Steps {
		fmt.Fprintf(c.out, "\n%s\n%s\n", s.EN, s.ZH)
	}
	return nil
}

// rotationStates are the states in words.
var rotationStates = map[string]string{
	"waits":   "waits for the new secret",
	"taken":   "has the new secret, which WeChat could not be asked about yet",
	"overlap": "the new one is in use, the old one is kept",
	"done":    "done",
	"back":    "the old one is in use",
}

func rotationWords(v adminapi.RotationView) string {
	words := cmp.Or(rotationStates[v.State], v.State)
	if v.Why != "" {
		words += " (" + v.Why + ")"
	}
	return words
}

type rotateStatusCmd struct {
	remote
	ID string `arg:"" optional:"" help:"Id of a rotation."`
}

// Help shows an example.
func (rotateStatusCmd) Help() string { return "Example:\n  zhanggui rotate status" }

// Run implements the command.
func (s rotateStatusCmd) Run(ctx context.Context, c console) error {
	if s.ID != "" {
		var v adminapi.RotationView
		if err := s.do(ctx, http.MethodGet, rotationPath(s.ID, ""), nil, &v); err != nil {
			return err
		}
		return c.printRotation(s.JSON, v)
	}
	var all items[adminapi.RotationView]
	if err := all.read(ctx, s.remote, "/v1/rotations"); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Kind, v.Subject, rotationWords(v), v.By, when(v.Begun), when(v.Due)})
	}
	return c.table("ROTATION KIND OF STATE BY BEGUN DUE", rows)
}

func rotationPath(id, rest string) string { return "/v1/rotations/" + url.PathEscape(id) + rest }

// begin begins a rotation and shows it.
func (r remote) begin(ctx context.Context, c console, in adminapi.NewRotationInput) (v adminapi.RotationView, err error) {
	if err = r.do(ctx, http.MethodPost, "/v1/rotations", in, &v); err == nil {
		err = c.printRotation(r.JSON, v)
	}
	return v, err
}

// secretRotation is what both kinds of secrets share.
type secretRotation struct {
	remote
	secretSource
}

// run begins, and takes the new secret if it is at hand.
func (s secretRotation) run(ctx context.Context, c console, in adminapi.NewRotationInput) error {
	v, err := s.begin(ctx, c, in)
	if err != nil {
		return err
	}
	plain, err := s.read(c, "The new AppSecret, once it was reset at WeChat")
	if err != nil {
		return fmt.Errorf("%w; rotation %s waits: zhanggui rotate take %s", err, v.ID, v.ID)
	}
	if plain == "" {
		fmt.Fprintf(c.err, "reset the secret at WeChat, then: zhanggui rotate take %s --new file:PATH\n", v.ID)
		return nil
	}
	return s.take(ctx, c, v.ID, plain)
}

func (r remote) take(ctx context.Context, c console, id, plain string) error {
	var v adminapi.RotationView
	if err := r.do(ctx, http.MethodPost, rotationPath(id, "/take"), adminapi.RotationSecretInput{New: plain}, &v); err != nil {
		return err
	}
	v.Steps = nil // they were shown at the beginning
	return c.printRotation(r.JSON, v)
}

type rotateSecretCmd struct {
	secretRotation
	App   string `arg:"" name:"app" help:"Id of the app, or of the shop."`
	Fresh bool   `help:"Have the shop's token replaced first, so that it lives for two hours. Costs one of 20 forced refreshes a day, and ends the token for every program that has it."`
}

// Help shows an example.
func (rotateSecretCmd) Help() string {
	return `Says what will happen and how long the kept token lasts, then takes the new secret, proves it at WeChat and puts it into use everywhere.

Examples:
  zhanggui rotate app-secret lantian
  zhanggui rotate app-secret lantian --fresh --new file:new-secret.txt`
}

// Run implements the command.
func (s rotateSecretCmd) Run(ctx context.Context, c console) error {
	return s.run(ctx, c, adminapi.NewRotationInput{Kind: "app-secret", Subject: s.App, Fresh: s.Fresh})
}

type rotateComponentCmd struct {
	secretRotation
	Platform string `arg:"" help:"Id of the third-party platform."`
}

// Help shows an example.
func (rotateComponentCmd) Help() string {
	return "Example:\n  zhanggui rotate component-secret platform"
}

// Run implements the command.
func (s rotateComponentCmd) Run(ctx context.Context, c console) error {
	return s.run(ctx, c, adminapi.NewRotationInput{Kind: "component-secret", Subject: s.Platform})
}

// pushRotation is what both kinds of push keys share.
type pushRotation struct {
	remote
	App string `arg:"" name:"platform" help:"Id of the platform, app or shop that takes pushes."`
	New string `help:"Where the new one is read from: file:PATH, env:NAME, or - for standard input. Left out, one is made and printed." placeholder:"SOURCE"`
}

func (p pushRotation) run(ctx context.Context, c console, kind string) error {
	in := adminapi.NewRotationInput{Kind: kind, Subject: p.App}
	if p.New != "" {
		plain, err := secretSource{p.New}.read(c, "")
		if err != nil {
			return err
		}
		in.New = plain
	}
	_, err := p.begin(ctx, c, in)
	return err
}

type rotatePushTokenCmd struct{ pushRotation }

// Help shows an example.
func (rotatePushTokenCmd) Help() string {
	return "From now on pushes with either token are taken. Enter the new one at WeChat.\n\nExample:\n  zhanggui rotate push-token platform"
}

// Run implements the command.
func (p rotatePushTokenCmd) Run(ctx context.Context, c console) error {
	return p.run(ctx, c, "push-token")
}

type rotateAESKeyCmd struct{ pushRotation }

// Help shows an example.
func (rotateAESKeyCmd) Help() string {
	return "From now on pushes with either key are taken. Enter the new one at WeChat.\n\nExample:\n  zhanggui rotate aes-key platform"
}

// Run implements the command.
func (p rotateAESKeyCmd) Run(ctx context.Context, c console) error { return p.run(ctx, c, "aes-key") }

type rotateClientCmd struct {
	remote
	Client string `arg:"" help:"Id of the client."`
	Days   int    `help:"End the old key by itself after so many days; 0: with rotate finish." default:"0"`
}

// Help shows an example.
func (rotateClientCmd) Help() string {
	return "Prints the second key, this once. Both keys count until the rotation is finished.\n\nExample:\n  zhanggui rotate client erp --days 14"
}

// Run implements the command.
func (r rotateClientCmd) Run(ctx context.Context, c console) error {
	in := adminapi.NewRotationInput{Kind: "client", Subject: r.Client}
	if r.Days > 0 {
		in.Until = new(time.Now().UTC().AddDate(0, 0, r.Days).Truncate(time.Second))
	}
	_, err := r.begin(ctx, c, in)
	return err
}

// oneRotation names a rotation.
type oneRotation struct {
	remote
	ID string `arg:"" help:"Id of the rotation, as listed."`
}

func (o oneRotation) post(ctx context.Context, c console, rest string, in any) error {
	var v adminapi.RotationView
	if err := o.do(ctx, http.MethodPost, rotationPath(o.ID, rest), in, &v); err != nil {
		return err
	}
	v.Steps = nil
	return c.printRotation(o.JSON, v)
}

type rotateTakeCmd struct {
	oneRotation
	secretSource
}

// Help shows an example.
func (rotateTakeCmd) Help() string {
	return "A secret that WeChat refuses changes nothing.\n\nExample:\n  zhanggui rotate take rot_example --new file:new-secret.txt"
}

// Run implements the command.
func (t rotateTakeCmd) Run(ctx context.Context, c console) error {
	plain, err := t.read(c, "The new AppSecret")
	if err != nil {
		return err
	}
	if plain == "" {
		return &usageError{"give --new file:PATH, env:NAME or -"}
	}
	return t.take(ctx, c, t.ID, plain)
}

type rotateRenewCmd struct {
	oneRotation
	Fresh bool `help:"Have the token replaced although it lives; costs one of 20 forced refreshes a day."`
}

// Help shows an example.
func (rotateRenewCmd) Help() string { return "Example:\n  zhanggui rotate renew rot_example --fresh" }

// Run implements the command.
func (r rotateRenewCmd) Run(ctx context.Context, c console) error {
	return r.post(ctx, c, "/renew", adminapi.RenewRotationInput{Fresh: r.Fresh})
}

type rotateFinishCmd struct {
	oneRotation
	Force bool `help:"Although the new one was not used yet."`
}

// Help shows an example.
func (rotateFinishCmd) Help() string { return "Example:\n  zhanggui rotate finish rot_example" }

// Run implements the command.
func (f rotateFinishCmd) Run(ctx context.Context, c console) error {
	return f.post(ctx, c, "/finish", adminapi.FinishRotationInput{Force: f.Force})
}

type rotateBackCmd struct{ oneRotation }

// Help shows an example.
func (rotateBackCmd) Help() string {
	return "An AppSecret is proved at WeChat first: after a reset the old one is usually gone for good.\n\nExample:\n  zhanggui rotate back rot_example"
}

// Run implements the command.
func (b rotateBackCmd) Run(ctx context.Context, c console) error { return b.post(ctx, c, "/back", nil) }
