package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/wechattest"
)

// everything is a client that was granted whatever can be granted.
func everything() adminapi.ManifestClient {
	c := adminapi.ManifestClient{ID: "all", Shops: []string{shopID}, Mode: "write", ClientRights: adminapi.ClientRights{Groups: catalogue.Grantable()}}
	for e := range catalogue.Default().All() {
		if e.Named() {
			c.Paths = append(c.Paths, adminapi.PathRight{Path: e.Path, Daily: 1000})
		}
	}
	return c
}

// TestTheWholeCatalogueShowsNoSecret calls every path that WeChat documents, as a
// client that may do whatever can be granted, and looks for every secret that the
// server keeps in every answer.
func TestTheWholeCatalogueShowsNoSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	key := r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{everything()}}).Keys["all"]
	seq, answers, sent := r.lastSeq(), map[string]string{}, 0
	for e := range catalogue.Default().All() {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, answer := r.through(method, key, e.Path)
			answers[method+" "+e.Path] = answer
			switch refused := strings.Contains(answer, "urn:zhanggui:problem:path-closed"); {
			case e.Closed() != refused || e.Closed() != (status == http.StatusForbidden):
				t.Errorf("%s %s: %d %s", method, e.Path, status, answer)
			case !refused:
				sent++
			}
		}
	}
	if got := len(r.sim.LedgerSince(seq, "*")); sent < 700 || got < sent {
		t.Errorf("%d of %d calls came to WeChat", got, sent)
	}
	kept := r.keptSecrets()
	if len(kept) < 3 {
		t.Fatalf("the server keeps %d secrets: the test looks for too little", len(kept))
	}
	for call, answer := range answers {
		for _, v := range kept {
			if strings.Contains(answer, v) {
				t.Errorf("a secret stands in the answer to %s", call)
			}
		}
	}
	r.toldOfNamedCalls()
}

// through calls a path of the shop's and gives status, headers and body.
func (r *rig) through(method, key, path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+"/wx/"+shopID+path, strings.NewReader(`{}`))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	before := len(r.got.messages())
	status, body := r.do(r.http, req)
	var answer strings.Builder
	for _, m := range r.got.messages()[before:] {
		_ = m.header.Write(&answer)
	}
	return status, answer.String() + string(body)
}

// keptSecrets are the secrets that the server was given and those that it fetched.
func (r *rig) keptSecrets() []string {
	kept := []string{wechattest.ServiceSecret, wechattest.WebsiteSecret, wechattest.ShopSecret}
	for _, m := range r.gave.messages() {
		for _, v := range tokenFields.FindAllStringSubmatch(m.body, -1) {
			kept = append(kept, v[2])
		}
	}
	return kept
}

// toldOfNamedCalls wants an audit entry for each call that was granted by name, and a
// notice for a human.
func (r *rig) toldOfNamedCalls() {
	r.t.Helper()
	named := 0
	for e := range catalogue.Default().All() {
		if e.Named() {
			named += 2
		}
	}
	if got := r.count("client.named_call"); got != named {
		r.t.Errorf("%d entries of %d calls by name", got, named)
	}
	var told struct{ Items []adminapi.NoticeView }
	r.ask("GET", "/v1/notices?limit=1000", nil, &told)
	n := 0
	for _, v := range told.Items {
		if v.Kind == "client.named_call" {
			n++
		}
	}
	if n < named/2 || n > named {
		r.t.Errorf("a human was told %d times of %d calls by name", n, named)
	}
}

// A catalogue that cannot be read whole would leave open what it was to close.
func TestABadCatalogueStopsTheStart(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	file := filepath.Join(t.TempDir(), "ours.tsv")
	header := "path\tmethod\tgroup\taccess\tname_zh\tname_en\tsets\tthird_party\tflags\tpage\n"
	write := func(line string) {
		if err := os.WriteFile(file, []byte(header+line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("/channels/ec/basics/info/get\tGET\tstores\tread\t店\tinfo\t?\t?\t-\t-\n")
	if err := r.tryStart(map[string]string{"catalogue": file}); err == nil || !strings.Contains(err.Error(), "ours.tsv:2: group") {
		t.Fatalf("started with a bad catalogue: %v", err)
	}
	if err := r.tryStart(map[string]string{"catalogue": file + ".gone"}); err == nil || !strings.Contains(err.Error(), "catalogue") {
		t.Fatalf("started without the catalogue: %v", err)
	}
	write("/channels/ec/basics/info/get\tGET\t-\tread\t店\tinfo\t?\t?\tpersonal\t-\n")
	r.start(map[string]string{"catalogue": file})
	r.declare()
	if status, body := r.call(); status != http.StatusForbidden || !strings.Contains(body, "named-path") {
		t.Errorf("the operator's own judgement does not count: %d %s", status, body)
	}
	if status, body := r.say("POST", "/v1/clients/"+clientID+"/grant", adminapi.GrantBody{ClientRights: adminapi.ClientRights{Paths: []adminapi.PathRight{{Path: "/channels/ec/basics/info/get", Daily: 1}}}}); status != http.StatusOK {
		t.Fatalf("grant: %d %s", status, body)
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("granted by name: %d %s", status, body)
	}
	if status, body := r.call(); status != http.StatusForbidden || !strings.Contains(body, "daily-cap") {
		t.Errorf("the second call of the day: %d %s", status, body)
	}
}
