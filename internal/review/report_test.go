package review_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/review"
)

// epoch is the tests' present.
var epoch = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// ago is a time so many days before the present.
func ago(days int) time.Time { return epoch.Add(-time.Duration(days) * day) }

// withdraw is a path that moves money.
const withdraw = "/channels/ec/funds/submitwithdraw"

// small is a house with something that stands out in every section.
func small() review.Snapshot {
	return review.Snapshot{
		At: epoch, Begin: ago(800), Counted: ago(90), Paths: catalogue.Default(),
		Tenants: []access.Tenant{{ID: "lantian"}, {ID: "tea"}},
		Shops:   []access.Shop{{ID: "lantian", TenantID: "lantian", App: "platform"}, {ID: "tea", TenantID: "tea", App: "tea-key"}},
		Apps: []access.App{{ID: "platform", Kind: access.Component, Secret: []byte{1}, SecretVersion: 1}, {ID: "tea-key", Kind: access.ShopApp, Secret: []byte{1}, SecretVersion: 2},
			{ID: "mini", Kind: access.MiniProgram}},
		Staff: []access.Administrator{{ID: "a_1", Name: "Li Na", CreatedAt: ago(200)}, {ID: "a_2", Kind: access.StaffAuditor, Subject: "https://sso.example.com 1", CreatedAt: ago(200)},
			{ID: "a_3", CreatedAt: ago(300), RevokedAt: ago(1)}},
		StaffSeen: []access.Seen{{ID: "a_2", At: ago(3)}},
		Members: []access.Member{{TenantID: "lantian", PersonID: "p_1", Role: access.Owner, Since: ago(400)}, {TenantID: "lantian", ShopID: "lantian", PersonID: "p_2", Role: access.Viewer, Since: ago(10), Until: ago(-10)},
			{TenantID: "tea", PersonID: "p_3", Role: access.Owner, Since: ago(50)}, {TenantID: "tea", PersonID: "p_4", Role: access.Owner, Since: ago(50), Until: ago(1)}},
		People:      []access.Seen{{ID: "p_1", Name: "店主", At: ago(100)}, {ID: "p_2", Name: "运营", At: ago(1)}, {ID: "p_3"}},
		Invitations: []access.Invitation{{ID: "i_1", TenantID: "tea", Role: access.Viewer, InvitedBy: "person:p_1", State: access.InvitationOpen, CreatedAt: epoch, ExpiresAt: ago(-1)}, {ID: "i_2", TenantID: "tea", State: access.InvitationDead}},
		Sessions: []access.Session{{ID: "s_1", PersonID: "p_1", Door: access.DoorWeChat, CreatedAt: ago(20), SeenAt: epoch, ExpiresAt: ago(-1), IdleLimit: day},
			{ID: "s_2", PersonID: "p_1", CreatedAt: ago(1), SeenAt: epoch, ExpiresAt: ago(-1), IdleLimit: day}},
		Clients: []access.Client{
			{ID: "erp", Name: "ERP", Mode: access.Write, Shops: []string{"lantian", "tea"}, CreatedAt: ago(300), MadeBy: "person:p_4",
				Rights: access.Rights{Groups: []string{"order", "product"}, Paths: []access.PathRight{{Path: withdraw, Daily: 3}}, Observe: true}},
			{ID: "sync", Shops: []string{"lantian"}, CreatedAt: ago(100), ExpiresAt: ago(-1), Rights: access.Rights{TokenExport: true}},
			{ID: "bi", Mode: access.Read, Shops: []string{"tea"}, CreatedAt: ago(3), ExpiresAt: ago(-300), Rights: access.Rights{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
			{ID: "gone", Shops: []string{"tea"}, CreatedAt: ago(3), ExpiresAt: ago(1)},
		},
		Uses: []access.PathUse{{ClientID: "erp", ShopID: "lantian", Path: "/channels/ec/order/get", Day: ago(2), Calls: 7}},
		Grants: []grant.Grant{
			{ID: "g_1", Kind: grant.ISV, App: "platform", ShopID: "lantian", Authorizer: "wx00000000000000c2", State: grant.Active, CreatedAt: ago(500)},
			{ID: "g_2", Kind: grant.Self, App: "tea-key", ShopID: "tea", State: grant.Stopped, Cause: "secret_wrong", CreatedAt: ago(500)},
			{ID: "g_3", Kind: grant.Component, App: "platform", State: grant.Active, CreatedAt: ago(600)},
			{ID: "g_4", Kind: grant.User, App: "mini", PersonID: "p_1", OpenID: "o_demo_owner_0001", Scope: "snsapi_base", State: grant.Active, CreatedAt: ago(500), Tokens: grant.Tokens{RefreshIssued: ago(20), RefreshExpires: ago(-10)}},
			{ID: "g_5", Kind: grant.User, State: grant.Revoked},
		},
		Accounts:     []grant.Authorizer{{App: "platform", AppID: "wx00000000000000c2", Name: "蓝天", ShopID: "lantian", Sets: []int64{129, 131, 138, 999}, EventAt: ago(400)}},
		Renewals:     []grant.Renewal{{GrantID: "g_1", AskedAt: ago(2)}},
		Programs:     []access.OIDCClient{{ID: "wiki", TenantID: "lantian", Role: access.Viewer, CreatedAt: ago(40), WithoutPKCE: true, AllowPrivate: true, SecretHash: []byte{1}}},
		Signing:      []access.SigningKey{{ID: "kid", Alg: "ES256", MadeAt: ago(400), PublishedUntil: ago(-1), SignsUntil: ago(-1)}, {ID: "old", PublishedUntil: ago(1)}},
		Sealing:      []review.SealingKey{{ID: "0a0a0a0a", Primary: true, MadeAt: ago(800)}},
		Hosts:        []review.Host{{Name: "erp.example.com", Shop: "lantian", Role: "viewer", Public: []string{"/hook"}, Cross: "off"}},
		ProgramsSeen: nil,
	}
}

// marks gives the codes of every line that stands out, as section/id.
func marks(r review.Report) map[string][]string {
	found := map[string][]string{}
	for _, s := range r.Sections {
		for _, l := range s.Lines {
			for _, why := range l.Why {
				found[s.Name+"/"+l.ID] = append(found[s.Name+"/"+l.ID], why.Code)
			}
		}
	}
	return found
}

func TestWhatStandsOut(t *testing.T) {
	want := map[string][]string{
		"staff/a_1":               {review.StaffNoEnd, review.StaffKeyOld, review.StaffUnseen},
		"members/p_1":             {review.MemberUnseen},
		"members/p_3":             {review.MemberShutOut},
		"invitations/i_1":         {review.InvitationOpen},
		"clients/erp":             {review.ClientNoEnd, review.ClientKeyOld, review.ClientNamed, review.ClientObserve, review.ClientAnywhere, review.ClientMakerGone},
		"clients/sync":            {review.ClientExport},
		"rights/erp":              {review.RightUnused},
		"grants/g_1":              {review.GrantOld, review.GrantAsked},
		"grants/g_2":              {review.GrantWaits},
		"sets/wx00000000000000c2": {review.SetUnneeded},
		"secrets/platform":        {review.SecretOld},
		"keys/0a0a0a0a":           {review.KeyOld},
		"keys/kid":                {review.KeyOld},
		"sessions/s_1":            {review.SessionOld},
		"hosts/erp.example.com":   {review.HostPublic, review.HostCross},
		"programs/wiki":           {review.ProgramUnused, review.ProgramNoPKCE, review.ProgramPrivate},
	}
	if diff := cmp.Diff(want, marks(review.Make(small(), review.Scope{}))); diff != "" {
		t.Errorf("what stands out (-want +got):\n%s", diff)
	}
}

// line finds a line of a report.
func line(t *testing.T, r review.Report, section, id string) review.Line {
	t.Helper()
	for _, s := range r.Sections {
		for _, l := range s.Lines {
			if s.Name == section && l.ID == id {
				return l
			}
		}
	}
	t.Fatalf("%s has no line %s", section, id)
	return review.Line{}
}

func TestLinesSayWhatAndHowToEndIt(t *testing.T) {
	r := review.Make(small(), review.Scope{})
	for _, c := range []struct {
		section, id string
		want        review.Line
	}{
		{"members", "p_2", review.Line{ID: "p_2", Who: "运营", Where: "lantian", May: "viewer", Since: "2026-05-22", Until: "2026-06-11", Used: "2026-05-31", Remove: "zhanggui people remove lantian p_2 --shop lantian"}},
		{"clients", "bi", review.Line{ID: "bi", Where: "tea", May: "mode: read; groups: all; from: 192.0.2.0/24", Since: "2026-05-29", Until: "2027-03-28", Remove: "zhanggui client revoke bi"}},
		{"grants", "g_4", review.Line{ID: "g_4", Who: "店主", Where: "p_1", May: "user snsapi_base", Since: "2026-05-12", Until: "2026-06-11", Remove: "zhanggui grant revoke g_4"}},
		{"staff", "a_2", review.Line{ID: "a_2", May: "auditor", Since: "2025-11-13", Used: "2026-05-29", Remove: "zhanggui admin revoke a_2"}},
		{"rights", "erp", review.Line{ID: "erp", Who: "ERP", Where: "lantian tea", May: "path: " + withdraw + "; group: product", Since: "2025-08-05", Used: "2026-05-30",
			Why: []review.Reason{{Code: review.RightUnused, Detail: "90"}}, Remove: "zhanggui client revoke-right erp --path " + withdraw + " --group product"}},
	} {
		if diff := cmp.Diff(c.want, line(t, r, c.section, c.id)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.section, c.id, diff)
		}
	}
	if why := line(t, r, "sets", "wx00000000000000c2").Why[0]; why.Detail != "999" {
		t.Errorf("spare sets %q", why.Detail)
	}
}

// TestScopes: whoever reads a part reads nothing of the others.
func TestScopes(t *testing.T) {
	for _, c := range []struct {
		scope review.Scope
		want  map[string][]string // ids by section
	}{
		{review.Scope{TenantID: "tea"}, map[string][]string{"members": {"p_3"}, "invitations": {"i_1"}, "clients": {"bi", "erp"}, "rights": {"erp"}, "grants": {"g_2"}, "secrets": {"tea-key"}}},
		{review.Scope{TenantID: "lantian", ShopID: "lantian"}, map[string][]string{"members": {"p_1", "p_2"}, "clients": {"erp", "sync"}, "rights": {"erp"}, "grants": {"g_1", "g_4"},
			"sets": {"wx00000000000000c2"}, "sessions": {"s_1"}, "hosts": {"erp.example.com"}, "programs": {"wiki"}}},
	} {
		r := review.Make(small(), c.scope)
		got := map[string][]string{}
		for _, s := range r.Sections {
			for _, l := range s.Lines {
				got[s.Name] = append(got[s.Name], l.ID)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.scope, diff)
		}
		if where := line(t, r, "clients", "erp").Where; where != c.scope.TenantID {
			t.Errorf("%s: the program's shops are %q", c.scope, where)
		}
	}
}

// TestSameStateSameBytes: a report is a function of its snapshot, and its digest of all
// but the time.
func TestSameStateSameBytes(t *testing.T) {
	a, b := review.Make(small(), review.Scope{}), review.Make(small(), review.Scope{})
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two reports of one state differ:\n%s", diff)
	}
	later := small()
	later.At = later.At.Add(time.Minute)
	if c := review.Make(later, review.Scope{}); c.Digest != a.Digest || c.At.Equal(a.At) {
		t.Errorf("a minute later the digest is %s, was %s", c.Digest, a.Digest)
	}
	for name, change := range map[string]func(*review.Snapshot){
		"a role":   func(s *review.Snapshot) { s.Members[0].Role = access.Viewer },
		"a shop":   func(s *review.Snapshot) { s.Clients[0].Shops = []string{"tea"} },
		"a right":  func(s *review.Snapshot) { s.Clients[2].Rights.TokenExport = true },
		"a key":    func(s *review.Snapshot) { s.Staff[0].ExpiresAt = ago(-1) },
		"a host":   func(s *review.Snapshot) { s.Hosts[0].Public = nil },
		"a secret": func(s *review.Snapshot) { s.Apps[0].SecretVersion = 2 },
	} {
		s := small()
		if change(&s); review.Make(s, review.Scope{}).Digest == a.Digest {
			t.Errorf("%s changed, and not the digest", name)
		}
	}
	if review.Make(small(), review.Scope{TenantID: "tea"}).Digest == a.Digest {
		t.Error("a part has the digest of the whole")
	}
}

