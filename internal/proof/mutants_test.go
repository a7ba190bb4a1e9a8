package proof

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// edit is a change of one source file. The old text must stand in it exactly
// once.
type edit struct{ file, old, new string }

// mutant is the program with a mistake in it. The prover must catch it at the
// step that the mistake breaks, whether or not the story notices it too: a story
// that stops there is told anew as if the step had gone well.
type mutant struct {
	name  string
	edits []edit
	step  string
	story string // in the words of the failing step; empty: the story goes on past it
	prove string // in the words of a finding of the step
}

var mutants = []mutant{
	{
		name: "nothing is sealed",
		edits: []edit{
			{"internal/vault/vault.go", "sealed, err := v.keys.Load().aead.Encrypt(plain, c.encode())", "sealed, err := append([]byte{9}, plain...), error(nil)"},
			{"internal/vault/vault.go", "if len(sealed) < sealedMin || sealed[0] != 1 {", "if len(sealed) > 1 && sealed[0] == 9 {\n\t\treturn secret.New(sealed[1:]), nil\n\t}\n\tif len(sealed) < sealedMin {"},
		},
		step: "app registered", prove: "is stored in the clear",
	},
	{
		name:  "what is sealed is bound to no place",
		edits: []edit{{"internal/vault/cell.go", "b := make([]byte, 0, 1+4*4+", "return nil\n\tb := make([]byte, 0, 1+4*4+"}},
		step:  "app registered", prove: "does not open in its place",
	},
	{
		name: "the client's key is stored in the clear",
		edits: []edit{{"internal/access/client.go", "return secret.FromString(s), HashKey(s)",
			"if prefix == ClientKeyPrefix {\n\t\treturn secret.FromString(s), []byte(s)\n\t}\n\treturn secret.FromString(s), HashKey(s)"}},
		step: "app registered", prove: "that are no SHA-256",
	},
	{
		name:  "the domain's proof is not served",
		edits: []edit{{"internal/login/proof.go", "isProof(r.URL.Path)", "false"}},
		step:  "callback domain proven", story: "status 404", prove: "has no GET of a proof",
	},
	{
		name: "every code is exchanged twice",
		edits: []edit{{"internal/login/callback.go", "answer, err := l.o.Platform.ExchangeCode(ctx, a.app, appSecret, a.code)",
			"answer, err := l.o.Platform.ExchangeCode(ctx, a.app, appSecret, a.code)\n\t_, _ = l.o.Platform.ExchangeCode(ctx, a.app, appSecret, a.code)"}},
		step: "owner authorised", prove: "was exchanged 2 times",
	},
	{
		name: "the access token is written to the log",
		edits: []edit{{"internal/keeper/attempt.go", "a.k.hold(g, tok, a.epoch)",
			"a.k.hold(g, tok, a.epoch)\n\ta.k.opt.Logger.Info(\"renewed\", \"token\", value.RevealString())"}},
		step: "tokens sealed", story: "stands in the clear", prove: "stands in server.log, in the clear",
	},
	{
		name: "the access token is written to the log as bytes",
		edits: []edit{{"internal/keeper/attempt.go", "a.k.hold(g, tok, a.epoch)",
			"a.k.hold(g, tok, a.epoch)\n\ta.k.opt.Logger.Info(\"renewed\", \"token\", value.Reveal())"}},
		step: "tokens sealed", prove: "stands in server.log, in base64",
	},
	{
		name:  "the keeper plans the next refresh too late",
		edits: []edit{{"internal/keeper/schedule.go", "due := end.Add(-r.before)", "due := end.Add(240 * time.Hour)"}},
		step:  "token refreshed by the keeper without anybody asking", story: "a token of a later generation did not come", prove: "so that nothing was refreshed",
	},
	{
		name: "every refresh is sent twice",
		edits: []edit{{"internal/keeper/attempt.go", "return a.k.opt.Platform.Stable(ctx, a.claim.App, key, force)",
			"_, _ = a.k.opt.Platform.Stable(ctx, a.claim.App, key, force)\n\treturn a.k.opt.Platform.Stable(ctx, a.claim.App, key, force)"}},
		step: "token refreshed by the keeper without anybody asking", story: "2 requests for a token", prove: "generations were settled with",
	},
	{
		name: "the gateway passes closed paths on",
		edits: []edit{{"internal/gateway/policy.go", "return errClosed(why)", "_ = why"},
			{"internal/gateway/policy.go", "return errClosed(whySecret)", "_ = whySecret"}},
		step: "shop API called through the gateway", story: "a closed path was answered", prove: "reached WeChat at the closed path",
	},
	{
		name:  "the gateway does not repeat after a dead token",
		edits: []edit{{"internal/gateway/again.go", "case deadToken(c.head):", "case false:"}},
		step:  "shop API called through the gateway", story: "products after the token died", prove: "and was never repeated",
	},
	{
		name: "a login again leaves the kept pair as it is",
		edits: []edit{{"internal/login/commit.go", "Authorise: authorise,",
			"Authorise: map[bool]*grant.Authorisation{true: authorise}[fresh],"}},
		step: "owner logged in silently", story: "did not renew the kept pair", prove: "the store wrote it: false",
	},
	{
		name: "a refusal is taken for a code",
		edits: []edit{{"internal/login/callback.go", `return secret.Value{}, l.startAgain(p, http.StatusForbidden, "denied", nil)`,
			`return secret.FromString("authdeny"), nil`}},
		step: "refused user turned away", story: "asked for a token 1 times", prove: "was taken for an answer",
	},
	{
		name: "a used code is used again",
		edits: []edit{{"internal/login/callback.go", "if errors.Is(err, access.ErrUsed) {",
			"if errors.Is(err, access.ErrUsed) {\n\t\terr = nil\n\t}\n\tif errors.Is(err, access.ErrUsed) {"}},
		step: "reused code turned away", story: "asked for a token 1 times", prove: "exchanges the code of request",
	},
	{
		name: "the state of another browser is good enough",
		edits: []edit{{"internal/login/state.go", "return pending{}, errStateMissing",
			`return pending{Version: pendingVersion, StateHash: hash, App: app.ID, Door: doorOf(app.Kind), Scope: app.Scope, Return: l.base + "/", Begun: l.o.Now().UnixMilli()}, nil`}},
		step: "foreign state turned away", story: "the callback was answered with", prove: "the one in a foreign browser too",
	},
	{
		name:  "a snapshot user is somebody",
		edits: []edit{{"internal/login/callback.go", "if answer.Snapshot {", "if false && answer.Snapshot {"}},
		step:  "snapshot user turned away", story: "the callback was answered with", prove: "a snapshot user got session",
	},
	{
		name:  "a revoked grant stays in memory",
		edits: []edit{{"internal/app/app.go", "a.keeper.Forget(id)", "_ = id"}},
		step:  "authorisation revoked and calls refused", story: "a call after the withdrawal was answered with 200", prove: "carried what was of shop",
	},
	{
		name:  "sessions outlive the withdrawal",
		edits: []edit{{"internal/store/sqlstore/effects.go", "range e.EndSessions {", "range e.EndSessions[:0] {"}},
		step:  "authorisation revoked and calls refused", story: "is still live", prove: "did not end with the withdrawal",
	},
	{
		name: "revoking leaves the sealed tokens in the row",
		edits: []edit{{"internal/store/sqlstore/sqlgen/grants.sql.go", "kills = $4,\n    generation = generation + 1, access = NULL,",
			"kills = $4,\n    generation = generation + 1,"}},
		step: "authorisation revoked and calls refused", prove: "still keeps tokens after the withdrawal",
	},
	{
		name: "a login leaves no audit entry",
		edits: []edit{{"internal/login/commit.go", "Audit: []audit.Entry{loginEntry(a, change, authorise)}",
			"Audit: []audit.Entry{loginEntry(a, change, authorise)}[:0]"}},
		step: "audit log verified", prove: "no entry login says how session",
	},
	{
		name:  "an audit entry names the openid",
		edits: []edit{{"internal/login/commit.go", `"door": string(a.p.Door)}`, `"door": string(a.p.Door), "openid": change.Identity.OpenID}`}},
		step:  "audit log verified", prove: "holds an openid",
	},
	{
		name:  "audit entries change after they were hashed",
		edits: []edit{{"internal/store/sqlite/dialect.go", "Seq: p.Size + int64(i), Data: data", "Seq: p.Size + int64(i), Data: append(data, ' ')"}},
		step:  "audit log verified", story: "was edited", prove: "is not what its hash says",
	},
}

