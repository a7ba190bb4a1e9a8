package zhanggui_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/zhanggui/zhanggui"

// layers says what each part of the tree may import of the module itself, and
// why no more. The longest matching prefix counts. "std" instead of a list also
// bans every other module.
var layers = []struct {
	prefix string
	may    []string
	std    bool
	why    string
}{
	{prefix: ".", may: []string{"wechat", "wechat/secret", "wechat/shop"}, std: true, why: "the client of a server: programs that only want it take the standard library and what calls shops"},
	{prefix: "wechat/secret", std: true, why: "a public leaf: programs that only want a value that does not print take nothing else"},
	{prefix: "wechat", may: []string{"wechat/secret"}, std: true, why: "public wire client: standard library only"},
	{prefix: "wechatsim", std: true, why: "the emulator must be able to disagree with the client, so it knows nothing of it"},
	{prefix: "wechattest", may: []string{"wechatsim", "internal/memnet"}, std: true, why: "the emulator for tests"},

	{prefix: "examples", may: []string{".", "wechat", "wechat/secret", "wechat/shop"}, std: true, why: "what users of the module write: they have the public packages only"},

	{prefix: "internal/notice", why: "leaf: values only"},
	{prefix: "internal/durable", std: true, why: "leaf: files that outlive a power cut; what is in them does not matter to it"},
	{prefix: "internal/line", std: true, why: "leaf: makes one line of a text; whose it is does not matter to it"},
	{prefix: "internal/outage", std: true, why: "leaf: a value; what answers and who asks does not matter to it"},
	{prefix: "internal/spell", std: true, why: "leaf: compares two words; what they name does not matter to it"},
	{prefix: "internal/audit", may: []string{"internal/durable"}, why: "leaf: computes and compares, stores nothing"},
	{prefix: "internal/catalogue", may: []string{"internal/spell"}, std: true, why: "leaf: what WeChat documents, and nothing of ours"},
	{prefix: "internal/quota", std: true, why: "leaf: counts and decides; asks nobody, and time is a parameter"},
	{prefix: "internal/access", may: []string{"wechat/secret"}, why: "leaf: who may do what"},
	{prefix: "internal/alias", may: []string{"wechat/secret"}, why: "leaf: makes and reads texts; knows no feature and no store"},
	{prefix: "internal/egress", why: "leaf: the one way out to addresses that users chose"},
	{prefix: "internal/memnet", std: true, why: "leaf: a network for tests in virtual time; the program has a real one"},
	{prefix: "internal/webhook", may: []string{"internal/egress", "wechat/secret"}, why: "leaf: posts signed bodies; what is in them and who is owed them does not matter to it"},
	{prefix: "internal/bundle", std: true, why: "leaf: writes an archive of values that cannot hold a secret"},
	{prefix: "internal/clock", may: []string{"internal/audit", "internal/notice"}, why: "leaf: compares clocks; knows no feature"},
	{prefix: "internal/grant", may: []string{"internal/access", "internal/audit", "internal/notice"}, why: "leaf: the domain"},
	{prefix: "internal/feed", may: []string{"internal/audit"}, why: "follows the audit log: knows entries, no feature and no store"},
	{prefix: "internal/standby", may: append(leaves, "internal/feed"), why: "a copy of rows that is kept by the feed; knows no feature and no store"},
	{prefix: "internal/trace", why: "leaf: begins and ends spans; knows no feature, and of what is traced only words"},
	{prefix: "internal/trace/otlp", why: "sends spans; what is in them does not matter to it"},
	{prefix: "internal/vault", may: []string{"internal/durable", "wechat/secret"}, why: "seals bytes for places; knows no feature"},

	{prefix: "internal/web", may: []string{"internal/audit", "internal/outage", "internal/trace", "wechat/secret"}, why: "plumbing: knows no feature"},
	{prefix: "internal/web/ui", may: []string{"internal/web"}, why: "how pages look; knows no feature"},
	{prefix: "internal/config", may: []string{"internal/access", "internal/catalogue", "internal/notice", "internal/spell", "internal/web", "wechat/secret"}, why: "what the operator wrote; knows no feature, and of the plumbing only what counts as loopback"},

	{prefix: "internal/keeper", may: append(leaves, "wechat"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/collate", may: []string{"internal/audit", "internal/durable"}, why: "compares rows with the log through an interface; what a grant is else does not matter to it"},
	{prefix: "internal/witness", may: append(leaves, "internal/egress", "internal/web", "internal/webhook"), why: "sends and takes signed heads through interfaces; what is in the log does not matter to it"},
	{prefix: "internal/retain", may: []string{"internal/access", "internal/audit", "internal/durable", "internal/notice"}, why: "archives entries through an interface; what they say does not matter to it"},
	{prefix: "internal/doctor", may: append(leaves, "internal/quota", "wechat", "wechat/msgcrypt"), why: "a feature imports leaves, never a sibling or a store; it asks WeChat through an interface, and reads its codes"},
	{prefix: "internal/dropin", may: append(leaves, "internal/alias", "internal/web"), why: "a feature imports leaves, never a sibling or a store; it asks WeChat nothing"},
	{prefix: "internal/gateway", may: append(leaves, "internal/alias", "internal/quota", "wechat", "internal/web"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/guard", may: append(leaves, "internal/web", "internal/web/ui"), why: "a feature imports leaves, never a sibling or a store; logins, sessions and keys come through interfaces"},
	{prefix: "internal/login", may: append(leaves, "wechat", "wechat/event", "internal/web", "internal/web/ui"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/session", may: leaves, why: "a feature imports leaves, never a sibling or a store; it knows no HTTP"},
	{prefix: "internal/people", may: append(leaves, "internal/web", "internal/web/ui"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/provider", may: append(leaves, "wechat", "wechat/event"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/push", may: append(leaves, "internal/web", "wechat/event", "wechat/msgcrypt"), why: "a feature imports leaves, never a sibling or a store; it reads what WeChat sends and asks WeChat nothing"},
	{prefix: "internal/oidc", may: append(leaves, "internal/web", "internal/web/ui"), why: "a feature imports leaves, never a sibling or a store; who is logged in and what signs comes through interfaces"},
	{prefix: "internal/passon", why: "hands bytes on; what is in them and who they are for does not matter to it, and the way out is given to it"},
	{prefix: "internal/movein", may: leaves, why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/movein/follow", may: append(leaves, "internal/egress", "internal/movein"), why: "reads what movein takes in, over the one way out; knows no other feature"},
	{prefix: "internal/alert", may: leaves, why: "a feature imports leaves, never a sibling or a store; what it owes, the outbox sends"},
	{prefix: "internal/outbox", may: append(leaves, "internal/egress", "internal/webhook"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/radar", may: leaves, why: "a feature imports leaves, never a sibling or a store; what it reads of WeChat comes as events"},
	{prefix: "internal/relay", may: append(leaves, "internal/egress", "internal/web", "internal/webhook"), why: "a feature imports leaves, never a sibling or a store"},
	{prefix: "internal/review", may: leaves, why: "a feature imports leaves, never a sibling or a store; what serves and who asks comes through interfaces"},
	{prefix: "internal/owners", may: append(leaves, "wechat"), why: "a feature imports leaves, never a sibling or a store; what WeChat answered tells whether it may be tried again"},
	{prefix: "internal/rotate", may: leaves, why: "a feature imports leaves, never a sibling or a store; it asks WeChat through an interface"},
	{prefix: "internal/signer", may: append(leaves, "internal/web"), why: "a feature imports leaves, never a sibling or a store; what is in the claims does not matter to it"},
	{prefix: "internal/upstream", may: []string{"internal/trace", "internal/web"}, why: "passes requests on; who sent them and who let them in does not matter to it"},
	{prefix: "internal/stranger", may: leaves, why: "a feature imports leaves, never a sibling or a store; deaths and counts come as values"},
	{prefix: "internal/staff", may: append(leaves, "internal/web"), why: "a feature imports leaves, never a sibling or a store; whom it names, the login starts the session of"},
	{prefix: "internal/setup", may: append(leaves, "internal/config"), why: "a feature imports leaves and what an operator may write, never a sibling or a store"},
	{prefix: "internal/adminapi", may: append(leaves, "internal/clock", "internal/doctor", "internal/movein", "internal/quota", "internal/review", "internal/rotate", "internal/setup", "internal/stranger", "internal/web"), why: "the doorway of operators: it takes and gives the values of the features that operators speak to; the rest comes through interfaces"},
	{prefix: "internal/console", may: append(leaves, "wechat", "internal/doctor", "internal/review", "internal/rotate", "internal/web", "internal/web/ui"), why: "pages: what the doctor found and a review reports is shown as it is, and a rotation takes what an administrator enters; everything else comes through interfaces"},

	{prefix: "internal/scale", why: "measures the whole server from its tests; nothing may come to depend on it, and it has nothing to import"},
	{prefix: "internal/speed", why: "measures the gateway in the whole server from its tests; nothing may come to depend on it, and it has nothing to import"},
	{prefix: "internal/proof", why: "checks a run from what it left behind; sharing code with what it checks would prove nothing"},
	{prefix: "internal/balance", std: true, why: "judges a run of replicas from what others saw of it; sharing code with the keeper would prove nothing"},
	{prefix: "internal/proof/cmd/prove", may: []string{"internal/proof"}, why: "the command of internal/proof"},

	{prefix: "internal/store/sqlstore", may: leaves, why: "a store imports the features' types, never the features"},
	{prefix: "internal/store/sqlite", may: append(leaves, "internal/store/sqlstore", "internal/store/sqlstore/sqlgen"), why: "opens one kind of database, and says in its words what must differ"},
	{prefix: "internal/store/postgres", may: append(leaves, "internal/store/sqlstore", "internal/store/sqlstore/sqlgen"), why: "opens one kind of database, and says in its words what must differ"},
	{prefix: "internal/store/pgtest", may: []string{"internal/store/postgres", "wechat/secret"}, why: "servers for tests and trials: knows the store only to migrate a template"},
	{prefix: "internal/store/sqlitetest", may: []string{"internal/store/sqlite"}, why: "files for tests: knows the store only to migrate a template"},
	{prefix: "internal/store/storecopy", may: []string{"internal/audit", "internal/store/sqlstore"}, why: "copies between two opened databases; which they are does not matter to it"},
	{prefix: "internal/store/storecheck", may: append(leaves, "internal/store/sqlstore"), why: "reads a store through its own methods; programs use it too, so it knows nothing of tests"},
	{prefix: "internal/store/storetest", may: append(leaves, "internal/store/sqlstore", "internal/store/storecheck"), why: "the suite every store passes"},
}

// leaves is what features and stores share.
var leaves = []string{"internal/access", "internal/audit", "internal/catalogue", "internal/durable", "internal/grant", "internal/line", "internal/notice", "internal/outage", "internal/trace", "internal/vault", "wechat/secret"}

// free may import anything: they put the parts together.
var free = []string{"internal/app", "internal/demo", "internal/chaos", "internal/scale", "cmd", "interop"}

type pkg struct {
	ImportPath, Dir, Name string
	Imports               []string
	Standard              bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Name,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages; the test looks at nothing", len(all))
	}
	return all
}

// TestLayers holds the import bans: arrows run one way.
func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if path == "" {
			path = "."
		}
		if within(path, free) {
			continue
		}
		i := layerOf(path)
		if i < 0 {
			t.Errorf("%s has no layer; give it one in the table, with its reason", path)
			continue
		}
		for _, imp := range p.Imports {
			checkImport(t, path, imp, i)
		}
	}
}

func layerOf(path string) int {
	best := -1
	for i, l := range layers {
		if (path == l.prefix || strings.HasPrefix(path, l.prefix+"/")) && (best < 0 || len(l.prefix) > len(layers[best].prefix)) {
			best = i
		}
	}
	return best
}

func checkImport(t *testing.T, path, imp string, layer int) {
	t.Helper()
	l := layers[layer]
	own, inside := strings.CutPrefix(imp, module+"/")
	switch {
	case imp == module && !slices.Contains(l.may, "."):
		t.Errorf("%s imports the root package: that is for users of the module", path)
	case inside && own != l.prefix && !strings.HasPrefix(own, l.prefix+"/") && !slices.Contains(l.may, own):
		t.Errorf("%s imports %s: %s", path, own, l.why)
	case !inside && imp != module && l.std && strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
		t.Errorf("%s imports %s: %s", path, imp, l.why)
	}
}

func within(path string, roots []string) bool {
	for _, r := range roots {
		if path == r || strings.HasPrefix(path, r+"/") {
			return true
		}
	}
	return false
}

// TestNoSkips keeps skipped tests out: what cannot run must fail loudly.
func TestNoSkips(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "grep", "-nE", `\b[tb]\.Skip(f|Now)?\(`, "--", "*_test.go", ":!layers_test.go").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return // nothing found
	}
	if err != nil {
		t.Fatalf("git grep: %v", err)
	}
	t.Errorf("tests that skip:\n%s", out)
}