// tricks are names that strangers choose.
var tricks = []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a\nclients,root,b", "\u202eexe", "<script>alert(1)</script>", "＝1", strings.Repeat("长", 500), "a\x00b", "\u200bx"}

// TestNamesOfStrangers: nothing in a spreadsheet is computed, nothing breaks a line, and
// nothing turns the direction of writing.
func TestNamesOfStrangers(t *testing.T) {
	s := small()
	for i, name := range tricks {
		s.Clients = append(s.Clients, access.Client{ID: fmt.Sprintf("c%02d", i), Name: name, Shops: []string{"tea"}, CreatedAt: ago(1)})
		s.People[0].Name = name
	}
	r := review.Make(s, review.Scope{})
	var file, text bytes.Buffer
	if err := errors.Join(r.CSV(&file), r.Text(&text, true)); err != nil {
		t.Fatal(err)
	}
	plain, marked := strings.CutPrefix(file.String(), "\ufeff")
	if !marked {
		t.Error("without a byte order mark Excel guesses")
	}
	rows, err := csv.NewReader(strings.NewReader(plain)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines, _ := r.Lines()
	if want := 1 + lines + len(r.Credentials) + 1; len(rows) != want {
		t.Errorf("%d rows, want %d: a name made one", len(rows), want)
	}
	for _, row := range rows {
		for _, c := range row {
			if strings.ContainsAny(c, "\n\r\t") || c != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(c)[0]) || len([]rune(c)) > 600 {
				t.Errorf("cell %q", c)
			}
		}
	}
	for l := range strings.Lines(text.String()) {
		if i := strings.IndexFunc(strings.TrimSuffix(l, "\n"), func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 {
			t.Errorf("line %q", l)
		}
	}
}

// TestFilesAreProved: a file is the report that was signed, or it is refused.
func TestFilesAreProved(t *testing.T) {
	r := review.Make(small(), review.Scope{})
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	back, err := review.ReadFile(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("read back (-written +read):\n%s", diff)
	}
	for old, changed := range map[string]string{`"mode: write`: `"mode: read`, `"digest": "`: `"digest": "0`, `"owner"`: `"viewer"`, `"house"`: `"tenant:x"`} {
		if _, err := review.ReadFile(bytes.Replace(b.Bytes(), []byte(old), []byte(changed), 1)); !errors.Is(err, review.ErrNotTheReport) {
			t.Errorf("%s for %s: %v", changed, old, err)
		}
	}
	for name, trick := range map[string]string{
		"twice":        strings.Replace(b.String(), `"sections":`, `"sections": [], "sections":`, 1),
		"twice inside": strings.Replace(b.String(), `"lines":`, `"lines": [], "lines":`, 1),
		"other case":   strings.Replace(b.String(), `"sections":`, `"Sections": [], "sections":`, 1),
		"behind it":    b.String() + "{}",
	} {
		if _, err := review.ReadFile([]byte(trick)); !errors.Is(err, review.ErrNotTheReport) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := review.ReadFile(plain); err != nil {
		t.Errorf("on one line: %v", err)
	}
	for _, junk := range []string{"", "{", `{"at":1}`, `{"more":1}`, b.String() + "{}"} {
		if _, err := review.ReadFile([]byte(junk)); err == nil {
			t.Errorf("%.20q is taken for a report", junk)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	var b bytes.Buffer
	if err := review.Make(small(), review.Scope{TenantID: "tea"}).JSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"at":"2026-06-01T12:00:00Z","digest":"","scope":"house","sections":null,"credentials":null}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := review.ReadFile(data)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := r.JSON(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := review.ReadFile(again.Bytes()); err != nil {
			t.Errorf("read once and not twice: %v", err)
		}
	})
}

// TestEveryReasonHasWords: in both languages, and every reason is used by a rule.
func TestEveryReasonHasWords(t *testing.T) {
	s := small()
	s.Clients = append(s.Clients, access.Client{ID: "none", CreatedAt: ago(1)})
	found := map[string]bool{}
	for _, codes := range marks(review.Make(s, review.Scope{})) {
		for _, code := range codes {
			found[code] = true
			w := review.Reason{Code: code, Detail: "X"}.Words()
			if w.EN == code || w.ZH == code || strings.Contains(w.EN+w.ZH, "{}") {
				t.Errorf("%s has no words: %+v", code, w)
			}
		}
	}
	if len(found) != 27 {
		t.Errorf("%d reasons stand in the report: %v", len(found), found)
	}
	if strange := (review.Reason{Code: "strange"}).Words(); strange.EN != "strange" {
		t.Errorf("an unknown code says %q", strange.EN)
	}
}

// TestCredentials: what WeChat lets nobody rotate is said, with the page that says so.
func TestCredentials(t *testing.T) {
	kinds := map[string]review.Credential{}
	for _, c := range review.Credentials() {
		kinds[c.Kind] = c
		if c.Who.EN == "" || c.Who.ZH == "" || c.How.EN == "" || c.How.ZH == "" || !slices.Contains([]string{"yes", "no", "by_hand"}, c.Rotates) {
			t.Errorf("%s is not told whole: %+v", c.Kind, c)
		}
	}
	for kind, want := range map[string]string{"authorizer_refresh_token": "no", "user_refresh_token": "no", "app_secret": "by_hand", "component_secret": "by_hand", "client_key": "yes"} {
		if c := kinds[kind]; c.Rotates != want || want != "yes" && !strings.HasPrefix(c.Page, "developers.weixin.qq.com/doc/") {
			t.Errorf("%s: %+v, want %s and a page of WeChat's", kind, c, want)
		}
	}
}

// TestManyMembersAndClients: a large house is reported at once.
func TestManyMembersAndClients(t *testing.T) {
	s := small()
	for i := range 10_000 {
		id := fmt.Sprintf("p_%05d", i)
		s.Members = append(s.Members, access.Member{TenantID: "tea", PersonID: id, Role: access.Viewer})
		s.People = append(s.People, access.Seen{ID: id, Name: "n", At: epoch})
		s.Clients = append(s.Clients, access.Client{ID: fmt.Sprintf("c_%05d", i), Mode: access.Read, Shops: []string{"tea", "lantian"}, CreatedAt: ago(1)})
	}
	begin := time.Now()
	r := review.Make(s, review.Scope{})
	var b bytes.Buffer
	if err := r.CSV(&b); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	lines, _ := r.Lines()
	t.Logf("%d lines, %d bytes in %v", lines, b.Len(), took)
	if lines < 20_000 || took > 20*time.Second { // a quarter of a second on a machine that does nothing else
		t.Errorf("%d lines took %v, which is not how long they take", lines, took)
	}
}