var everyMutant = flag.Bool("every", false, "build every mutant, not only those whose turn it is today")

// turns is in how many days each mutant is built once: building programs is most of
// what the tests of this package take. Where each is to be placed is looked at always.
const turns = 3

// TestMutants builds each mutant whose turn it is beside the real sources, has it play
// the story, and has the prover judge what it left.
func TestMutants(t *testing.T) {
	today := time.Now().UTC().YearDay()
	for i, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp(workshop, "m")
			if err != nil {
				t.Fatal(err)
			}
			overlay := m.overlay(t, dir)
			if !*everyMutant && (i+today)%turns != 0 {
				return
			}
			program, story := filepath.Join(dir, "zhanggui"), filepath.Join(dir, "story")
			if err := build(t.Context(), program, "./cmd/zhanggui", "-overlay", overlay); err != nil {
				t.Fatal(err)
			}
			text, err := play(t.Context(), program, story)
			if err != nil {
				t.Fatal(err)
			}
			m.caught(t, story, text)
			if err := os.Remove(program); err != nil { // they are large
				t.Error(err)
			}
		})
	}
}

// overlay writes the changed files and the list that has the compiler read them
// in place of the real ones.
func (m mutant) overlay(t *testing.T, dir string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	replace, text := map[string]string{}, map[string]string{}
	for _, e := range m.edits {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		if text[path] == "" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text[path] = string(b)
		}
		if n := strings.Count(text[path], e.old); n != 1 {
			t.Fatalf("%s has %q %d times, want once; place the mutant anew", e.file, e.old, n)
		}
		text[path] = strings.Replace(text[path], e.old, e.new, 1)
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text[path]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// caught checks that the mistake was noticed where it is, and not before or
// only afterwards.
func (m mutant) caught(t *testing.T, story, text string) {
	t.Helper()
	if m.prove == "" {
		t.Fatal("the table does not say what the prover finds")
	}
	if _, exit := prove(t, story); exit != 1 {
		t.Errorf("prove exited with %d, want 1", exit)
	}
	if m.story != "" {
		m.stopped(t, story, text)
		damaged{t, story}.file(stepsFile, func(s string) string { return strings.Replace(s, `"ok": false`, `"ok": true`, 1) })
	}
	r, exit := prove(t, story)
	if found := r.Of(m.step); !strings.Contains(strings.Join(found, "\n"), m.prove) || exit != 1 {
		t.Errorf("prove exited with %d and found %q of step %q, want 1 and %q\nall of it: %+v\n%s", exit, found, m.step, m.prove, r.Findings, text)
	}
}

// stopped checks that the story itself noticed.
func (m mutant) stopped(t *testing.T, story, text string) {
	t.Helper()
	told := toldSteps(t, story)
	last := told[len(told)-1]
	if last.OK || last.Step != m.step || !strings.Contains(last.Error, m.story) {
		t.Fatalf("the story ended with %+v, want that step %q fails with %q\n%s", last, m.step, m.story, text)
	}
}

// TestEveryStepIsTried keeps a step from being added without a mistake that
// breaks it and a damage that is found in it.
func TestEveryStepIsTried(t *testing.T) {
	for _, step := range Steps() {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.step == step }) {
			t.Errorf("no mutant breaks step %q", step)
		}
		if !slices.ContainsFunc(damages, func(x damage) bool { return x.step == step }) {
			t.Errorf("no damage is found in step %q", step)
		}
	}
}
